"""The address that is asked all the time: pictures in, classes out, with little in between.

A request for it passes no router, no middleware and no wrapper of its answer: of the time that a
small network takes, those would be a tenth. What it may ask is checked by ``bodies``, and what it
must bring by ``guards``, as for every other address. The plainest ones come here only where
something is wrong, ``quick``.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from tflconv.service import bodies
from tflconv.service.asking import Asking
from tflconv.service.connections import GONE, WHOLE
from tflconv.service.generation import Served
from tflconv.service.guards import respond
from tflconv.service.jobs import Gone, Outcome
from tflconv.service.problems import Problem
from tflconv.service.records import Record
from tflconv.service.service import Service

PATH = re.compile(r"/models/([^/]+)/classify")

BEGUN = "tflconv.begun"
"""The key of a request's scope under which is the ``Record`` of one that was begun already."""

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
        match = PATH.fullmatch(scope["path"]) if scope["type"] == "http" else None
        if match is None:
            return await self._others(scope, receive, send)
        request = Request(scope, receive)
        record = scope.get(BEGUN) or Record(self._service, match[1])
        try:
            answer = await _classify(self._service, request, record)
        except Exception as error:
            await (await self._failed(request, error))(scope, receive, send)
            raise  # to uvicorn, which logs where it was
        if isinstance(answer, str):
            if WHOLE in scope and scope[WHOLE](head(record.number), answer.encode()):
                return None
            answer = Response(answer, media_type="application/json")
        answer.headers["x-request-id"] = record.number
        return await answer(scope, receive, send)


async def _classify(service: Service, request: Request, record: Record) -> Response | str:
    """Return the JSON of the classes, or the answer that tells why there are none."""
    status, wrong = 500, dict[str, str]()
    answer: Response | str
    try:
        if record.asking is None:
            record.asking = await _ask(service, request, record)
        outcomes = await _outcomes(record.asking, request.scope.get(GONE, []))
        record.classified(outcomes)
        answer, status = as_json(record.asking.served, outcomes), 200
    except Problem as problem:
        answer, status = respond(problem), problem.status
        service.metrics.problem(problem.kind)
        wrong = {"problem": problem.kind, "detail": problem.detail}
    except (ClientDisconnect, Gone):
        answer, status = Response(), _GONE
    finally:
        record.end(status, **wrong)
    return answer


async def _ask(service: Service, request: Request, record: Record) -> Asking:
    """Read a request, and give its pictures to the workers."""
    if request.method != "POST":
        raise Problem("method-not-allowed", "Send a picture by POST; see /docs.", allow="POST")
    service.require(record.model)
    body = await bodies.read(request, service.config, record.hold)
    return service.ask(record.model, await bodies.parse(request, body, service.config))


async def _outcomes(asking: Asking, gone: list[Callable[[], None]]) -> list[Outcome]:
    """Wait for the pictures, or until the client goes; then what is in ``gone`` is called."""
    gone.append(asking.abandon)
    try:
        return await asking.outcomes()
    finally:
        gone.remove(asking.abandon)


def head(number: str) -> bytes:
    """Return the lines of the head of an answer that tells classes."""
    return b"content-type: application/json\r\nx-request-id: %b\r\n" % number.encode()


def as_json(served: Served, outcomes: list[Outcome]) -> str:
    """Return the answer as JSON; names and labels are JSON already.

    Raises:
        IndexError: A worker told of a class that there is not.
    """
    begins, pictures = served.class_openings, list[str]()
    for top, queue, decode, inference in outcomes:
        classes = ", ".join([f"{begins[index]}{share!r}}}" for index, share in top])
        milliseconds = f'{{"queue": {queue}, "decode": {decode}, "inference": {inference}}}'
        pictures.append(f'{{"classes": [{classes}], "milliseconds": {milliseconds}}}')
    return f'{{"model": {served.identity}, "pictures": [{", ".join(pictures)}]}}'
