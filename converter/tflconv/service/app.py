"""The addresses of the service, and what is answered at each."""

from __future__ import annotations

import secrets
import time
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from tflconv.core.text import to_json
from tflconv.service import bodies, metrics, openapi, pages
from tflconv.service.connections import GONE
from tflconv.service.generation import Served
from tflconv.service.guards import respond
from tflconv.service.jobs import Outcome
from tflconv.service.problems import Problem
from tflconv.service.service import Gone, Service, unknown_model

_GONE = 499
"""What the log says of a client that did not wait for its answer."""


def make_app(service: Service, *, needs_token: bool = False) -> Starlette:
    """Return the ASGI application of ``service``.

    Args:
        service: Answers.
        needs_token: Whether the page has to ask for a token.
    """
    answers = _Answers(service, needs_token)
    routes = [  # the one that is asked most comes first
        Route("/models/{name}/classify", answers.classify, methods=["POST"]),
        Route("/", answers.page),
        Route("/docs", answers.reference),
        Route("/openapi.json", answers.description),
        Route("/livez", answers.alive),
        Route("/readyz", answers.ready),
        Route("/metrics", answers.numbers),
        Route("/models", answers.models),
        Route("/models/{name}", answers.model),
    ]
    kinds = (Problem, HTTPException, Exception)
    return Starlette(routes=routes, exception_handlers=dict.fromkeys(kinds, answers.failed))


class _Answers:
    """One method per address."""

    def __init__(self, service: Service, needs_token: bool) -> None:
        self._service, self._needs_token = service, needs_token

    async def page(self, _: Request) -> Response:
        return _page(pages.upload(list(self._service.models), needs_token=self._needs_token))

    async def reference(self, _: Request) -> Response:
        return _page(pages.reference(openapi.document(list(self._service.models))))

    async def description(self, _: Request) -> Response:
        return _json(openapi.document(list(self._service.models)))

    async def alive(self, _: Request) -> Response:
        return _json({"status": "alive"})

    async def ready(self, _: Request) -> Response:
        if not self._service.is_ready:
            raise Problem("overloaded", "No worker is ready.", retry_after=1)
        return _json({"status": "ready"})

    async def numbers(self, _: Request) -> Response:
        return Response(self._service.metrics.text(), media_type=metrics.MEDIA_TYPE)

    async def models(self, _: Request) -> Response:
        return _json({"models": [_described(model) for model in self._service.models.values()]})

    async def model(self, request: Request) -> Response:
        name, models = request.path_params["name"], self._service.models
        if name not in models:
            raise unknown_model(name, models)
        return _json(_described(models[name]))

    async def classify(self, request: Request) -> Response:
        return await _classify(self._service, request)

    async def failed(self, request: Request, error: Exception) -> Response:
        """Answer a request that went wrong outside of ``classify``."""
        problem = _problem(error)
        self._service.metrics.problems.labels(problem.kind).inc()
        if problem.kind == "internal":
            self._service.log.event("bug", error=type(error).__name__, path=request.url.path[:200])
        return respond(problem)


async def _classify(service: Service, request: Request) -> Response:
    began, name, taken = time.perf_counter(), request.path_params["name"], 0
    told: dict[str, Any] = {"request": secrets.token_hex(8), "model": name[:80]}
    status = 500
    try:
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
        response, status = _answer(served, outcomes), 200
    except Problem as problem:
        response, status = respond(problem), problem.status
        service.metrics.problems.labels(problem.kind).inc()
        told |= {"problem": problem.kind, "detail": problem.detail}
    except (ClientDisconnect, Gone):
        response, status = Response(), _GONE
    finally:
        service.budget.give_back(taken)
        milliseconds = round(1000 * (time.perf_counter() - began), 3)
        service.log.event("request", **told, status=status, milliseconds=milliseconds)
    known = name if name in service.models else ""
    service.metrics.requests.labels(known, str(status)).inc()
    response.headers["x-request-id"] = told["request"]
    return response


def _answer(served: Served, outcomes: list[Outcome]) -> Response:
    told = {
        "model": {"name": served.name, "sha256": served.sha256},
        "pictures": [
            {
                "classes": [
                    {"label": served.labels[index], "index": index, "probability": probability}
                    for index, probability in outcome.top
                ],
                "milliseconds": {
                    "queue": outcome.queue_ms,
                    "decode": outcome.decode_ms,
                    "inference": outcome.inference_ms,
                },
            }
            for outcome in outcomes
        ],
    }
    return _json(told)


def _slowest(outcomes: list[Outcome]) -> dict[str, float]:
    """The longest times among the pictures of a request."""
    parts = ("queue_ms", "decode_ms", "inference_ms")
    return {part: max(getattr(outcome, part) for outcome in outcomes) for part in parts}


def _described(model: Served) -> dict[str, Any]:
    height, width, channels = model.shape
    size = {"height": height, "width": width, "channels": channels}
    told = {"name": model.name, "sha256": model.sha256, "bytes": model.bytes, "input": size}
    return {**told, "labels": model.labels, "classify": f"/models/{model.name}/classify"}


def _problem(error: Exception) -> Problem:
    if isinstance(error, Problem):
        return error
    if isinstance(error, HTTPException):
        if error.status_code == 405:
            return Problem("method-not-allowed", "See /docs for what it takes.")
        return Problem("not-found", "See /docs for what there is.")
    return Problem("internal", "This is a bug. It is in the log.")


def _json(value: object) -> Response:
    return Response(to_json(value, indent=None), media_type="application/json")


def _page(page: pages.Page) -> Response:
    return HTMLResponse(page.html, headers={"content-security-policy": page.policy})
