"""Take files from servers that may be slow, broken or hostile.

Everything that is fetched over HTTP comes through here. A server has a total time, a least speed
and a number of bytes, and may redirect a few times, never from https to http. A body counts only
if it is known to be whole. Words of a server are shown as one short line of printable characters.

The libraries limit the silence between two bytes only (``requests``, ``urllib3`` and ``urllib``
alike), so that a byte every ten seconds, in the body or in a header, keeps them for ever. Here a
thread asks the server, and is left behind when its time is up.
"""

from __future__ import annotations

import contextlib
import queue
import re
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from http.client import HTTPException, HTTPMessage, HTTPResponse, InvalidURL
from typing import IO
from urllib.parse import urlsplit

from tflconv._version import __version__
from tflconv.core.text import clean
from tflconv.errors import TflconvError

_BLOCK = 1 << 18
_RANGE = re.compile(r"bytes (?P<first>\d{1,18})-(?P<last>\d{1,18})/(?P<size>\d{1,18}|\*)", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class DownloadLimits:
    """What one download may take.

    Attributes:
        bytes: Size of the file.
        seconds: Time from the question to the last byte.
        least_speed: Bytes per second, on average over each span of ``patience``.
        patience: Seconds after which the speed is looked at, and the longest silence.
    """

    bytes: int
    seconds: float
    least_speed: float = 1000.0
    patience: float = 30.0


class DownloadError(TflconvError):
    """An address does not give the file; the message goes on after "ADDRESS: "."""


class BrokenOff(DownloadError):  # noqa: N818 - says what happened
    """The connection ended before the file did; trying again may help."""


class TooLong(DownloadError):  # noqa: N818 - says what happened
    """More bytes came than the file may have: nothing of them is of use."""


class Outdated(DownloadError):  # noqa: N818 - says what happened
    """The server has nothing that goes on where an earlier download ended."""


@dataclass(frozen=True, kw_only=True)
class Body:
    """What a server sends.

    Attributes:
        start: Where in the file it begins: where it was asked to, or at 0.
        size: Bytes of the whole file, if the server says so.
        blocks: The bytes; ends when they are complete, and else raises ``DownloadError``.
    """

    start: int
    size: int | None
    blocks: Iterator[bytes]


def read(url: str, limits: DownloadLimits) -> bytes:
    """Return the file at ``url``.

    Raises:
        DownloadError: It does not come whole and within the limits.
    """
    with asked(url, limits) as body:
        return b"".join(body.blocks)


@contextlib.contextmanager
def asked(
    url: str, limits: DownloadLimits, *, start: int = 0, checked: bool = False
) -> Iterator[Body]:
    """Ask for the file at ``url`` and yield what comes.

    Args:
        url: An address that begins with https or http.
        limits: What the download may take.
        start: Number of bytes that are here already.
        checked: Whether the caller knows a checksum. Else a server must say how long a file is.

    Raises:
        DownloadError: The file does not come within the limits, or cannot be told to be whole.
    """
    transfer = _Transfer(_request(url, start), limits)
    try:
        answer = transfer.answer()
        first, size = _place(answer, start)
        if size is not None and size > limits.bytes:
            raise DownloadError(f"has {size} bytes, expected at most {limits.bytes}")
        if size is None and not checked and not answer.chunked:
            raise DownloadError("the server does not say how long the file is")
        yield Body(start=first, size=size, blocks=_whole(transfer, first, size, limits))
    finally:
        transfer.abandon()


def _request(url: str, start: int) -> urllib.request.Request:
    headers = {"User-Agent": f"tflconv/{__version__}", "Accept-Encoding": "identity"}
    if start:
        headers["Range"] = f"bytes={start}-"
    try:
        if urlsplit(url).scheme in ("http", "https"):
            return urllib.request.Request(url, headers=headers)
    except ValueError as error:
        raise DownloadError(f"is not an address ({clean(str(error), 120)})") from error
    raise DownloadError("an address begins with https:// or http://")


def _place(answer: _Answer, start: int) -> tuple[int, int | None]:
    """Return where in the file the body begins, and the size of the file."""
    if {each.strip().lower() for each in _header_values(answer, "Content-Encoding")} - {"identity"}:
        raise DownloadError("the server packed the file, which nobody asked for")
    if len(set(_header_values(answer, "Content-Length"))) > 1:
        raise DownloadError("the server says several lengths of the file")
    if answer.status == 200:
        return 0, answer.length
    part = _RANGE.fullmatch(answer.headers.get("Content-Range", ""))
    if answer.status != 206 or part is None or start == 0 or int(part["first"]) != start:
        raise DownloadError("the server sent a part of the file that nobody asked for")
    end = int(part["last"]) + 1
    size = end if part["size"] == "*" else int(part["size"])
    if not start < end <= size or answer.length not in (None, end - start):
        raise DownloadError("the server sent another part of the file than it says")
    return start, size


def _header_values(answer: _Answer, name: str) -> list[str]:
    """All values of a header; it may come several times, and libraries read the first."""
    return [str(value) for value in answer.headers.get_all(name, [])]


def _whole(
    transfer: _Transfer, done: int, size: int | None, limits: DownloadLimits
) -> Iterator[bytes]:
    most = limits.bytes if size is None else size
    while block := transfer.block():
        done += len(block)
        if done > most:
            raise TooLong(f"gave more bytes than expected: {most}")
        yield block
    if size is not None and done < size:
        raise BrokenOff(f"{done} of {size} bytes came")


@dataclass(frozen=True, kw_only=True)
class _Answer:
    """What a server says before the body; no length for one in chunks or up to the end."""

    status: int
    headers: HTTPMessage
    length: int | None
    chunked: bool


class _Transfer:
    """A question to a server in a thread of its own, and the time that it may take."""

    def __init__(self, request: urllib.request.Request, limits: DownloadLimits) -> None:
        self._request, self._limits = request, limits
        self._parts: queue.Queue[_Answer | bytes | Exception] = queue.Queue(maxsize=16)
        self._abandoned = threading.Event()
        self._began = self._looked = time.monotonic()
        self._came = 0
        threading.Thread(target=self._receive, daemon=True).start()

    def answer(self) -> _Answer:
        """Return the answer, whose body comes in blocks."""
        part = self._next()
        assert isinstance(part, _Answer)
        return part

    def block(self) -> bytes:
        """Return the next bytes of the body; none at its end."""
        part = self._next()
        assert isinstance(part, bytes)
        return part

    def abandon(self) -> None:
        """Let the thread end as soon as it has something to hand over."""
        self._abandoned.set()

    def _next(self) -> _Answer | bytes:
        while True:
            ends = min(self._began + self._limits.seconds, self._looked + self._limits.patience)
            part = self._within(ends - time.monotonic())
            if isinstance(part, Exception):
                raise _explained(part, self._request) from part
            if isinstance(part, bytes):
                self._came += len(part)
            if time.monotonic() >= ends and part != b"":
                self._look()
            if part is not None:
                return part

    def _within(self, seconds: float) -> _Answer | bytes | Exception | None:
        try:
            return self._parts.get(timeout=max(0.0, seconds))
        except queue.Empty:
            return None

    def _look(self) -> None:
        """At the end of a span, or of all time: give up what is too slow."""
        limits = self._limits
        if time.monotonic() >= self._began + limits.seconds:
            raise DownloadError(f"did not come within {limits.seconds:g} s")
        if self._came < limits.least_speed * limits.patience:
            raise DownloadError(f"came too slowly: {self._came} bytes in {limits.patience:g} s")
        self._looked, self._came = time.monotonic(), 0

    def _receive(self) -> None:
        for part in self._sent():
            if not self._handed_over(part):
                return

    def _sent(self) -> Iterator[_Answer | bytes | Exception]:
        """Yield the answer and its body; whatever a server made of it is told by who waits."""
        try:
            with _OPENER.open(self._request, timeout=self._limits.patience) as response:
                yield _Answer(
                    status=response.status,
                    headers=response.headers,
                    length=response.length,
                    chunked=response.chunked,
                )
                while block := response.read1(_BLOCK):
                    yield block
            yield b""
        except Exception as error:
            yield error

    def _handed_over(self, part: _Answer | bytes | Exception) -> bool:
        while not self._abandoned.is_set():
            with contextlib.suppress(queue.Full):
                self._parts.put(part, timeout=0.2)
                return True
        return False


def _explained(error: Exception, request: urllib.request.Request) -> Exception:
    """Return what to tell of an error in the thread that asked a server."""
    if isinstance(error, urllib.error.HTTPError):
        error.close()
        if error.code == 416:
            return Outdated("the server has nothing from there on")
        return DownloadError(f"the server says {error.code} {clean(str(error.reason), 120)}")
    reason = error.reason if isinstance(error, urllib.error.URLError) else error
    words = clean(str(reason), 120) or type(reason).__name__
    if isinstance(reason, (ConnectionResetError, TimeoutError)):
        return BrokenOff(words)
    if isinstance(error, urllib.error.URLError):
        return DownloadError(f"cannot reach {clean(str(request.host), 120)}: {words}")
    if isinstance(error, InvalidURL):
        return DownloadError(f"is not an address ({words})")
    if isinstance(error, (HTTPException, OSError)):
        return BrokenOff(words)
    if isinstance(error, ValueError):
        return DownloadError(f"the server sent no HTTP ({words})")
    return error


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follow a few redirects, never from https to an unencrypted protocol."""

    max_redirections = 5

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        """Return the request to go on with."""
        followed = ("https",) if req.type == "https" else ("http", "https")
        if urlsplit(newurl).scheme not in followed:
            raise DownloadError(f"redirects from {req.type} to {clean(newurl, 120)}")
        return super().redirect_request(req, fp, code, msg, headers, newurl)

    def http_error_302(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: HTTPMessage,
    ) -> HTTPResponse | None:
        """Close the answer, whose body of any size the base class would read, and go on."""
        fp.close()
        return super().http_error_302(req, fp, code, msg, headers)

    http_error_301 = http_error_303 = http_error_307 = http_error_308 = http_error_302


def _opener() -> urllib.request.OpenerDirector:
    """Return an opener for HTTP alone: the usual one also opens files and FTP."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler,
        urllib.request.HTTPHandler,
        urllib.request.HTTPSHandler,
        urllib.request.HTTPDefaultErrorHandler,
        urllib.request.HTTPErrorProcessor,
        urllib.request.UnknownHandler,
        _Redirects,
    ):
        opener.add_handler(handler())
    return opener


_OPENER = _opener()
