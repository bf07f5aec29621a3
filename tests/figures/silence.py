"""For how long does each command say nothing on a terminal?

    python tests/figures/silence.py FOLDER [COMMAND ...] [--page docs/terminal.md]

Runs each command on a terminal of its own in FOLDER, one after the other (a later one uses the
files of an earlier one), and prints how long it took, its longest silence, and the seconds of all
silences of more than 2 s. A command that seems silent for longer than that runs twice more, and the
run with the least silence counts: other programs only add to it. With ``--page`` the table goes
into the page, between ``<!-- silence -->`` and ``<!-- end -->``.
"""

from __future__ import annotations

import argparse
import re
import shlex
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from fakes import terminal
from fakes.terminal import Seen

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
SERVED = "http://"
COMMANDS = {
    "train": f"{T} train mobilenet_v2 {SMALL} --dataset mnist-sample --epochs 2 -o {MODEL}",
    "compress": f"{T} compress {MODEL} --recipe channels50 --setting channels.epochs=1 -o s.keras",
    "compress (prune, cluster)": f"{T} compress {MODEL} --recipe prune50_cluster16 -o p.keras"
    " --setting prune.epochs=1 --setting cluster.epochs=1",
    "compress (depth)": f"{T} compress {MODEL} --recipe depth1 --setting depth.epochs=1"
    " --setting depth.max_drop=100 -o d.keras",
    "convert": f"{T} convert {MODEL} --recipe fp32 --recipe int8 -o m",
    "convert (qat)": f"{T} convert {MODEL} --recipe qat --qat-epochs 1 -o m",
    "convert (auto)": f"{T} convert {MODEL} -o auto",
    "verify": f"{T} verify {MODEL} m/*-static_wi8_ai8.tflite",
    "bench": f"{T} bench m/*-fp32.tflite m/*-static_wi8_ai8.tflite --export-json r.json --again",
    "bench (arm64)": f"{T} bench m/*-fp32.tflite m/*-static_wi8_ai8.tflite"
    " --device arm64:cortex-a76",
    "compare": f"{T} compare m/*-fp32.tflite m/*-static_wi8_ai8.tflite --blocks 4",
    "compare (accuracy)": f"{T} compare m/*-fp32.tflite m/*-static_wi8_ai8.tflite --blocks 4"
    " --dataset mnist-sample",
    "compare (results)": f"{T} compare r.json r.json --force",
    "inspect": f"{T} inspect m/*-fp32.tflite",
    "inspect (two files)": f"{T} inspect m/*-fp32.tflite m/*-static_wi8_ai8.tflite"
    " --calibration mnist-sample --html graphs.html",
    "inspect (Keras)": f"{T} inspect {MODEL}",
    "report": f"{T} report r.json --html r.html --plots plots",
    "study": f"{T} study small.toml -o run",
    "study (again)": f"{T} study small.toml -o run --again",
    "study init": f"{T} study init",
    "serve (start)": f"{T} serve m/*-static_wi8_ai8.tflite --port 0 </dev/null & read -r line;"
    " kill -TERM $!; wait $!",
    "history list": f"{T} history list",
    "list models": f"{T} list models",
    "list recipes": f"{T} list recipes",
    "list datasets": f"{T} list datasets",
    "datasets show": f"{T} datasets show mnist-sample",
    "devices": f"{T} devices",
    "doctor": f"{T} doctor",
}
BEFORE = {
    "convert": "30",
    "convert (qat)": "164",
    "verify": "37 to 53",
    "inspect (Keras)": "8.8",
    "serve (start)": "2.1",
    "history list": "2.8",
}
"""Seconds before anything was shown, where somebody had looked, on other models."""

ALLOWED = 2.0
TIMES = 3
BLOCK = re.compile(r"(<!-- silence -->\n).*?(<!-- end -->)", re.DOTALL)


def measured(name: str, line: str, folder: Path) -> Seen:
    """Run a command until it is quick to speak, three times at most; return the best of them."""
    until = (lambda text: SERVED in text) if name.startswith("serve") else None
    whole = line if until else f"exec {line}"
    environment = {"TFLCONV_HISTORY": str(folder / "history.sqlite")}
    best: Seen | None = None
    for _ in range(TIMES):
        seen = terminal.run(["bash", "-c", whole], cwd=folder, until=until, environment=environment)
        if best is None or seen.longest_silence < best.longest_silence:
            best = seen
        if seen.longest_silence <= ALLOWED:
            break
    assert best is not None
    return best


def main() -> None:
    """Run the commands, print a table, and put it into a page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("commands", nargs="*")
    parser.add_argument("--page", type=Path)
    asked = parser.parse_args()
    asked.folder.mkdir(parents=True, exist_ok=True)
    (asked.folder / "small.toml").write_text(PLAN)
    rows = ["| command | seconds | longest silence | before |", "|---|---:|---:|---:|"]
    print(f"{'command':<26} {'seconds':>8} {'longest':>8} {'silent':>8}  code")
    for name, line in COMMANDS.items():
        if asked.commands and name not in asked.commands:
            continue
        seen = measured(name, line, asked.folder)
        figures = f"{seen.seconds:8.1f} {seen.longest_silence:8.1f} {seen.silent_seconds:8.1f}"
        print(f"{name:<26} {figures}  {seen.code}", flush=True)
        if seen.code not in (0, 5) and not name.startswith("serve"):
            print(shlex.quote(seen.text[-400:]))
        before = BEFORE.get(name, "–")
        rows.append(f"| {name} | {seen.seconds:.1f} | {seen.longest_silence:.1f} | {before} |")
    if asked.page is not None:
        text = asked.page.read_text(encoding="utf-8")
        table = "\n".join(rows)
        asked.page.write_text(BLOCK.sub(rf"\g<1>{table}\n\2", text), encoding="utf-8")


if __name__ == "__main__":
    main()
