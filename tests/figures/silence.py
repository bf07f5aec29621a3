"""For how long does each command say nothing on a terminal?

    python tests/figures/silence.py FOLDER [COMMAND ...]

Runs each command on a terminal of its own in FOLDER, one after the other (a later one uses the
files of an earlier one), and prints how long it took, its longest silence, and the seconds of all
silences of more than 2 s.
"""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from fakes import terminal

T = f"{sys.executable} -m tflconv"
MODEL, SMALL = "digits.keras", "--option alpha=0.35 --option halvings=4"
PLAN = """
name = "small"
dataset = "mnist-sample"
recipes = ["fp32", "static_wi8_ai8"]
[bench]
num_runs = 50
min_secs = 0.5
rate_secs = 0.5
[[models]]
model = "mobilenet_v2"
options = { alpha = 0.35, halvings = 4 }
training = { epochs = 1 }
"""
COMMANDS = {
    "train": f"{T} train mobilenet_v2 {SMALL} --dataset mnist-sample --epochs 2 -o {MODEL}",
    "compress": f"{T} compress {MODEL} --recipe channels50 --setting channels.epochs=1 -o s.keras",
    "convert": f"{T} convert {MODEL} --recipe fp32 --recipe int8 -o m",
    "convert (qat)": f"{T} convert {MODEL} --recipe qat --qat-epochs 1 -o m",
    "convert (auto)": f"{T} convert {MODEL} -o auto",
    "verify": f"{T} verify {MODEL} m/*-static_wi8_ai8.tflite",
    "bench": f"{T} bench m/*-fp32.tflite m/*-static_wi8_ai8.tflite --export-json r.json --again",
    "compare": f"{T} compare m/*-fp32.tflite m/*-static_wi8_ai8.tflite --blocks 4",
    "compare (results)": f"{T} compare r.json r.json --force",
    "inspect": f"{T} inspect m/*-fp32.tflite",
    "inspect (Keras)": f"{T} inspect {MODEL}",
    "report": f"{T} report r.json --html r.html --plots plots",
    "study": f"{T} study small.toml -o run",
    "list models": f"{T} list models",
    "list datasets": f"{T} list datasets",
    "datasets show": f"{T} datasets show mnist-sample",
    "devices": f"{T} devices",
    "doctor": f"{T} doctor",
}


def main(folder: Path, chosen: list[str]) -> None:
    """Run the commands and print a table."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "small.toml").write_text(PLAN)
    print(f"{'command':<20} {'seconds':>8} {'longest':>8} {'silent':>8}  code")
    for name, line in COMMANDS.items():
        if chosen and name not in chosen:
            continue
        seen = terminal.run(["bash", "-c", f"exec {line}"], cwd=folder)
        figures = f"{seen.seconds:8.1f} {seen.longest_silence:8.1f} {seen.silent_seconds:8.1f}"
        print(f"{name:<20} {figures}  {seen.code}", flush=True)
        if seen.code:
            print(shlex.quote(seen.text[-400:]))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
