"""What is noted of a request for classes: its number, its line of the log, its place in counts."""

from __future__ import annotations

import time
from typing import Any

from tflconv.service.asking import Asking
from tflconv.service.jobs import Outcome
from tflconv.service.service import Service

_PARTS = ("queue_ms", "decode_ms", "inference_ms")


class Record:
    """One request for classes.

    Args:
        service: Answers it.
        model: Name of the model that it is for.

    Attributes:
        model: Name of the model.
        number: Its own, which its answer tells, too.
        taken: Bytes of its body, which count until its end.
        asking: Its pictures, once they are with the workers.
    """

    def __init__(self, service: Service, model: str) -> None:
        self._service, self.model = service, model
        self._began = time.perf_counter()
        self.number = service.number()
        self.taken = 0
        self.asking: Asking | None = None
        self._slowest = dict[str, Any]()

    def hold(self, count: int) -> None:
        """Take ``count`` bytes of a body until the end of the request.

        Raises:
            Problem: All requests together hold too many.
        """
        self._service.budget.take(count)
        self.taken += count

    def let_go(self) -> None:
        """Give back what its body took."""
        self._service.budget.give_back(self.taken)
        self.taken = 0

    def classified(self, outcomes: list[Outcome]) -> None:
        """Note what its pictures were taken for."""
        assert self.asking is not None
        seconds = time.perf_counter() - self.asking.began
        self._service.metrics.classified(self.model, seconds, outcomes)
        for part in _PARTS:
            self._slowest[part] = max(getattr(outcome, part) for outcome in outcomes)

    def end(self, status: int, **more: Any) -> None:
        """Write its line; it holds no bytes any more."""
        service, name = self._service, self.model
        facts: dict[str, Any] = {"request": self.number, "model": name[:80]}
        if self.asking is not None:
            facts |= {"bytes": self.taken, "pictures": len(self.asking.jobs)}
        milliseconds = round(1000 * (time.perf_counter() - self._began), 3)
        facts |= {**self._slowest, **more, "status": status, "milliseconds": milliseconds}
        self.let_go()
        service.log.event("request", **facts)
        service.metrics.answered(name if name in service.models else "", status)
