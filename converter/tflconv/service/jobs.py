"""Pictures on their way through the workers, and how the loss of a worker is told."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from tflconv.service import wire
from tflconv.service.problems import KINDS, Problem

_FAULTS = (signal.SIGSEGV, signal.SIGBUS, signal.SIGILL, signal.SIGFPE, signal.SIGABRT)


class Gone(Exception):  # noqa: N818 - nothing is wrong
    """Nobody waits for the answer any more."""


class Outcome(NamedTuple):
    """What a worker said of a picture.

    Attributes:
        top: Numbers of classes and their probabilities, the likeliest first.
        queue_ms: Milliseconds that the picture waited.
        decode_ms: Milliseconds to make pixels of it.
        inference_ms: Milliseconds to make probabilities of those.
    """

    top: Sequence[tuple[int, float]]
    queue_ms: float
    decode_ms: float
    inference_ms: float


@dataclass(kw_only=True, eq=False)
class Job:
    """One picture that waits or is worked on.

    Attributes:
        number: Of the picture.
        model: Name of the model.
        content: The picture file.
        top: How many classes are told.
        accepted: When it came.
        started: When a worker began with it; None before that.
        ending: What came of it; None while it is not over.
        on_end: Is called when it is over; it may submit further ones.
    """

    number: int
    model: str
    content: bytes
    top: int
    accepted: float = field(default_factory=time.perf_counter)
    started: float | None = None
    ending: Outcome | Problem | Gone | None = None
    on_end: Callable[[], None] | None = None

    def message(self) -> bytes:
        """Return the question to a worker."""
        return wire.Question(self.number, self.model, self.top, self.content).pack()

    def begin(self) -> None:
        """Note that a worker is at it, so that it waits no longer."""
        self.started = time.perf_counter()

    def read(self, head: wire.Message, body: bytes) -> Outcome | Problem:
        """Return what the answer of the worker says.

        Raises:
            KeyError, TypeError, ValueError: It is none, or one to another picture.
        """
        if head:
            self._require(head["id"])
            KINDS[head["problem"]]  # or KeyError
            return Problem(head["problem"], str(head["detail"]))
        classes = wire.Classes.unpack(body)
        self._require(classes.number)
        waited = (self.started or self.accepted) - self.accepted
        return Outcome(
            classes.top, round(1000 * waited, 3), classes.decode_ms, classes.inference_ms
        )

    def _require(self, number: object) -> None:
        if number != self.number:
            raise ValueError(number)

    def end(self, ending: Outcome | Problem | Gone) -> None:
        """Note what came of it, unless that is noted already."""
        if self.ending is None:
            self.ending = ending
            if self.on_end is not None:
                self.on_end()

    @property
    def is_over(self) -> bool:
        """Whether nobody waits for it any more."""
        return self.ending is not None

    async def outcome(self) -> Outcome:
        """Wait until it is over, and return what came of it.

        Raises:
            Problem: It cannot be told.
            Gone: It was abandoned.
        """
        if self.ending is None:
            over = asyncio.Event()
            self.on_end = over.set
            await over.wait()
        assert self.ending is not None
        if isinstance(self.ending, Exception):
            raise self.ending
        return self.ending


def lost(code: int | None) -> Problem:
    """Return the problem of the picture that a worker was at when it ended.

    Example:
        >>> lost(-signal.SIGSEGV).kind, lost(-signal.SIGKILL).kind
        ('worker-crashed', 'worker-lost')
    """
    if code is not None and -code in _FAULTS:
        name = signal.Signals(-code).name
        return Problem("worker-crashed", f"The process ended by {name}. Do not send it again.")
    return Problem("worker-lost", "The process was ended from outside.", retry_after=1)
