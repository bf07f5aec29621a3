"""How often ``tflconv compare`` is right on this computer: the same two files, again and again.

Both files are chains of equal layers (``equal_layers.py``): with as many layers on both sides each
interval without 0 is wrong, and with 20 and 21 one file truly does a twentieth more work, and each
interval below 0 is wrong. Each call is a process of its own, as a user starts it, with 20
blocks per side and a seed of its own. A line per call is added to the log, so what was cut goes on
where it ended; a log alone is only counted::

    python tests/figures/compare_again.py LOG.jsonl --layers 20 20 --times 200
    python tests/figures/compare_again.py tests/figures/compared/*.jsonl
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from equal_layers import write
from false_alarms import upper

SETTINGS = ("--num-runs", "20", "--min-secs", "0.1", "--warmup-min-secs", "0.05", "--no-history")


def compare(files: Sequence[Path], seed: int) -> dict[str, Any]:
    """Call ``tflconv compare`` and return what it says of latency."""
    command = [sys.executable, "-m", "tflconv", "compare", *map(str, files)]
    began = time.monotonic()
    said = subprocess.run(
        [*command, *SETTINGS, "--seed", str(seed), "--json"],
        stdout=subprocess.PIPE,
        check=True,
    ).stdout
    (pair,) = json.loads(said)["pairs"]
    latency = next(effect for effect in pair["effects"] if effect["figure"] == "latency")
    return {
        "seed": seed,
        "verdict": latency["verdict"],
        "change": round(latency["change"], 5),
        "interval": [round(end, 5) for end in latency["interval"]],
        "baseline_ms": round(latency["baseline"], 4),
        "seconds": round(time.monotonic() - began, 1),
        "load": round(os.getloadavg()[0], 1),
    }


def record(log: Path, layers: Sequence[int], times: int) -> None:
    """Call it until ``log`` has a line for each of ``times`` seeds."""
    log.parent.mkdir(parents=True, exist_ok=True)
    log.touch()
    with tempfile.TemporaryDirectory() as folder:
        names = ("baseline.tflite", "contender.tflite")
        files = [write(Path(folder) / name, n) for name, n in zip(names, layers, strict=True)]
        files = files[:1] * 2 if layers[0] == layers[1] else files
        for seed in range(len(_lines(log)), times):
            line = json.dumps({"layers": list(layers), **compare(files, seed)})
            with log.open("a") as stream:
                stream.write(line + "\n")


def _lines(log: Path) -> list[Mapping[str, Any]]:
    return [json.loads(line) for line in log.read_text().splitlines()]


def row(log: Path) -> str:
    """Return a row of a table: how many calls ended with each answer, and how many were wrong."""
    calls = _lines(log)
    count, verdicts = len(calls), Counter(call["verdict"] for call in calls)
    told = (verdicts[word] for word in ("slower", "no practical difference", "cannot tell"))
    is_same = len(set(calls[0]["layers"])) == 1
    wrong = sum(_excludes_zero(call) if is_same else call["interval"][1] < 0 for call in calls)
    seconds, load = (sorted(c[name] for c in calls)[count // 2] for name in ("seconds", "load"))
    bound = f"{100 * wrong / count:.1f} % ({100 * upper(wrong, count):.1f} %)"
    layers = " and ".join(map(str, calls[0]["layers"]))
    cells = (log.stem, layers, count, *told, verdicts["faster"], bound, f"{seconds:.0f} s", load)
    return f"| {' | '.join(map(str, cells))} |"


def _excludes_zero(call: Mapping[str, Any]) -> bool:
    low, high = call["interval"]
    return bool(low > 0 or high < 0)


def main() -> None:
    """Record if that is asked for, and print a table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("logs", nargs="+", type=Path)
    parser.add_argument("--layers", nargs=2, type=int, help="Of the baseline and the contender.")
    parser.add_argument("--times", type=int, default=0, help="Calls that the log shall have.")
    given = parser.parse_args()
    if given.times:
        record(given.logs[0], given.layers, given.times)
    print("| log | layers | calls | slower | same | cannot tell | faster | wrong | each | load |")
    print("|---|---|---:|---:|---:|---:|---:|---:|---:|---:|")
    for log in given.logs:
        print(row(log))


if __name__ == "__main__":
    main()
