"""Tells what several workers hold: proportional set sizes of the service and all of its workers.

Each interpreter of LiteRT packs the weights once more for XNNPACK; what the workers share are the
file itself, libraries, and what the system has read of both.

    python studies/resnet-service/serving/memory.py resnet-fp32.tflite mobilenet-fp32.tflite
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import compare

WORKERS = (1, 2, 4)
HEADER = "| model | file, MB | workers | PSS, MB | more per worker, MB |\n|---|---:|---:|---:|---:|"


def rows(model: Path) -> Iterator[str]:
    """Yield a row per number of workers, all of which have answered their first pictures."""
    least = 0.0
    for workers in WORKERS:
        with compare.serving("litert", model, model, workers) as (pids, _):
            assert len(pids) == 1 + workers
            held = sum(map(compare.pss_mb, pids))
        least = least or held
        more = f"{(held - least) / (workers - 1):.1f}" if workers > 1 else ""
        size = model.stat().st_size / 1e6
        yield f"| {model.stem} | {size:.1f} | {workers} | {held:.0f} | {more} |"


def table(models: list[Path]) -> str:
    """Return all rows."""
    return "\n".join([HEADER, *(row for model in models for row in rows(model))])


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", nargs="+", type=Path)
    print(table(parser.parse_args().models))


if __name__ == "__main__":
    main()
