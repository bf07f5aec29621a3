"""Messages between the service and its workers: a line of JSON and bytes, over a socket pair.

A worker runs native decoders over bytes of strangers, so nothing that comes from one is unpickled:
a message is two lengths, a JSON object, and bytes that stay bytes. The two that come all the time,
a picture and its classes, have no object, and their bytes begin with numbers.
"""

from __future__ import annotations

import json
import socket
import struct
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

Message = dict[str, Any]

_LENGTHS = struct.Struct("<II")
_encode = json.JSONEncoder(separators=(",", ":")).encode
_decode = json.JSONDecoder().decode
_ASKED, _TOLD, _CLASS = struct.Struct("<QIH"), struct.Struct("<Qdd"), struct.Struct("<Id")
LARGEST_HEAD = 1 << 20


def pack(head: Message, body: bytes = b"") -> bytes:
    """Return a message as it travels.

    Example:
        >>> incoming = Incoming()
        >>> list(incoming.feed(pack({"id": 1}, b"abc")))
        [({'id': 1}, b'abc')]
    """
    text = _encode(head).encode()
    return b"".join((_LENGTHS.pack(len(text), len(body)), text, body))


class Question(NamedTuple):
    """A picture, and what a worker is asked of it.

    Attributes:
        number: Of the picture.
        model: Name of the model.
        top: How many classes are told.
        content: The picture file.
    """

    number: int
    model: str
    top: int
    content: bytes

    def pack(self) -> bytes:
        """Return the question as it travels."""
        name = self.model.encode()
        asked = _ASKED.pack(self.number, self.top, len(name))
        size = len(asked) + len(name) + len(self.content)
        return b"".join((_LENGTHS.pack(0, size), asked, name, self.content))

    @staticmethod
    def unpack(body: bytes) -> Question:
        """Return the question that ``body`` is; the service asks no other."""
        number, top, length = _ASKED.unpack_from(body)
        end = _ASKED.size + length
        name = body[_ASKED.size : end].decode()
        return Question(number, name, top, body[end:])


class Classes(NamedTuple):
    """The answer of a worker to a picture.

    Attributes:
        number: Of the picture.
        top: Numbers of classes and their probabilities, the likeliest first.
        decode_ms: Milliseconds to make pixels of it.
        inference_ms: Milliseconds to make probabilities of those.
    """

    number: int
    top: Sequence[tuple[int, float]]
    decode_ms: float
    inference_ms: float

    def pack(self) -> bytes:
        """Return the answer as it travels."""
        numbers = _TOLD.pack(self.number, self.decode_ms, self.inference_ms)
        classes = b"".join([_CLASS.pack(index, share) for index, share in self.top])
        return _LENGTHS.pack(0, len(numbers) + len(classes)) + numbers + classes

    @staticmethod
    def unpack(body: bytes) -> Classes:
        """Return the answer that ``body`` is.

        Raises:
            ValueError: It is none.
        """
        try:
            number, decode_ms, inference_ms = _TOLD.unpack_from(body)
            top = list(_CLASS.iter_unpack(body[_TOLD.size :]))
        except struct.error as error:
            raise ValueError("a message of a worker is no answer") from error
        return Classes(number, top, decode_ms, inference_ms)


class Incoming:
    """Cuts a stream of bytes into messages."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes | memoryview) -> Iterator[tuple[Message, bytes]]:
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
            yield _object(content[:head]) if head else {}, content[head:]


def messages(connection: socket.socket) -> Iterator[tuple[Message, bytes]]:
    """Wait for messages, and yield them until the other side is gone.

    Raises:
        ConnectionError: It went in the middle of one.
    """
    while lengths := _exactly(connection, _LENGTHS.size, may_end=True):
        head, body = _LENGTHS.unpack(lengths)
        message = _object(_exactly(connection, head)) if head else {}
        yield message, _exactly(connection, body)


def _exactly(connection: socket.socket, size: int, *, may_end: bool = False) -> bytes:
    """Return ``size`` bytes as the kernel puts them together, so that they are copied once."""
    content = connection.recv(size, socket.MSG_WAITALL) if size else b""
    if len(content) < size and (content or not may_end):
        raise ConnectionError
    return content


def _object(text: bytes) -> Message:
    value = _decode(text.decode())
    if not isinstance(value, dict):
        raise ValueError("a message of a worker is no object")
    return value
