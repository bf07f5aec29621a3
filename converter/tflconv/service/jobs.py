"""Pictures on their way through the workers, and how the loss of a worker is told."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from tflconv.service import wire
from tflconv.service.problems import KINDS, Problem

_FAULTS = (signal.SIGSEGV, signal.SIGBUS, signal.SIGILL, signal.SIGFPE, signal.SIGABRT)


@dataclass(frozen=True, kw_only=True)
class Outcome:
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
    """One picture that waits or is worked on."""

    number: int
    model: str
    content: bytes
    top: int
    future: asyncio.Future[Outcome]
    accepted: float = field(default_factory=time.perf_counter)
    started: float | None = None

    def message(self) -> bytes:
        """Return the question to a worker."""
        return wire.Question(
            number=self.number, model=self.model, top=self.top, content=self.content
        ).pack()

    def begin(self) -> None:
        """Note that a worker is at it, so that it waits no longer."""
        self.started = time.perf_counter()

    def finish(self, head: wire.Message, body: bytes) -> None:
        """Take the answer of the worker.

        Raises:
            KeyError, TypeError, ValueError: It is none, or one to another picture.
        """
        if head:
            return self._refuse(head)
        told = wire.Classes.unpack(body)
        self._require(told.number)
        waited = (self.started or self.accepted) - self.accepted
        if not self.future.done():
            self.future.set_result(
                Outcome(
                    top=told.top,
                    queue_ms=round(1000 * waited, 3),
                    decode_ms=told.decode_ms,
                    inference_ms=told.inference_ms,
                )
            )
        return None

    def _refuse(self, head: wire.Message) -> None:
        self._require(head["id"])
        KINDS[head["problem"]]  # or KeyError
        self.fail(Problem(head["problem"], str(head["detail"])))

    def _require(self, number: object) -> None:
        if number != self.number:
            raise ValueError(number)

    def fail(self, problem: Problem) -> None:
        """End without an answer."""
        if not self.future.done():
            self.future.set_exception(problem)
            self.future.exception()  # heard, also where nobody waits

    def cancel(self) -> None:
        """End because nobody waits."""
        self.future.cancel()

    @property
    def is_over(self) -> bool:
        """Whether nobody waits for it any more."""
        return self.future.done()


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
