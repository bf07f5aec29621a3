"""Messages between the service and its workers: a line of JSON and bytes, over a socket pair.

A worker runs native decoders over bytes of strangers, so nothing that comes from one is unpickled:
a message is two lengths, a JSON object, and bytes that stay bytes.
"""

from __future__ import annotations

import json
import socket
import struct
from collections.abc import Iterator
from typing import Any

Message = dict[str, Any]

_LENGTHS = struct.Struct("<II")
LARGEST_HEAD = 1 << 20


def pack(head: Message, body: bytes = b"") -> bytes:
    """Return a message as it travels.

    Example:
        >>> incoming = Incoming()
        >>> list(incoming.feed(pack({"id": 1}, b"abc")))
        [({'id': 1}, b'abc')]
    """
    text = json.dumps(head, separators=(",", ":")).encode()
    return b"".join((_LENGTHS.pack(len(text), len(body)), text, body))


class Incoming:
    """Cuts a stream of bytes into messages."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[tuple[Message, bytes]]:
        """Yield the messages that are complete with ``data``.

        Raises:
            ValueError: The bytes are no messages.
        """
        self._buffer += data
        while len(self._buffer) >= _LENGTHS.size:
            head, body = _LENGTHS.unpack_from(self._buffer)
            if head > LARGEST_HEAD:
                raise ValueError("a message of a worker is too long")
            end = _LENGTHS.size + head + body
            if len(self._buffer) < end:
                return
            content = bytes(self._buffer[_LENGTHS.size : end])
            del self._buffer[:end]
            yield json.loads(content[:head]), content[head:]


def receive(connection: socket.socket) -> tuple[Message, bytes] | None:
    """Wait for the next message; None when the other side is gone."""
    lengths = _exactly(connection, _LENGTHS.size)
    if lengths is None:
        return None
    head, body = _LENGTHS.unpack(lengths)
    content = _exactly(connection, head + body)
    return None if content is None else (json.loads(content[:head]), bytes(content[head:]))


def _exactly(connection: socket.socket, count: int) -> bytearray | None:
    buffer = bytearray(count)
    view, done = memoryview(buffer), 0
    while done < count:
        got = connection.recv_into(view[done:])
        if not got:
            return None
        done += got
    return buffer
