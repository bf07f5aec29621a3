"""Of random networks of other people's operators ``auto`` takes the cheapest file that is close."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from figures.cheapest_choice import counted

NETWORKS = 40
MOST = 0.03


def test_auto_takes_the_cheapest_that_is_close(
    count: Callable[[int], int],
    tell: Callable[[str, str], None],
    table: Callable[[str, Sequence[Sequence[str]]], None],
    tmp_path: Path,
) -> None:
    """Every operator that stands in for another is in at least two of the networks."""
    seeds = range(count(NETWORKS))
    found = [counted(seed, tmp_path) for seed in seeds]
    rows = [
        (str(seed), f"{each.auto / 1e6:.3f} M", f"{100 * each.loss:+.1f} %")
        for seed, each in zip(seeds, found, strict=True)
    ]
    header = ("network", "instructions of `auto`", "beyond the cheapest candidate that is close")
    table("Files of random networks of other people's operators", [header, *rows])
    worst = max(each.loss for each in found)
    assert worst <= MOST, "\n".join(map(str, found))
    tell(f"{len(found)} networks, all candidates counted", f"at most {100 * worst:.1f} % lost")
