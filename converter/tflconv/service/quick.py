"""The request that comes all the time, one raw picture, without a task of its own.

A task costs several turns of the event loop, and each turn runs Python whose code an inference on
the same core has pushed out of the caches. Here the picture goes to the workers when the last byte
of its body has come, and its answer to the client when a worker tells it, in the turns that those
events have anyway. All that is not plain goes the long way, ``classifying``: requests of another
form or that are refused, and answers that are problems or that the client cannot take at once.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from tflconv.service import bodies
from tflconv.service.bodies import Asked
from tflconv.service.classifying import BEGUN, PATH, as_json, head
from tflconv.service.connections import GONE, WHOLE, Ask, LongWay
from tflconv.service.guards import Guards
from tflconv.service.jobs import Outcome
from tflconv.service.problems import Problem
from tflconv.service.records import Record
from tflconv.service.service import Service

_MOST_BYTES, _MOST_DIGITS = 1 << 18, 6
"""Size of a body that is kept until all of it has come, however slowly."""

_TYPES = frozenset(kind.encode() for kind in bodies.RAW_TYPES)


class Quick:
    """Answers plain requests.

    Args:
        service: Answers.
        guards: Knows who may ask.
    """

    def __init__(self, service: Service, guards: Guards) -> None:
        self._service, self._guards = service, guards
        self._most = min(_MOST_BYTES, service.budget.share, service.config.max_bytes)

    def takes(self, scope: Any) -> Ask | None:
        """Return what answers the request whose head is ``scope``; None stands for the long way.

        What is returned is called with the whole body, and with what begins the long way; it
        returns whether it took the request.
        """
        match = PATH.fullmatch(scope["path"])
        if match is None or scope["method"] != "POST" or scope["query_string"]:
            return None
        headers = dict(scope["headers"])
        length = headers.get(b"content-length", b"")
        plain = (
            headers.get(b"content-type") in _TYPES
            and b"content-encoding" not in headers
            and len(headers) == len(scope["headers"])
            and length.isdigit()
            and len(length) <= _MOST_DIGITS
            and 0 < int(length) <= self._most
            and self._guards.refusal(scope) is None
        )
        if not plain:
            return None
        record = Record(self._service, match[1])
        try:
            record.hold(int(length))  # of which nothing is refused once it begins to come
        except Problem:
            return None
        scope[BEGUN] = record
        return partial(self._ask, scope, record)

    def _ask(self, scope: Any, record: Record, body: bytes, go_the_long_way: LongWay) -> bool:
        try:
            asked = Asked(pictures=(body,), top=bodies.DEFAULT_TOP)
            record.asking = asking = self._service.ask(record.model, asked)
        except Problem:  # which the long way will meet as well
            record.let_go()
            return False
        scope[GONE].append(asking.abandon)
        asking.jobs[0].on_end = lambda: self._answer(scope, record, go_the_long_way)
        return True

    def _answer(self, scope: Any, record: Record, go_the_long_way: LongWay) -> None:
        asking = record.asking
        assert asking is not None
        scope[GONE].remove(asking.abandon)
        outcome = asking.jobs[0].ending
        if not isinstance(outcome, Outcome):
            return go_the_long_way()
        outcomes = [outcome]
        try:
            text = as_json(asking.served, outcomes)
        except IndexError:  # the worker lies
            return go_the_long_way()
        if not scope[WHOLE](head(record.number), text.encode()):
            return go_the_long_way()
        record.classified(outcomes)
        record.end(200)
        return None
