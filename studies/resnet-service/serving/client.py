"""A client that costs next to nothing: one connection, one packet out, one answer in.

Python's ``http.client`` sends head and body apart and reads answers by the rules of e-mail, which
takes as long as much of what is to be measured.
"""

from __future__ import annotations

import os
import socket
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

KIND = "image/png"
_LENGTH, _END = b"content-length: ", b"\r\n\r\n"
PAUSE = 0.002
"""Seconds between two requests, so that the cores fall asleep, as those of a quiet service do."""


@contextmanager
def on_core(number: int) -> Iterator[None]:
    """Keep this process on one core meanwhile."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {number})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


class Client:
    """A connection to ``port`` of this computer, over which ``body`` is posted to ``path``."""

    def __init__(self, port: int, path: str, body: bytes) -> None:
        head = (
            f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {KIND}\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        self._request = head.encode() + body
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def ask(self) -> bytes:
        """Send the request, and return the body of its answer."""
        self._socket.sendall(self._request)
        received = self._socket.recv(1 << 16)
        while _END not in received:
            received += self._socket.recv(1 << 16)
        start = received.index(_END) + len(_END)
        begin = received.lower().index(_LENGTH) + len(_LENGTH)
        length = int(received[begin : received.index(b"\r", begin)])
        while len(received) < start + length:
            received += self._socket.recv(1 << 16)
        assert received.startswith(b"HTTP/1.1 200 "), received
        return received[start:]

    def close(self) -> None:
        """End the connection."""
        self._socket.close()


def waits(
    port: int, path: str, picture: Path, note: Callable[[float, bytes], None],
    *, count: int = 400, seconds: float = 4.0,
) -> float:  # fmt: skip
    """Ask up to ``count`` times, one after another, and return the median of milliseconds.

    Args:
        port: Where the service listens.
        path: Its address.
        picture: What is sent.
        note: Is given the milliseconds and the body of each answer.
        count: Requests at most.
        seconds: After which no further request is sent.
    """
    with on_core(1):
        return _median(Client(port, path, picture.read_bytes()), note, count, seconds)


def _median(
    client: Client, note: Callable[[float, bytes], None], count: int, seconds: float
) -> float:
    found, end = list[float](), 0.0
    for number in range(count + 20):
        began = time.perf_counter()
        answer = client.ask()
        waited = 1000 * (time.perf_counter() - began)
        if number == 20:
            end = time.perf_counter() + seconds
        if number >= 20:  # the first ones meet caches that are cold
            found.append(waited)
            note(waited, answer)
        if found and time.perf_counter() > end:
            break
        time.sleep(PAUSE)
    client.close()
    return statistics.median(found)
