"""Servers on loopback, well behaved and hostile, that print nothing."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from fakes.mutants import mutant

CONTENT = bytes(range(256)) * 4000
ESCAPES = "\x1b[2J\x1b]0;title\x07"
"""Clears the screen and renames the window of whoever prints it."""

SMALL = bytes(range(64))
ANSWERS = (
    b"HTTP/1.1 200 OK\r\nContent-Length: 64\r\nContent-Type: a/b\r\n\r\n" + SMALL,
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n40\r\n" + SMALL + b"\r\n0\r\n\r\n",
    b"HTTP/1.1 206 Part\r\nContent-Range: bytes 8-63/64\r\nContent-Length: 56\r\n\r\n" + SMALL[8:],
    b"HTTP/1.1 302 Moved\r\nLocation: /small\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 404 Not here\r\nContent-Length: 0\r\n\r\n",
)


class Quiet(http.server.ThreadingHTTPServer):
    """A server whose errors are what a test is about: no trace of them on the screen."""

    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        pass

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


@contextmanager
def serving(server: Quiet) -> Iterator[str]:
    """Let ``server`` answer during the block; yield its address."""
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    with server:
        thread.start()
        yield server.address
        server.shutdown()
        thread.join()


class Hostile(Quiet):
    """Serves ``CONTENT`` at every address; what it does wrong is in the address."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.requests: list[tuple[str, str | None]] = []
        self.cuts = 0
        self.ending = threading.Event()

    def shutdown(self) -> None:
        self.ending.set()
        super().shutdown()


