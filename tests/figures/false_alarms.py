"""How often a comparison finds a difference that is not there, and misses one that is.

Blocks of one file were recorded one after the other on a computer (``record_blocks.py``). A
simulation takes as many in a row as a comparison has, from a random place, and deals them out to
two sides: in turns as ``benchmark.schedule`` orders them, or the first half to one side and the
second half to the other, as whoever measures one file after the other does. Neither side differs,
so each verdict is a false alarm. Then all times of one side are multiplied by 1.05, and a verdict
in that direction is right. In brackets stands the upper end of Clopper and Pearson's interval::

    python tests/figures/false_alarms.py tests/figures/blocks/*.json
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tflconv.benchmark import schedule
from tflconv.comparison import BLOCKS, CONFIDENCE, evidence

TRUE = 1.05
Interval = Callable[[NDArray[np.float64], NDArray[np.float64]], tuple[float, float]]


class Counts(NamedTuple):
    """How many simulations ended how."""

    alarms: int
    found: int
    wrong: int


def rounds(baseline: NDArray[np.float64], contender: NDArray[np.float64]) -> tuple[float, float]:
    """What ``tflconv compare`` does: Student's t over the ratios of rounds."""
    return evidence.of_rounds(list(baseline), list(contender)).interval(CONFIDENCE)


def separate(baseline: NDArray[np.float64], contender: NDArray[np.float64]) -> tuple[float, float]:
    """Welch's interval of all blocks."""
    return evidence.of_separate(list(baseline), list(contender)).interval(CONFIDENCE)


def bootstrap(baseline: NDArray[np.float64], contender: NDArray[np.float64]) -> tuple[float, float]:
    """Percentile bootstrap of the median ratio of rounds."""
    return _percentiles(contender / baseline)


def bootstrap_of_sides(
    baseline: NDArray[np.float64], contender: NDArray[np.float64]
) -> tuple[float, float]:
    """Percentile bootstrap of the ratio of the two sides' medians."""
    random = np.random.default_rng(0)
    top, bottom = (
        np.median(random.choice(side, (1000, len(side))), axis=1) for side in (contender, baseline)
    )
    return _ends(top / bottom)


def _percentiles(ratios: NDArray[np.float64]) -> tuple[float, float]:
    drawn = np.random.default_rng(0).choice(ratios, (1000, len(ratios)))
    return _ends(np.median(drawn, axis=1))


def _ends(values: NDArray[np.float64]) -> tuple[float, float]:
    low, high = np.percentile(values - 1, [50 * (1 - CONFIDENCE), 50 * (1 + CONFIDENCE)])
    return float(low), float(high)


def in_turns(blocks: int, seed: int) -> Sequence[int]:
    """The order of ``tflconv compare``."""
    return schedule.order(2, blocks, seed)


def one_after_the_other(blocks: int, seed: int) -> Sequence[int]:
    """The order of whoever measures a file, and then the other one."""
    return [0] * blocks + [1] * blocks


def simulate(
    recorded: NDArray[np.float64],
    interval: Interval,
    order: Callable[[int, int], Sequence[int]],
    *,
    blocks: int = BLOCKS,
    times: int = 1000,
) -> Counts:
    """Return how many of ``times`` simulations found what; of ``times=0``, of those in a row."""
    alarms = found = wrong = 0
    for seed, start in enumerate(_starts(len(recorded), 2 * blocks, times)):
        window, side = recorded[start : start + 2 * blocks], np.array(order(blocks, seed))
        baseline, contender = window[side == 0], window[side == 1]
        low, high = interval(baseline, contender)
        alarms += low > 0 or high < 0
        low, high = interval(baseline, TRUE * contender)
        found, wrong = found + (low > 0), wrong + (high < 0)
    return Counts(alarms, found, wrong)


def medians(file: Path) -> NDArray[np.float64]:
    """Return the median latency of each block of a recording, as ``record_blocks.py`` wrote it."""
    found = json.loads(file.read_text())
    told = found.get("median_ms") or [block["median_ms"] for block in found["blocks"]]
    return np.array(told, dtype=np.float64)


def _starts(count: int, length: int, times: int) -> Sequence[int]:
    """Return where windows begin: at random, or one after the other for ``times=0``."""
    if times == 0:
        return range(0, count - length + 1, length)
    return [int(n) for n in np.random.default_rng(0).integers(count - length, size=times)]


def upper(count: int, times: int) -> float:
    """Return the upper end of Clopper and Pearson's 95 % interval of a share."""
    from scipy import stats

    return 1.0 if count == times else float(stats.beta.ppf(0.975, count + 1, times - count))


METHODS: dict[str, tuple[Interval, Callable[[int, int], Sequence[int]]]] = {
    "**t over rounds, in turns**": (rounds, in_turns),
    "bootstrap over rounds, in turns": (bootstrap, in_turns),
    "Welch, in turns": (separate, in_turns),
    "bootstrap of the sides, in turns": (bootstrap_of_sides, in_turns),
    "Welch, one file after the other": (separate, one_after_the_other),
    "bootstrap, one file after the other": (bootstrap_of_sides, one_after_the_other),
}


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--times", type=int, default=1000, help="0: windows one after the other.")
    given = parser.parse_args()
    print("| recorded | method | false alarms | 5 % found | wrong way |\n|---|---|---:|---:|---:|")
    in_all, everything = 0, dict.fromkeys(METHODS, Counts(0, 0, 0))
    for file in given.files:
        blocks = medians(file)
        times = given.times or len(_starts(len(blocks), 2 * BLOCKS, 0))
        in_all += times
        for name, (interval, order) in METHODS.items():
            counts = simulate(blocks, interval, order, times=given.times)
            print(_row(file.stem, name, counts, times))
            everything[name] = Counts(*map(sum, zip(everything[name], counts, strict=True)))
    if given.times == 0:
        for name, counts in everything.items():
            print(_row(f"all {in_all}", name, counts, in_all))


def _row(file: str, name: str, counts: Counts, times: int) -> str:
    shares = [f"{100 * count / times:.1f} %" for count in counts]
    bound = f"{100 * upper(counts.alarms, times):.1f} %"
    return f"| {file} | {name} | {shares[0]} ({bound}) | {shares[1]} | {shares[2]} |"


if __name__ == "__main__":
    main()
