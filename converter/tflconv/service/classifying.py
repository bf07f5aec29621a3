"""The address that is asked all the time: pictures in, classes out, with little in between.

A request for it passes no router, no middleware and no wrapper of its answer: of the time that a
small network takes, those would be a tenth. What it may ask is checked by ``bodies``, and what it
must bring by ``guards``, as for every other address.
"""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from tflconv.service import bodies
from tflconv.service.connections import GONE, WHOLE
from tflconv.service.generation import Served
from tflconv.service.guards import respond
from tflconv.service.jobs import Outcome
from tflconv.service.problems import Problem
from tflconv.service.service import Gone, Service, unknown_model

_PATH = re.compile(r"/models/([^/]+)/classify")

_GONE = 499
"""What the log says of a client that did not wait for its answer."""

Failed = Callable[[Request, Exception], Awaitable[Response]]


class Classifying:
    """Answers requests for classes, and hands all others on.

    Args:
        service: Answers.
        others: The application of all other addresses.
        failed: Makes the answer to a request over which there was a bug.
    """

    def __init__(self, service: Service, others: ASGIApp, failed: Failed) -> None:
        self._service, self._others, self._failed = service, others, failed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or let the other application answer."""
        found = _PATH.fullmatch(scope["path"]) if scope["type"] == "http" else None
        if found is None:
            return await self._others(scope, receive, send)
        request, number = Request(scope, receive), secrets.token_hex(8)
        try:
            answer = await _classify(self._service, request, found[1], number)
        except Exception as error:
            await (await self._failed(request, error))(scope, receive, send)
            raise  # to uvicorn, which logs where it was
        if isinstance(answer, str):
            lines = b"content-type: application/json\r\nx-request-id: %b\r\n" % number.encode()
            if WHOLE in scope and scope[WHOLE](lines, answer.encode()):
                return None
            answer = Response(answer, media_type="application/json")
        answer.headers["x-request-id"] = number
        return await answer(scope, receive, send)


async def _classify(service: Service, request: Request, name: str, number: str) -> Response | str:
    """Return the JSON of the classes, or the answer that tells why there are none."""
    began, taken, status = time.perf_counter(), 0, 500
    told: dict[str, Any] = {"request": number, "model": name[:80]}
    answer: Response | str
    try:
        if request.method != "POST":
            raise Problem("method-not-allowed", "Send a picture by POST; see /docs.", allow="POST")
        if name not in service.models:
            raise unknown_model(name, service.models)
        body = await bodies.read(request, service.config, service.budget)
        taken = len(body)
        asked = await bodies.parse(request, body, service.config)
        del body  # its pictures are held already, and may have to wait
        told |= {"bytes": taken, "pictures": len(asked.pictures)}
        gone = request.scope.get(GONE)
        served, outcomes = await service.classify(name, asked, [] if gone is None else gone)
        told |= _slowest(outcomes)
        answer, status = _answer(served, outcomes), 200
    except Problem as problem:
        answer, status = respond(problem), problem.status
        service.metrics.problem(problem.kind)
        told |= {"problem": problem.kind, "detail": problem.detail}
    except (ClientDisconnect, Gone):
        answer, status = Response(), _GONE
    finally:
        service.budget.give_back(taken)
        milliseconds = round(1000 * (time.perf_counter() - began), 3)
        service.log.event("request", **told, status=status, milliseconds=milliseconds)
    service.metrics.answered(name if name in service.models else "", status)
    return answer


def _answer(served: Served, outcomes: list[Outcome]) -> str:
    """Return the answer as JSON; names and labels are JSON already."""
    pictures = ", ".join(
        f'{{"classes": [{_classes(served, outcome)}], "milliseconds": {_milliseconds(outcome)}}}'
        for outcome in outcomes
    )
    return f'{{"model": {served.told}, "pictures": [{pictures}]}}'


def _milliseconds(outcome: Outcome) -> str:
    return (
        f'{{"queue": {outcome.queue_ms}, "decode": {outcome.decode_ms},'
        f' "inference": {outcome.inference_ms}}}'
    )


def _classes(served: Served, outcome: Outcome) -> str:
    return ", ".join(
        f'{{"label": {served.told_labels[index]}, "index": {index}, "probability": {share!r}}}'
        for index, share in outcome.top
    )


def _slowest(outcomes: list[Outcome]) -> dict[str, float]:
    """The longest times among the pictures of a request."""
    parts = ("queue_ms", "decode_ms", "inference_ms")
    return {part: max(getattr(outcome, part) for outcome in outcomes) for part in parts}
