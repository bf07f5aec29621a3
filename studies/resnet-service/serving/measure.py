"""Measures all figures of the README beside it anew, and writes its tables: twelve idle minutes.

    python studies/resnet-service/serving/measure.py \\
        --resnet FP32.tflite INT8.tflite RESNET.onnx RESNET.keras PICTURE.png \\
        --mobilenet FP32.tflite INT8.tflite MOBILENET.onnx MOBILENET.keras PICTURE.png

Nothing else may run meanwhile. Each table stands between ``<!-- measured: NAME -->`` and
``<!-- end -->``; ``--only NAME...`` writes some, of which ``resnet mobilenet aims`` measure once.
"""

from __future__ import annotations

import argparse
import re
import sys
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path

import compare
import floor
import memory
import runtimes
import threads

README = Path(__file__).with_name("README.md")
TO_BE = (">= 5", ">= 1.5", ">= 1.0", ">= 1.3", ">= 0.70", "<= 0.50")
NAMES = ("ResNet-20", "MobileNetV2")
ROUNDS, SECONDS = 3, 3


class Tables:
    """One method per table."""

    def __init__(self, resnet: list[Path], mobilenet: list[Path]) -> None:
        self._networks = {"resnet": resnet, "mobilenet": mobilenet}
        self._found = cache(self._compared)

    def resnet(self) -> str:
        """All runtimes behind the service, ResNet-20."""
        return compare.table(self._found("resnet"))

    def mobilenet(self) -> str:
        """All runtimes behind the service, MobileNetV2."""
        return compare.table(self._found("mobilenet"))

    def aims(self) -> str:
        """What was to be reached, and was."""
        small, large = (compare.aims(self._found(name)) for name in self._networks)
        lines = [f"| | to be | {' | '.join(NAMES)} |", "|---|---:|---:|---:|"]
        for name, to_be in zip(small, TO_BE, strict=True):
            lines.append(f"| {name} | {to_be} | {small[name]:.2f} | {large[name]:.2f} |")
        return "\n".join(lines)

    def floor(self) -> str:
        """What a request costs before any of it is ours."""
        networks = [(name, model, picture) for name, (model, *_, picture)
                    in zip(NAMES, self._networks.values(), strict=True)]  # fmt: skip
        rows = floor.rows(networks, rounds=ROUNDS, seconds=2)
        lines = [f"| {' | '.join(row)} |" for row in rows]
        return "\n".join(
            ["| | a client waits, ms | CPU per request, µs |\n|---|---:|---:|", *lines]
        )

    def runtimes(self) -> str:
        """LiteRT and ONNX Runtime alone, in pairs."""
        rows = [runtimes.compared(model, onnx, count=24, length=0.25)
                for model, _, onnx, *_ in self._networks.values()]  # fmt: skip
        return "\n".join([runtimes.HEADER, *rows])

    def threads(self) -> str:
        """Processes, threads and batches."""
        models = [files[0] for files in self._networks.values()]
        return threads.table(models, rounds=ROUNDS, seconds=1.0)

    def memory(self) -> str:
        """What several workers hold."""
        return memory.table([file for files in self._networks.values() for file in files[:2]])

    def _compared(self, name: str) -> compare.Found:
        model, int8, onnx, keras, picture = self._networks[name]
        told = compare.told(model, int8, onnx, keras)
        return compare.compared(told, picture, rounds=ROUNDS, seconds=SECONDS)


def write(name: str, table: str) -> None:
    """Put a table in its place."""
    text = README.read_text(encoding="utf-8")
    block = re.compile(rf"(<!-- measured: {name} -->\n).*?(<!-- end -->)", re.DOTALL)
    changed, count = block.subn(lambda found: f"{found[1]}{table}\n{found[2]}", text)
    if count != 1:
        raise SystemExit(f"{README} has {count} places for the table {name}.")
    README.write_text(changed, encoding="utf-8")


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("resnet", "mobilenet"):
        parser.add_argument(f"--{name}", nargs=5, type=Path, required=True)
    names = ("floor", "runtimes", "resnet", "mobilenet", "aims", "threads", "memory")
    parser.add_argument("--only", nargs="+", choices=names, default=names)
    given = parser.parse_args()
    tables, began = Tables(given.resnet, given.mobilenet), time.monotonic()
    for name in names:
        if name in given.only:
            make: Callable[[], str] = getattr(tables, name)
            write(name, make())
            print(f"{name}: written after {time.monotonic() - began:.0f} s", file=sys.stderr)


if __name__ == "__main__":
    main()
