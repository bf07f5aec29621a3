"""How a stage tells how far it is: one value, one callback, whoever listens.

Every long function takes ``progress: Callback``. The command line draws bars of it, a study
prefixes each event with the model that it is about, a notebook may ignore it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace


@dataclass(frozen=True, kw_only=True)
class Progress:
    """One event of a stage.

    Attributes:
        stage: What is being done: ``train``, ``qat``, ``convert``, ``verify``, ``bench``.
        done: Units of work that are finished.
        total: Units of work in all; 0 where that is not known.
        message: One sentence worth a line in a log; empty for an event that only moves a bar.
        subject: The model or file it is about, where several are at work.
    """

    stage: str
    done: int = 0
    total: int = 0
    message: str = ""
    subject: str = ""


Callback = Callable[[Progress], None]


def about(subject: str, progress: Callback) -> Callback:
    """Return a callback that says of each event that it is about ``subject``."""
    return lambda event: progress(replace(event, subject=subject))


def silent(_: Progress) -> None:
    """Ignore every event."""
