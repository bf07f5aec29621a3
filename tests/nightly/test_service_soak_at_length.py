"""Half an hour of overload, cuts, kills and reloads loses no request, and no memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from fakes.soaking import soak

SECONDS = 1800
GROWTH = 200
"""KiB per minute that the noise of a short run may look like."""


def test_service_holds_under_everything(
    tmp_path: Path,
    count: Callable[[int], int],
    tell: Callable[[str, str], None],
    table: Callable[[str, list[Sequence[str]]], None],
) -> None:
    seconds = count(SECONDS)
    tally = soak(tmp_path, seconds)
    assert tally.faults == []
    slope, largest = tally.slope(), max(whole for _, _, whole in tally.memory)
    if seconds >= 600:
        assert slope < GROWTH
    done = ", ".join(f"{number} {name}" for name, number in tally.done.items() if name)
    answers = ", ".join(f"{number} {name}" for name, number in tally.answers.most_common())
    table(
        "The service under three times what it can do",
        [
            ("figure", "value"),
            ("seconds", str(seconds)),
            ("what was done to it", done),
            ("answers", answers),
            ("wrong, missing or doubled answers", str(len(tally.faults))),
            ("p99 of those with classes", f"{tally.p99():.0f} ms"),
            ("memory of the service itself, slope", f"{slope:+.0f} KiB per minute"),
            ("memory with its workers, most", f"{largest / 2**20:.0f} MiB"),
        ],
    )
    tell(f"{seconds} s at 3 times overload", f"{sum(tally.answers.values())} answers, 0 faults")
