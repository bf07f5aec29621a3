"""Connections that cannot be held for nothing: uvicorn's, with the deadlines that it lacks.

uvicorn counts time between requests only, and anew with each byte, so a client that sends one byte
every few seconds would keep a connection for ever. Here a request must have arrived whole a certain
time after its first byte, its head may have so many bytes, so many requests may come before the
first is answered, an answer must be taken by the client in time, and there are so many connections
at most.

A socket that is closed over bytes that nobody read resets the connection, and the client loses the
answer that was on its way. So a connection whose request has not arrived whole ends in stages (RFC
9112, 9.6): the answer, the end of what is sent, and then what still comes is read and thrown away.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from functools import partial
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from tflconv.service.patience import Patience
from tflconv.service.problems import MEDIA_TYPE, Problem

MOST_HEAD = 32 << 10
"""Bytes of a request before its body, between two parts of it, and after it."""

_BLOCK = memoryview(bytearray(1 << 17))
"""What all connections read into, one after another: a picture of some size in one turn.

asyncio's own 256 KiB are memory that malloc maps for each read anew, and gives back.
"""

MOST_AHEAD = 16
"""Requests of one connection that wait for the answer to the one before."""

WHOLE = "tflconv.whole"
"""The key of a request's scope under which is what sends an answer at once, ``Deadlines.whole``."""

_OK = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n%b\r\n%b"

GONE = "tflconv.gone"
"""The key of a request's scope under which is listed what to call when its client goes."""


LongWay = Callable[[], None]
Ask = Callable[[bytes, LongWay], bool]
"""Takes the body of a request, and what has the application answer it; says whether it will."""


def _takes_none(_: Any) -> Ask | None:
    return None


