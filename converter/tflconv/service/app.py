"""The addresses of the service, and what is answered at each."""

from __future__ import annotations

from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from tflconv.core.text import to_json
from tflconv.service import metrics, openapi, pages
from tflconv.service.classifying import Classifying
from tflconv.service.generation import Served
from tflconv.service.guards import respond
from tflconv.service.problems import Problem
from tflconv.service.service import Service, unknown_model


def make_app(service: Service, *, needs_token: bool = False) -> ASGIApp:
    """Return the ASGI application of ``service``.

    Args:
        service: Answers.
        needs_token: Whether the page has to ask for a token.
    """
    answers = _Answers(service, needs_token)
    routes = [
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
    others = Starlette(routes=routes, exception_handlers=dict.fromkeys(kinds, answers.failed))
    return Classifying(service, others, answers.failed)


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

    async def failed(self, request: Request, error: Exception) -> Response:
        """Answer a request that went wrong."""
        problem = _problem(error)
        self._service.metrics.problem(problem.kind)
        if problem.kind == "internal":
            self._service.log.event("bug", error=type(error).__name__, path=request.url.path[:200])
        return respond(problem)


def _described(model: Served) -> dict[str, Any]:
    height, width, channels = model.shape
    size = {"height": height, "width": width, "channels": channels}
    facts = {"name": model.name, "sha256": model.sha256, "bytes": model.bytes, "input": size}
    return {**facts, "labels": model.labels, "classify": f"/models/{model.name}/classify"}


def _problem(error: Exception) -> Problem:
    if isinstance(error, Problem):
        return error
    if isinstance(error, HTTPException):
        if error.status_code == 405:
            allow = (error.headers or {}).get("Allow")
            return Problem("method-not-allowed", "See /docs for what it takes.", allow=allow)
        return Problem("not-found", "See /docs for what there is.")
    return Problem("internal", "This is a bug. It is in the log.")


def _json(value: object) -> Response:
    return Response(to_json(value, indent=None), media_type="application/json")


def _page(page: pages.Page) -> Response:
    return HTMLResponse(page.html, headers={"content-security-policy": page.policy})
