"""How far a file seems to be from itself when two sides of it take more or fewer turns.

Blocks of one file were recorded one after the other on a computer (``record_blocks.py``). Eight of
them are one side and eight the other, in one, two, four or eight turns each, in the order of
``benchmark.schedule``. Nothing differs, so the true ratio of their medians is 1; told is how far
from it 9 of 10 ratios stay, over every place of the recording::

    python tests/figures/turns.py tests/figures/blocks/*.json
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from false_alarms import medians
from numpy.typing import NDArray

from tflconv.benchmark import schedule

BLOCKS, TURNS = 8, (1, 2, 4, 8)


def error(recorded: NDArray[np.float64], turns: int) -> float:
    """Return what 90 of 100 ratios differ from 1 by at most."""
    found = []
    for seed, start in enumerate(range(len(recorded) - 2 * BLOCKS + 1)):
        side = np.repeat(schedule.order(2, turns, seed), BLOCKS // turns)
        window = recorded[start : start + 2 * BLOCKS]
        found.append(abs(np.median(window[side == 1]) / np.median(window[side == 0]) - 1))
    return float(np.quantile(found, 0.9))


def main() -> None:
    """Print a table."""
    print(f"| recorded | {' | '.join(map(str, TURNS))} |\n|---|{'---:|' * len(TURNS)}")
    for file in map(Path, sys.argv[1:]):
        cells = [f"{100 * error(medians(file), turns):.1f} %" for turns in TURNS]
        print(f"| {file.stem} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