class _Handler(http.server.BaseHTTPRequestHandler):
    server: Hostile
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.close_connection = True
        self.server.requests.append((self.path, self.headers.get("Range")))
        with suppress(ConnectionError):
            WRONGS.get(self.path.split("/")[1].strip("?"), _Handler.send_content)(self)

    def log_message(self, *_: object) -> None:
        pass

    @property
    def start(self) -> int:
        return int((self.headers.get("Range") or "bytes=0-")[6:-1])

    def say(self, status: int, **headers: object) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), str(value))
        self.end_headers()

    def send_content(self, content: bytes = CONTENT, *, cut: int | None = None) -> None:
        size, start = len(content), self.start
        if start:
            span = f"bytes {start}-{size - 1}/{size}"
            self.say(206, Content_Length=size - start, Content_Range=span)
        else:
            self.say(200, Content_Length=size)
        self.wfile.write(content[start:][:cut])

    def cut_once(self) -> None:
        """Send a third, and at the next question what is missing."""
        self.server.cuts += 1
        self.send_content(cut=len(CONTENT) // 3 if self.server.cuts == 1 else None)

    def cut_once_and_begin_anew(self) -> None:
        del self.headers["Range"]
        self.cut_once()

    def move(self) -> None:
        self.say(302, Location="/file", Content_Length=0)

    def move_for_ever(self) -> None:
        self.say(302, Location=f"{self.path}?", Content_Length=0)

    def move_to_a_file(self) -> None:
        self.say(302, Location=f"file:///etc/passwd{ESCAPES}", Content_Length=0)

    def move_in_many_words(self) -> None:
        """A redirect with a body without end."""
        self.say(302, Location="/file")
        self.send_for_ever(b"x" * 65536)

    def send_for_ever(self, block: bytes, pause: float = 0.0) -> None:
        while not self.server.ending.wait(pause):
            self.wfile.write(block)

    def endless(self) -> None:
        self.say(200)
        self.send_for_ever(bytes(65536))

    def trickle(self) -> None:
        self.say(200, Content_Length=len(CONTENT))
        self.send_for_ever(b"x", 0.02)

    def trickle_in_chunks(self) -> None:
        """The length of the first chunk never ends."""
        self.say(200, Transfer_Encoding="chunked")
        self.send_for_ever(b"0", 0.02)

    def trickle_in_head(self) -> None:
        self.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
        self.send_for_ever(b"x", 0.02)

    def be_silent(self) -> None:
        self.server.ending.wait()

    def send_a_part_unasked(self) -> None:
        self.say(206, Content_Length=-5)
        self.wfile.write(CONTENT[:1000])

    def send_another_part(self) -> None:
        """Where the rest is asked for, send the beginning as if it were the rest."""
        if self.start:
            span = f"bytes 0-{len(CONTENT) - 1}/{len(CONTENT)}"
            self.say(206, Content_Length=len(CONTENT), Content_Range=span)
            self.wfile.write(CONTENT)
        else:
            self.cut_once()

    def send_part_without_saying_which(self) -> None:
        if self.start:
            self.say(206, Content_Length=len(CONTENT) - self.start)
            self.wfile.write(CONTENT[self.start :])
        else:
            self.cut_once()

    def refuse_to_resume(self) -> None:
        if self.start:
            self.say(416, Content_Length=0)
        else:
            self.cut_once()

    def send_without_length(self) -> None:
        self.say(200)
        self.wfile.write(CONTENT[:1000])

    def send_chunks(self) -> None:
        self.say(200, Transfer_Encoding="chunked")
        self.wfile.write(b"%x\r\n%s\r\n0\r\n\r\n" % (len(CONTENT), CONTENT))

    def cut_chunks(self) -> None:
        self.say(200, Transfer_Encoding="chunked")
        self.wfile.write(b"%x\r\n%s" % (len(CONTENT), CONTENT[:1000]))

    def send_packed(self) -> None:
        self.say(200, Content_Length=len(CONTENT), Content_Encoding="gzip")
        self.wfile.write(CONTENT)

    def send_packed_twice(self) -> None:
        self.send_response(200)
        for encoding in ("identity", "gzip"):
            self.send_header("Content-Encoding", encoding)
        self.send_header("Content-Length", str(len(CONTENT)))
        self.end_headers()
        self.wfile.write(CONTENT)

    def say_two_lengths(self) -> None:
        self.send_response(200)
        for length in (1000, len(CONTENT)):
            self.send_header("Content-Length", str(length))
        self.end_headers()
        self.wfile.write(CONTENT)

    def send_a_mutant(self) -> None:
        """Send an answer with damage; the address ends with its number."""
        number = int(self.path.split("/")[2])
        self.wfile.write(mutant(ANSWERS[number % len(ANSWERS)], number))

    def send_noise(self) -> None:
        self.wfile.write(ESCAPES.encode() + bytes(2000) + b"\xff" * 2000 + b"\r\n\r\n")

    def be_rude(self) -> None:
        self.wfile.write(f"HTTP/1.1 404 {ESCAPES}{'no ' * 2000}\r\n\r\n".encode())


WRONGS: dict[str, Callable[[Any], None]] = {
    "small": lambda handler: handler.send_content(SMALL),
    "gone": lambda handler: handler.send_error(404),
    "wrong": lambda handler: handler.send_content(CONTENT[::-1]),
    "longer": lambda handler: handler.send_content(CONTENT + b"more"),
    "cut": _Handler.cut_once,
    "stubborn": _Handler.cut_once_and_begin_anew,
    "always-cut": lambda handler: handler.send_content(cut=1000),
    "moved": _Handler.move,
    "round": _Handler.move_for_ever,
    "to-a-file": _Handler.move_to_a_file,
    "moved-in-many-words": _Handler.move_in_many_words,
    "endless": _Handler.endless,
    "trickle": _Handler.trickle,
    "trickle-in-chunks": _Handler.trickle_in_chunks,
    "trickle-in-head": _Handler.trickle_in_head,
    "silent": _Handler.be_silent,
    "unasked-part": _Handler.send_a_part_unasked,
    "another-part": _Handler.send_another_part,
    "some-part": _Handler.send_part_without_saying_which,
    "no-resume": _Handler.refuse_to_resume,
    "no-length": _Handler.send_without_length,
    "chunks": _Handler.send_chunks,
    "cut-chunks": _Handler.cut_chunks,
    "packed": _Handler.send_packed,
    "packed-twice": _Handler.send_packed_twice,
    "two-lengths": _Handler.say_two_lengths,
    "mutant": _Handler.send_a_mutant,
    "noise": _Handler.send_noise,
    "rude": _Handler.be_rude,
}
