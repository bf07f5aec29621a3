"""Bodies of requests, read within limits and cut into picture files."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

from python_multipart.multipart import parse_options_header
from starlette.datastructures import Headers, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect, Request

from tflconv.service.problems import Problem
from tflconv.service.settings import ServiceConfig

PICTURE_TYPES = ("image/jpeg", "image/png", "image/webp", "image/gif")
RAW_TYPES = (*PICTURE_TYPES, "application/octet-stream")
TYPES = (*RAW_TYPES, "multipart/form-data", "application/json")

DEFAULT_TOP = 5
_MOST_FIELDS = 4
_BOUNDARY = re.compile(rb"[0-9A-Za-z'()+_,./:=? -]{1,70}")
"""What RFC 2046 takes for one."""

_BODIES_AT_ONCE = 16


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What a request asks: picture files, and how many classes of each."""

    pictures: tuple[bytes, ...]
    top: int


class Budget:
    """Bytes that the bodies of all requests together may hold.

    Args:
        config: The limits.

    Attributes:
        share: Bytes of which all connections may hold as many, and half of the budget is left.
    """

    def __init__(self, config: ServiceConfig) -> None:
        self._left = _BODIES_AT_ONCE * config.max_bytes
        self.share = self._left // (2 * config.max_connections)

    def take(self, count: int) -> None:
        """Take ``count`` bytes.

        Raises:
            Problem: They are not left.
        """
        if count > self._left:
            raise Problem("overloaded", "Too many large requests at once.", retry_after=1)
        self._left -= count

    def give_back(self, count: int) -> None:
        """Give ``count`` bytes back."""
        self._left += count


async def read(request: Request, config: ServiceConfig, hold: Callable[[int], None]) -> bytearray:
    """Read the body of ``request``; ``hold`` is told of its bytes before they are kept.

    Raises:
        Problem: The body is too large, or empty.
        ClientDisconnect: The client is gone.
    """
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > config.max_bytes:
        raise _too_large(config)
    body, more = bytearray(), True
    while more:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        chunk, more = message.get("body", b""), message.get("more_body", False)
        if len(body) + len(chunk) > config.max_bytes:
            raise _too_large(config)
        hold(len(chunk))
        body += chunk
    if not body:
        raise Problem("empty-body", "Send a picture.")
    return body


async def parse(request: Request, body: bytes | bytearray, config: ServiceConfig) -> Asked:
    """Cut ``body`` into pictures, by the content type of ``request``.

    Raises:
        Problem: The body is not what its type says, or of no type that is taken.
    """
    headers = request.headers
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise Problem("wrong-type", "Send the body as it is, without a Content-Encoding.")
    fields = dict[str, Any](request.query_params) if request.scope["query_string"] else {}
    if kind in RAW_TYPES:
        pictures = [bytes(body)]
    elif kind == "application/json":
        pictures, more = _from_json(body, config)
        fields |= more
    elif kind == "multipart/form-data":
        pictures, more = await _from_form(headers, bytes(body), config)
        fields |= more
    else:
        hint = "; curl needs -H 'Content-Type: image/jpeg'" if "urlencoded" in kind else ""
        raise Problem("wrong-type", f"Send one of {', '.join(TYPES)}{hint}.", accepts=TYPES)
    if len(pictures) > config.max_pictures:
        raise _too_many(config)
    if not pictures or not all(pictures):
        raise Problem("empty-body", "Send a picture; one is missing or empty.")
    return Asked(pictures=tuple(pictures), top=_top(fields))


def _top(fields: dict[str, Any]) -> int:
    top = fields.pop("top", DEFAULT_TOP)
    if fields:
        raise Problem("bad-request", f"There is no parameter '{next(iter(fields))[:40]}', but top.")
    if isinstance(top, str) and top.isascii() and top.isdigit() and len(top) < 7:
        top = int(top)
    if not isinstance(top, int) or isinstance(top, bool) or not top >= 1:
        raise Problem("bad-request", "top must be a whole number of at least 1.")
    return min(top, 1_000_000)


def _from_json(
    body: bytes | bytearray, config: ServiceConfig
) -> tuple[list[bytes], dict[str, Any]]:
    if body.count(b",") > config.max_pictures + _MOST_FIELDS:  # before any of it becomes an object
        raise _too_many(config)
    if body.count(b"[") + body.count(b"{") > _MOST_FIELDS:
        raise Problem("bad-request", "The body has more lists and objects than it needs.")
    try:
        value = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Problem("bad-request", "The body is no JSON.") from error
    if not isinstance(value, dict):
        raise Problem("bad-request", 'The body must be an object: {"pictures": ["..."]}.')
    texts = value.pop("pictures", None)
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise Problem("bad-request", "pictures must be a list of texts in base64.")
    return [_decoded(text, number) for number, text in enumerate(texts)], value


def _decoded(text: str, number: int) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Problem("bad-request", "A picture is no base64.", picture=number) from error


class _InMemory(MultiPartParser):
    """Keeps files in memory, where the body is already, and writes none to disk."""

    spool_max_size = 1 << 40


async def _from_form(
    headers: Headers, body: bytes, config: ServiceConfig
) -> tuple[list[bytes], dict[str, Any]]:
    boundary = parse_options_header(headers["content-type"])[1].get(b"boundary", b"")
    if not _BOUNDARY.fullmatch(boundary):
        raise Problem("bad-request", "The content type of the form has no proper boundary.")
    if body.count(b"--" + boundary) > config.max_pictures + _MOST_FIELDS + 1:
        raise _too_many(config)
    if b"--" + boundary + b"--" not in body:
        raise Problem("bad-request", "The multipart form has no end.")
    # nothing else of the header: its charset could be punycode, which takes a minute for a megabyte
    form_headers = Headers({"content-type": f'multipart/form-data; boundary="{boundary.decode()}"'})

    async def stream() -> AsyncIterator[bytes]:
        yield body

    try:
        parser = _InMemory(form_headers, stream(), max_fields=_MOST_FIELDS)  # type: ignore[arg-type]
        form = await parser.parse()
    except (MultiPartException, ValueError, KeyError) as error:
        raise Problem("bad-request", "The body is no multipart form.") from error
    pictures, fields = list[bytes](), dict[str, Any]()
    for name, value in form.multi_items():
        if isinstance(value, UploadFile):
            pictures.append(value.file.read())
        else:
            fields[name] = value
    if not pictures:
        raise Problem("empty-body", "The form has no file; a part is one where it has a filename.")
    return pictures, fields


def _too_large(config: ServiceConfig) -> Problem:
    return Problem("too-large", f"A body may have {config.max_megabytes:g} MB.")


def _too_many(config: ServiceConfig) -> Problem:
    return Problem("too-many-pictures", f"A request may have {config.max_pictures} pictures.")
