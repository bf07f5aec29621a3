"""What every request passes: the right host, a bearer token, and headers that protect pages."""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping, Sequence

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tflconv.core.text import to_json
from tflconv.service.problems import MEDIA_TYPE, Problem

OPEN = ("/", "/docs", "/livez", "/readyz", "/openapi.json")
"""Addresses that need no token: they tell nothing of what was asked."""

RawHeaders = list[tuple[bytes, bytes]]

_LOCAL = re.compile(rb"(localhost|127\.0\.0\.1|\[::1\])(:\d{1,5})?", re.IGNORECASE)
"""What a Host header may say where only this computer may ask."""

_HEADERS: Mapping[str, str] = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}
_POLICY = [(b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'")]


def respond(problem: Problem) -> Response:
    """Return the answer that tells of ``problem``."""
    content = to_json(problem.to_json(), indent=None)
    return Response(content, problem.status, problem.headers, MEDIA_TYPE)


class Guards:
    """Wraps an application.

    Args:
        app: The application.
        token: What requests must bring; None for nothing.
        local: Whether only this computer may ask, by its own names: a page of another site that
            its server gave the name of this computer is refused.
        allow_origin: The other origin whose pages may ask; empty for none.
    """

    def __init__(
        self, app: ASGIApp, *, token: str | None = None, local: bool = True, allow_origin: str = ""
    ) -> None:
        self._app, self._local, self._origin = app, local, allow_origin
        self._token = None if token is None else token.encode()
        added = dict(_HEADERS) | (_of_origin(allow_origin) if allow_origin else {})
        self._added = [(name.encode(), value.encode()) for name, value in added.items()]
        self.lines = b"".join(b"%b: %b\r\n" % each for each in [*self._added, *_POLICY])

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or let the application answer."""
        if scope["type"] != "http":
            return await self._app(scope, receive, send)

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = self._with_guards(message["headers"])
            await send(message)

        answer = self.refusal(scope)
        await (answer or self._app)(scope, receive, send_guarded)
        return None

    def refusal(self, scope: Scope) -> Response | None:
        """Return what is answered in place of the application; None where it may answer."""
        hosts = [value for name, value in scope["headers"] if name == b"host"]
        if self._local and not _is_local(hosts):
            return respond(Problem("wrong-host", "Ask by 127.0.0.1 or localhost."))
        if self._origin and scope["method"] == "OPTIONS":
            allowed = {"access-control-allow-methods": "GET, POST", "access-control-max-age": "600"}
            allowed["access-control-allow-headers"] = "authorization, content-type"
            return Response(status_code=204, headers=allowed)
        if self._token is None or scope["path"] in OPEN:
            return None
        scheme, _, token = Headers(scope=scope).get("authorization", "").partition(" ")
        right = hmac.compare_digest(token.strip().encode(), self._token)
        if scheme.lower() == "bearer" and right:
            return None
        return respond(Problem("unauthorized", "Send the header Authorization: Bearer TOKEN."))

    def _with_guards(self, headers: RawHeaders) -> RawHeaders:
        has_policy = any(name == b"content-security-policy" for name, _ in headers)
        return [*headers, *self._added, *(() if has_policy else _POLICY)]


def _of_origin(origin: str) -> dict[str, str]:
    allowed = {"access-control-allow-origin": origin, "vary": "origin"}
    return {**allowed, "cross-origin-resource-policy": "cross-origin"}


def _is_local(hosts: Sequence[bytes]) -> bool:
    return len(hosts) == 1 and _LOCAL.fullmatch(hosts[0]) is not None


__all__: Sequence[str] = ["OPEN", "Guards", "respond"]
