"""How a stage tells how far it is: one value, one callback, whoever listens.

Every long function takes ``progress: Callback``. The command line draws bars of it, a study
prefixes each event with the model that it is about, a notebook may ignore it.

What is about one subject happens one after the other: the next stage of a subject ends the one
before it. So most stages tell only that they begin.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal, Protocol

State = Literal["working", "note", "done", "failed"]


@dataclass(frozen=True, kw_only=True)
class Progress:
    """One event of a stage.

    Attributes:
        stage: What is being done: ``train``, ``qat``, ``convert``, ``verify``, ``bench``.
        done: Units of work that are finished.
        total: Units of work in all; 0 where that is not known.
        unit: What is counted: ``pictures``, ``steps``, ``bytes``.
        message: One sentence worth a line in a log; empty for an event that only moves a bar.
        subject: The model or file it is about, where several are at work.
        state: ``working``; ``note`` for a message that is no work of its own; ``done`` or
            ``failed`` where a job ends, which is what "3 of 8" counts.
        jobs: Jobs that are to come, by stage, announced before the first of them begins.
    """

    stage: str
    done: int = 0
    total: int = 0
    unit: str = ""
    message: str = ""
    subject: str = ""
    state: State = "working"
    jobs: Mapping[str, int] = field(default_factory=dict)


class Callback(Protocol):
    """Whoever listens: a function of an event."""

    def __call__(self, event: Progress, /) -> object:
        """Hear of ``event``."""
        ...


def about(subject: str, progress: Callback) -> Callback:
    """Return a callback that says of each event that it is about ``subject``."""
    return lambda event: progress(replace(event, subject=subject))


def working(progress: Callback) -> Callback:
    """Return a callback that hears of no end of a job: it is a part of another one."""
    return lambda event: None if event.state in ("done", "failed") else progress(event)


def announce(progress: Callback, **jobs: int) -> None:
    """Say how many jobs of each stage are to come.

    Example:
        >>> announce(lambda event: print(dict(event.jobs)), convert=2, verify=0)
        {'convert': 2}
    """
    progress(Progress(stage="", jobs={stage: count for stage, count in jobs.items() if count}))


def silent(_: Progress) -> None:
    """Ignore every event."""
