"""What is at work, what is finished and how much is left, as the events of stages tell it.

Nothing here draws. Of each subject at most two things are at work: a stage, and a counted part of
it (calibration within a conversion, memory within a measurement). The next stage of a subject ends
the one before.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from tflconv.core.progress import Progress

_KEPT_SECONDS = 0.2
"""A job that took less was not done now, but found done; it says nothing about the others."""


@dataclass
class StageRow:
    """A stage at work, or one that has ended."""

    stage: str
    subject: str
    started: float
    message: str = ""
    done: int = 0
    total: int = 0
    unit: str = ""
    counted_from: tuple[float, int] = (0.0, 0)
    ended: float | None = None
    failed: bool = False
    is_part: bool = False

    def seconds(self, now: float) -> float:
        """Return how long it has been at work."""
        return (now if self.ended is None else self.ended) - self.started

    def seconds_left(self, now: float) -> float | None:
        """Return how long it will take at its pace so far; None where that is not known."""
        since, already = self.counted_from
        done = self.done - already
        if not self.total or done <= 0 or now <= since:
            return None
        return (now - since) / done * (self.total - self.done)


@dataclass
class Overall:
    """How many jobs are done, and how long the others will take at least."""

    done: int
    total: int
    seconds_left: float | None
    is_least: bool


@dataclass
class _Subject:
    stage: StageRow | None = None
    part: StageRow | None = None
    since: float = 0.0


@dataclass
class Tracker:
    """Keeps the rows.

    Args:
        clock: Tells the time in seconds.
    """

    clock: Callable[[], float] = time.monotonic
    _subjects: dict[str, _Subject] = field(default_factory=dict)
    _jobs: Counter[str] = field(default_factory=Counter)
    _done: Counter[str] = field(default_factory=Counter)
    _times: dict[str, list[float]] = field(default_factory=dict)
    _began: float = 0.0

    def __post_init__(self) -> None:
        self._began = self.clock()

    @property
    def seconds(self) -> float:
        """How long all has taken so far."""
        return self.clock() - self._began

    @property
    def rows(self) -> list[StageRow]:
        """What is at work."""
        return [row for each in self._subjects.values() for row in (each.stage, each.part) if row]

    def take(self, event: Progress) -> list[StageRow]:
        """Hear of ``event``; return the rows that it ended."""
        self._jobs.update(event.jobs)
        if not event.stage or event.state == "note":
            return []
        now = self.clock()
        subject = self._subjects.setdefault(event.subject, _Subject(since=self._began))
        if event.state != "working":
            return list(self._end_job(subject, event, now))
        return list(self._work(subject, event, now))

    def end(self, *, failed: bool = False) -> list[StageRow]:
        """End all rows, for nothing is at work any more."""
        now = self.clock()
        return [row for each in self._subjects.values() for row in _ended(each, now, failed=failed)]

    def overall(self) -> Overall | None:
        """Return how far all jobs are; None where there is at most one."""
        total = sum(self._jobs.values())
        if total < 2:
            return None
        left = {stage: count - self._done[stage] for stage, count in self._jobs.items()}
        timed = {stage: times for stage, times in self._times.items() if times}
        waiting = {stage for stage, count in left.items() if count > 0}
        now, busy = self.clock(), [s for s in self._subjects.values() if s.stage is not None]
        seconds = sum(left[s] * sum(timed[s]) / len(timed[s]) for s in waiting & timed.keys())
        seconds = max(0.0, seconds - sum(now - subject.since for subject in busy))
        return Overall(
            done=sum(self._done.values()),
            total=total,
            seconds_left=seconds / max(1, len(busy)) if waiting & timed.keys() else None,
            is_least=not waiting <= timed.keys(),
        )

    def _work(self, subject: _Subject, event: Progress, now: float) -> Iterator[StageRow]:
        stage, part = subject.stage, subject.part
        if event.total == 0 or stage is None:
            yield from _ended(subject, now)
            subject.stage = _row(event, now)
        elif stage.stage == event.stage:
            yield from _ended_part(subject, now)
            _count(stage, event, now)
        elif part is not None and part.stage == event.stage:
            _count(part, event, now)
        else:
            yield from _ended_part(subject, now)
            subject.part = _row(event, now)
            subject.part.is_part = True

    def _end_job(self, subject: _Subject, event: Progress, now: float) -> Iterator[StageRow]:
        failed = event.state == "failed"
        if subject.part is not None and subject.part.stage == event.stage:
            _count(subject.part, event, now)
            yield from _ended_part(subject, now)
            return
        if subject.stage is not None and subject.stage.stage == event.stage:
            _count(subject.stage, event, now)
        yield from _ended(subject, now, failed=failed)
        if self._jobs[event.stage]:
            self._done[event.stage] += 1
            if now - subject.since > _KEPT_SECONDS:
                self._times.setdefault(event.stage, []).append(now - subject.since)
        subject.since = now


def _row(event: Progress, now: float) -> StageRow:
    row = StageRow(stage=event.stage, subject=event.subject, started=now)
    _count(row, event, now)
    return row


def _count(row: StageRow, event: Progress, now: float) -> None:
    if event.total:
        if not row.total or event.done < row.done:
            row.counted_from = (now, event.done)
        row.done, row.total, row.unit = event.done, event.total, event.unit
    row.message = event.message or row.message


def _ended(subject: _Subject, now: float, *, failed: bool = False) -> Iterator[StageRow]:
    yield from _ended_part(subject, now)
    if subject.stage is not None:
        subject.stage.ended, subject.stage.failed = now, failed
        yield subject.stage
        subject.stage = None


def _ended_part(subject: _Subject, now: float) -> Iterator[StageRow]:
    if subject.part is not None:
        subject.part.ended = now
        yield subject.part
        subject.part = None
