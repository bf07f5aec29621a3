"""LiteRT's own XNNPACK delegate, which says what it takes; and what was foretold of it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tflconv.inspection import delegation
from tflconv.tflite import reading

LOADER = """
import sys
from ai_edge_litert.interpreter import Interpreter
for path in sys.stdin.read().splitlines():
    print("open", path, flush=True)
    try:
        interpreter = Interpreter(path, num_threads=1)
        interpreter.allocate_tensors()
        kinds = [node["op_name"] for node in interpreter._get_ops_details()]
        print("runs", kinds.count("DELEGATE"), flush=True)
    except (ValueError, RuntimeError):
        print("fails", flush=True)
"""


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """How many files were looked at, could be loaded, and were foretold otherwise than they are."""

    files: int
    loadable: int
    differing: tuple[str, ...]


def measured(paths: Sequence[Path]) -> dict[Path, int | None]:
    """Partitions of each file as LiteRT makes them; None for one that it cannot load."""
    found: dict[Path, int | None] = {}
    while waiting := [path for path in paths if path not in found]:
        names = "\n".join(map(str, waiting))
        done = subprocess.run(
            [sys.executable, "-c", LOADER], input=names, capture_output=True, text=True, check=False
        )
        for line in done.stdout.splitlines():
            word, _, rest = line.partition(" ")
            if word == "open":
                current = Path(rest)
                found[current] = None
            elif word == "runs":
                found[current] = int(rest)
    return found


def compare(real: dict[Path, int | None]) -> Comparison:
    """Foretell what ``measured`` found."""
    loadable = {path: count for path, count in real.items() if count is not None}
    differing = []
    for path, count in loadable.items():
        foretold = len(delegation.predict(reading.read(path)).partitions)
        if foretold != count:
            differing.append(f"{path.name}: foretold {foretold}, really {count}")
    return Comparison(files=len(real), loadable=len(loadable), differing=tuple(differing))
