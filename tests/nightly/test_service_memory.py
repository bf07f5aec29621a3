"""Whatever is done to a service, thousands of times, none of it stays in its memory.

The half hour of ``test_service_soak.py`` does all of it at once, with bodies on their way at
every moment; here one kind follows another, and the service is weighed while nothing goes on.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import shutil
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path

from fakes import soaking
from fakes.serving import Running, serving

ROUNDS = 4
"""The first fills caches; the last is compared with the second."""
GROWTH = 4 << 20
"""Bytes that the C library may keep or give back of what a burst of bodies took."""

Event = Callable[[], Awaitable[object]]


def test_service_keeps_nothing_of_what_was_done_to_it(
    tmp_path: Path,
    count: Callable[[int], int],
    tell: Callable[[str, str], None],
    table: Callable[[str, list[Sequence[str]]], None],
) -> None:
    model = tmp_path / "model.tflite"
    shutil.copyfile(soaking.FILES[0], model)
    limits = ("--workers", 2, "--queue", 8, "--watch", 0.3, "--max-connections", 128)
    with (tmp_path / "log").open("wb") as log, serving(model, *limits, stderr=log) as service:
        events, rows = _events(service, model), dict[str, list[int]]()
        for _ in range(ROUNDS):
            for name, (event, times, together) in events.items():
                asyncio.run(_repeat(event, count(times), together))
                time.sleep(1)
                rows.setdefault(name, []).append(soaking.memory(service.process.pid))
        assert service.classify(soaking.picture(0), "model").status == 200
    for sizes in rows.values():
        assert sizes[-1] - sizes[1] < GROWTH
    table(
        "Memory of the service after each kind of event",
        [
            ("event, each round", *(f"round {number + 1}, KiB" for number in range(ROUNDS))),
            *(
                (f"{count(events[name][1])} {name}", *(str(size >> 10) for size in sizes))
                for name, sizes in rows.items()
            ),
        ],
    )
    grown = max(sizes[-1] - sizes[1] for sizes in rows.values())
    tell(f"{ROUNDS} rounds of {len(events)} kinds of events", f"{grown >> 10:+d} KiB")


def _events(service: Running, model: Path) -> Mapping[str, tuple[Event, int, int]]:
    """Each kind with how often it happens in a round, and how many at a time."""
    draw, port, content = random.Random(1), service.port, soaking.picture(0)
    files = iter([soaking.FILES[1], None, soaking.FILES[0]] * 1000)

    async def kill() -> None:
        await soaking.kill(service, draw)
        await asyncio.sleep(1.2)

    async def replace() -> None:
        await soaking.replace(model, next(files))
        await asyncio.sleep(1)

    return {
        "answers": (lambda: soaking.post(port, content), 1000, 4),
        "requests, forty at a time": (lambda: soaking.post(port, content), 1500, 40),
        "cut connections": (lambda: soaking.cut(port, content, draw), 2000, 8),
        "requests of junk": (lambda: soaking.junk(port, draw), 2000, 8),
        "killed workers": (kill, 16, 1),
        "changed files": (replace, 18, 1),
    }


async def _repeat(event: Event, times: int, together: int) -> None:
    left = iter(range(times))

    async def some() -> None:
        for _ in left:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                await event()

    await asyncio.gather(*(some() for _ in range(together)))
