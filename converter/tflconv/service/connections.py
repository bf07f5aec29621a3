"""Connections that cannot be held for nothing: uvicorn's, with the deadlines that it lacks.

uvicorn counts time between requests only, and anew with each byte, so a client that sends one byte
every few seconds would keep a connection for ever. Here a request must have arrived whole a certain
time after its first byte, its head may have so many bytes, an answer must be taken by the client in
time, and there are so many connections at most.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from tflconv.service.problems import MEDIA_TYPE, Problem

MOST_HEAD = 32 << 10
"""Bytes of a request before its body."""

GONE = "tflconv.gone"
"""The key of a request's scope under which is listed what to call when its client goes."""


class Deadlines(HttpToolsProtocol):
    """One connection.

    Attributes:
        most: Connections that are open at once.
        seconds: Time in which a request must have arrived, and its answer been taken.
    """

    most = 512
    seconds = 10.0

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._arrival: asyncio.TimerHandle | None = None
        self._taking: asyncio.TimerHandle | None = None
        self._head_bytes = 0
        self._in_head = True
        self._gone: list[Callable[[], None]] = []

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take the connection, or refuse it where there are too many."""
        super().connection_made(transport)
        transport.set_write_buffer_limits(0)
        self._expect()
        if len(self.connections) > self.most:
            self._refuse(Problem("overloaded", "Too many connections.", retry_after=1))

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the deadlines."""
        self._arrived()
        self.resume_writing()
        super().connection_lost(exc)
        for tell in list(self._gone):
            tell()

    def data_received(self, data: bytes) -> None:
        """Take bytes of a request; its first one starts its time."""
        if self._arrival is None:
            self._expect()
        super().data_received(data)
        if self._in_head:
            self._head_bytes += len(data)
            if self._head_bytes > MOST_HEAD and not self.transport.is_closing():
                self._refuse(Problem("too-large", "The head of the request is too long."))

    def on_message_begin(self) -> None:
        """Begin with the head of a request."""
        self._in_head = True
        if self._arrival is None:  # it came in the same bytes as the end of the one before
            self._expect()
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """End with the head."""
        self._in_head, self._head_bytes = False, 0
        self.scope[GONE] = self._gone  # type: ignore[literal-required]
        super().on_headers_complete()
        if self.cycle.scope is self.scope:
            self.cycle.transport = _Whole(self.transport, self.loop)  # type: ignore[assignment]

    def on_message_complete(self) -> None:
        """Be content: the request is here."""
        self._arrived()
        super().on_message_complete()

    def pause_writing(self) -> None:
        """Give the client time to take what it was sent."""
        super().pause_writing()
        if self._taking is None:
            self._taking = self.loop.call_later(self.seconds, self._drop)

    def resume_writing(self) -> None:
        """Be content: the client has taken it."""
        if self._taking is not None:
            self._taking.cancel()
            self._taking = None
        if self.flow is not None:
            super().resume_writing()

    def _expect(self) -> None:
        self._arrival = self.loop.call_later(self.seconds, self._too_late)

    def _arrived(self) -> None:
        if self._arrival is not None:
            self._arrival.cancel()
            self._arrival = None

    def _too_late(self) -> None:
        self._arrival = None
        begun = not self._in_head and self.cycle.response_started
        if begun or self.transport.is_closing():
            self._drop()
        else:
            self._refuse(Problem("too-slow", f"It must arrive within {self.seconds:g} s."))

    def _refuse(self, problem: Problem) -> None:
        """Answer without the application, and end the connection."""
        body = json.dumps(problem.to_json()).encode()
        headers = {"content-type": MEDIA_TYPE, "content-length": str(len(body)), **problem.headers}
        lines = [f"HTTP/1.1 {problem.status} {problem.kind}", "connection: close"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        self.transport.write("\r\n".join([*lines, "", ""]).encode() + body)
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        self.transport.close()

    def _drop(self) -> None:
        self.transport.abort()


class _Whole:
    """A transport that sends the head of an answer together with its body, as one packet."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport, self._loop = transport, loop
        self._head: bytes | None = None

    def write(self, data: bytes) -> None:
        """Send ``data``, or hold it until the next call, for one turn of the loop at most."""
        if self._head is None:
            self._head = data
            self._loop.call_soon(self._flush)
        else:
            self._transport.write(self._head + data)
            self._head = b""

    def close(self) -> None:
        """Send what is held, and end the connection."""
        self._flush()
        self._transport.close()

    def is_closing(self) -> bool:
        """Whether the connection is being ended."""
        return self._transport.is_closing()

    def _flush(self) -> None:
        if self._head:
            self._transport.write(self._head)
            self._head = b""
