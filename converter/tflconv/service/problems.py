"""What can be wrong with a request, as problem details (RFC 9457).

Each kind has a name that programs can rely on, a status, and a title that never changes; the detail
says what it was this time. No detail holds a path of this computer or bytes of a request.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from tflconv.core.text import clean

MEDIA_TYPE = "application/problem+json"


@dataclass(frozen=True, kw_only=True)
class ProblemKind:
    """A kind of problem: status of its answer and title."""

    status: int
    title: str


KINDS = {
    "bad-request": ProblemKind(status=400, title="The request is not as it must be"),
    "empty-body": ProblemKind(status=400, title="The request has no body"),
    "unauthorized": ProblemKind(status=401, title="The request needs a bearer token"),
    "not-found": ProblemKind(status=404, title="There is nothing at this address"),
    "unknown-model": ProblemKind(status=404, title="There is no model of this name"),
    "method-not-allowed": ProblemKind(status=405, title="This address does not take this method"),
    "too-slow": ProblemKind(status=408, title="The request took too long to arrive"),
    "too-large": ProblemKind(status=413, title="The request is too large"),
    "too-many-pictures": ProblemKind(status=413, title="The request has too many pictures"),
    "wrong-type": ProblemKind(status=415, title="The content type is none of those that are taken"),
    "wrong-host": ProblemKind(status=421, title="The request is for another host"),
    "unreadable-picture": ProblemKind(status=422, title="A picture cannot be used"),
    "internal": ProblemKind(status=500, title="The service failed"),
    "worker-crashed": ProblemKind(status=500, title="A picture ended the process at work on it"),
    "overloaded": ProblemKind(status=503, title="The service has too much to do"),
    "worker-lost": ProblemKind(status=503, title="The process that worked on a picture was ended"),
    "timed-out": ProblemKind(status=504, title="The picture took too long"),
}  # fmt: skip


class Problem(Exception):  # noqa: N818 - RFC 9457 calls it so
    """A request that gets an answer of the kind ``kind`` in place of classes.

    Args:
        kind: A key of ``KINDS``.
        detail: What it was, for people.
        retry_after: Seconds after which asking again makes sense.
        allow: Methods that the address takes.
        more: Further members of the answer.
    """

    def __init__(
        self,
        kind: str,
        detail: str,
        *,
        retry_after: float | None = None,
        allow: str | None = None,
        **more: Any,
    ) -> None:
        super().__init__(detail)
        self.kind, self.detail, self.more = kind, clean(detail, 300), more
        self.allow = allow
        self.retry_after = None if retry_after is None else max(1, math.ceil(retry_after))

    @property
    def status(self) -> int:
        """The status of the answer."""
        return KINDS[self.kind].status

    def to_json(self) -> dict[str, Any]:
        """Return the members of the answer."""
        members = {"type": f"urn:tflconv:problem:{self.kind}", "title": KINDS[self.kind].title}
        return {**members, "status": self.status, "detail": self.detail, **self.more}

    @property
    def headers(self) -> dict[str, str]:
        """What the answer carries beside its members."""
        headers = {} if self.retry_after is None else {"retry-after": str(self.retry_after)}
        headers |= {} if self.allow is None else {"allow": self.allow}
        return headers | ({"www-authenticate": "Bearer"} if self.status == 401 else {})