class Deadlines(HttpToolsProtocol, asyncio.BufferedProtocol):
    """One connection.

    Attributes:
        takes: Returns what answers a request without the application, by its scope; or None.
        most: Connections that are open at once, and as many more that end in stages.
        seconds: Time in which a request must have arrived, and its answer been taken.
        leaving: Connections that end in stages, the first to begin with it first.
        added: Lines of the head that every answer has which is sent whole.
    """

    takes: Callable[[Any], Ask | None] = staticmethod(_takes_none)
    most = 512
    seconds = 10.0
    leaving: dict[Deadlines, None]
    added = b""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._arrival = Patience(self.seconds, self._too_late)
        self._idle = Patience(self.timeout_keep_alive, self.timeout_keep_alive_handler)
        self._taking: asyncio.TimerHandle | None = None
        self._dropping: asyncio.TimerHandle | None = None
        self._steps = self._bytes_of_step = 0
        self._in_head = True
        self._gone: list[Callable[[], None]] = []
        self._held: tuple[RequestResponseCycle, Ask] | None = None
        self._parts: list[bytes] = []

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take the connection, or refuse it where there are too many."""
        super().connection_made(transport)
        transport.set_write_buffer_limits(0)
        self._arrival.begin()
        if len(self.connections) - len(self.leaving) > self.most:
            self._refuse(Problem("overloaded", "Too many connections.", retry_after=1))

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the deadlines."""
        self._arrival.end()
        self._idle.end()
        if self._dropping is not None:
            self._dropping.cancel()
        self.leaving.pop(self, None)
        self.resume_writing()
        super().connection_lost(exc)
        for tell in list(self._gone):
            tell()
        if self._held is not None:  # which notes that its client went
            cycle, self._held = self._held[0], None
            super()._start_asgi_task(cycle, self.app)

    def get_buffer(self, sizehint: int) -> memoryview:
        """Lend the place for what comes: its bytes are read before the next ones are taken."""
        return _BLOCK

    def buffer_updated(self, nbytes: int) -> None:
        """Take what came."""
        self.data_received(_BLOCK[:nbytes])

    def data_received(self, data: bytes | memoryview) -> None:
        """Take bytes of a request; its first one starts its time."""
        if self.is_leaving:
            return
        self._idle.lift()
        if not self._arrival.runs:
            self._arrival.begin()
        step = self._steps
        self._parse(data)
        if step == self._steps:  # it is all of one head, or of what stands between parts of a body
            self._bytes_of_step += len(data)
            if self._bytes_of_step > MOST_HEAD and not self.is_leaving:
                self._end_arrival(Problem("too-large", "The head of the request is too long."))
        else:
            self._bytes_of_step = 0

    def _parse(self, data: bytes | memoryview) -> None:
        """Read ``data``, and pass over offers of another protocol.

        A server may ignore them (RFC 9110, 7.8). The parser ends at one, before the body, so the
        head is read once more without it.
        """
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserError:
            self.send_400_response("Invalid HTTP request received.")
        except httptools.HttpParserUpgrade as offer:
            method, version = self.parser.get_method(), self.parser.get_http_version().encode()
            lines = (b"%b: %b\r\n" % each for each in self.headers if each[0] != b"upgrade")
            head = b"%b %b HTTP/%b\r\n%b\r\n" % (method, self.url, version, b"".join(lines))
            self.parser = httptools.HttpRequestParser(self)
            self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn's
            self._parse(head + data[offer.args[0] :])

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no request."""
        self._refuse(Problem("bad-request", msg))

    def on_message_begin(self) -> None:
        """Begin with the head of a request."""
        self._in_head = True
        if not self._arrival.runs:  # it came in the same bytes as the end of the one before
            self._arrival.begin()
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a line of the head; those behind the body belong to nothing that is asked."""
        if self._in_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """End with the head."""
        if len(self.pipeline) >= MOST_AHEAD:
            raise ValueError("too many requests at once")  # which ends in send_400_response
        self._steps += 1
        if self.parser.get_method() == b"CONNECT":
            raise ValueError("this is no proxy")
        if self.parser.should_upgrade():
            return  # this head is read once more
        self._in_head = False
        self.scope[GONE] = self._gone  # type: ignore[literal-required]
        super().on_headers_complete()
        if self.cycle.scope is self.scope:
            self.cycle.transport = _Whole(self)  # type: ignore[assignment]
            self.scope[WHOLE] = partial(self.whole, self.cycle)  # type: ignore[literal-required]

    def whole(self, cycle: RequestResponseCycle, lines: bytes, body: bytes) -> bool:
        """Send the answer 200 to the request of ``cycle`` at once; return whether that may be.

        It may not where the connection is to end, or the client takes nothing at present: then the
        answer goes the long way, which checks each line of the head and waits for the client.
        """
        if self.is_leaving or self.flow.write_paused or not cycle.keep_alive:
            return False
        cycle.response_started = cycle.response_complete = True
        cycle.message_event.set()
        date = b"".join(b"%b: %b\r\n" % each for each in self.server_state.default_headers)
        self.transport.write(_OK % (len(body), date + self.added + lines, body))
        self.on_response_complete()
        return True

    def on_body(self, body: bytes) -> None:
        """Take a part of the body."""
        self._steps += 1
        if self._held is None:
            super().on_body(body)
        else:  # all of it is waited for, and it is small: uvicorn would stop reading meanwhile
            self._parts.append(body)

    def on_message_complete(self) -> None:
        """Be content: the request is here."""
        self._steps += 1
        if not self._in_head:
            self._arrival.lift()
            super().on_message_complete()
            if self._held is not None:
                self._ask(*self._held)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        """Begin with a request: a plain one once its body is here, another one at once."""
        ask = None if cycle.waiting_for_100_continue else self.takes(cycle.scope)
        if ask is None:
            super()._start_asgi_task(cycle, app)
        else:
            self._held, self._parts = (cycle, ask), [bytes(cycle.body)] if cycle.body else []
            cycle.body = bytearray()
            if not cycle.more_body:
                self._ask(cycle, ask)

    def _ask(self, cycle: RequestResponseCycle, ask: Ask) -> None:
        body, self._parts, self._held = b"".join(self._parts), [], None
        go_the_long_way = partial(super()._start_asgi_task, cycle, self.app)
        if not ask(body, go_the_long_way):
            cycle.body += body
            go_the_long_way()

    def on_response_complete(self) -> None:
        """Go on with the next request, or wait for one, unless the connection ends."""
        if self.is_leaving:
            return
        if self.pipeline:
            super().on_response_complete()
        else:  # as uvicorn does it, but for a timer of its own each time
            self.server_state.total_requests += 1
            self.flow.resume_reading()
            if not self._arrival.runs:  # or the next request has its own limit
                self._idle.begin()

    def shutdown(self) -> None:
        """End with the service, or with the answer that is under way."""
        if not self.is_leaving:
            super().shutdown()

    @property
    def is_leaving(self) -> bool:
        """Whether nothing more is taken or sent."""
        return self in self.leaving or self.transport.is_closing()

    def leave(self) -> None:
        """End the connection; in stages where the client may still be sending its request."""
        if self.is_leaving:
            return
        if self._arrival.runs:
            self._leave_in_stages()
        else:
            self.transport.close()

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

    def _too_late(self) -> None:
        if self._is_answering:  # the request before, whose answer would be lost
            return self._arrival.begin()
        return self._end_arrival(Problem("too-slow", f"It must arrive within {self.seconds:g} s."))

    def _end_arrival(self, problem: Problem) -> None:
        """Refuse a request that has not arrived; one that is answered already just ends."""
        begun = not self._in_head and self.cycle.response_started
        if begun or self.transport.is_closing():
            self._drop()
        else:
            self._refuse(problem)

    @property
    def _is_answering(self) -> bool:
        """Whether the answer to a request is still to come that arrived whole."""
        done = self.cycle is None or self.cycle.response_complete
        return bool(self.pipeline) or (self._in_head and not done)

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
        self._leave_in_stages()

    def _leave_in_stages(self) -> None:
        """Say that nothing more is sent, and read on until the client goes, for a time at most."""
        self._arrival.end()
        self._unset_keepalive_if_required()
        self.leaving[self] = None
        if len(self.leaving) > self.most:  # the one that had the longest time to take its answer
            next(iter(self.leaving))._drop()
        self._dropping = self.loop.call_later(self.seconds, self._drop)
        self.flow.resume_reading()
        try:
            self.transport.write_eof()
        except OSError:  # the client is gone already
            self._drop()

    def _drop(self) -> None:
        self.leaving.pop(self, None)
        self.transport.abort()


class _Whole:
    """A transport that sends the head of an answer together with its body, as one packet."""

    def __init__(self, connection: Deadlines) -> None:
        self._connection, self._transport = connection, connection.transport
        self._head: bytes | None = None

    def write(self, data: bytes) -> None:
        """Send ``data``, or hold it until the next call, for one turn of the loop at most."""
        if self._head is None:
            self._head = data
            self._connection.loop.call_soon(self._flush)
        else:
            self._send(self._head + data)
            self._head = b""

    def close(self) -> None:
        """Send what is held, and end the connection."""
        self._flush()
        self._connection.leave()

    def is_closing(self) -> bool:
        """Whether the connection is being ended."""
        return self._connection.is_leaving

    def _flush(self) -> None:
        if self._head:
            self._send(self._head)
            self._head = b""

    def _send(self, data: bytes) -> None:
        if not self._connection.is_leaving:
            self._transport.write(data)
