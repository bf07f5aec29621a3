"""What a request costs before any of it is ours: the floor under the service, rung by rung.

An echo of asyncio and httptools answers through the same client on the same two cores; then the
same echo with a process behind it, to which each body goes and from which each answer comes; then
uvicorn with an application that does nothing. Then, for each network, the second echo whose process
decodes and infers, and the service, decoding and inference taken off both.

    python studies/resnet-service/serving/floor.py ResNet-20=resnet-fp32.tflite,PICTURE.png
"""

from __future__ import annotations

import argparse
import asyncio
import os
import socket
import statistics
import struct
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import client
import compare
import httptools
import uvicorn
from load import cpu_seconds, load
from starlette.types import Receive, Scope, Send

PORT = 8791
BODY = b"[" + b'{"label": "automobile", "index": 1, "probability": 0.5}, ' * 6 + b"%012.6f]"
LENGTH, MILLISECONDS = struct.Struct("<I"), struct.Struct("<d")
KINDS = {
    "asyncio and httptools": "echo",
    "the same, a process behind it": "behind",
    "uvicorn, an empty application": "uvicorn",
}


def answered(milliseconds: float = 0.0) -> bytes:
    """Return an answer that tells how long decoding and inference took."""
    body = BODY % milliseconds
    head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
    return head % len(body) + body


class Echo(asyncio.Protocol):
    """Answers each request with the same body."""

    behind: Behind | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        assert isinstance(transport, asyncio.Transport)
        self.transport, self._body = transport, b""
        self._parser = httptools.HttpRequestParser(self)

    def data_received(self, data: bytes) -> None:
        """Parse."""
        self._parser.feed_data(data)

    def on_body(self, body: bytes) -> None:
        """Keep the body."""
        self._body += body

    def on_message_complete(self) -> None:
        """Answer, or have the process answer."""
        body, self._body = self._body, b""
        if self.behind is None:
            self.transport.write(answered())
        else:
            self.behind.ask(body, self.transport)


class Behind(asyncio.Protocol):
    """The process behind an echo; answers come in the order of the questions."""

    def __init__(self) -> None:
        self._waiting: list[asyncio.Transport] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def ask(self, body: bytes, client: asyncio.Transport) -> None:
        """Send a body to the process."""
        self._waiting.append(client)
        self._transport.write(LENGTH.pack(len(body)) + body)

    def data_received(self, data: bytes) -> None:
        """Answer who waits longest, per number that comes."""
        for (milliseconds,) in MILLISECONDS.iter_unpack(data):
            self._waiting.pop(0).write(answered(milliseconds))


def work(descriptor: int, model: str) -> None:
    """Be the process behind: take bodies, classify them where told to, and say how long it took."""
    classify = compare.bare(Path(model)) if model else bytes
    with socket.socket(fileno=descriptor) as connection:
        while len(head := connection.recv(LENGTH.size, socket.MSG_WAITALL)) == LENGTH.size:
            body = connection.recv(LENGTH.unpack(head)[0], socket.MSG_WAITALL)
            began = time.perf_counter()
            classify(body)
            connection.sendall(MILLISECONDS.pack(1000 * (time.perf_counter() - began)))


async def echo(port: int, *, behind: bool, model: str) -> None:
    """Serve until SIGTERM."""
    loop = asyncio.get_running_loop()
    if behind:
        ours, theirs = socket.socketpair()
        if os.fork() == 0:
            ours.close()
            work(theirs.detach(), model)
            os._exit(0)
        theirs.close()
        ours.setblocking(False)
        _, Echo.behind = await loop.create_unix_connection(Behind, sock=ours)
    server = await loop.create_server(Echo, "127.0.0.1", port)
    await server.serve_forever()


async def empty(_: Scope, receive: Receive, send: Send) -> None:
    """Be an application that does nothing."""
    more = True
    while more:
        more = (await receive()).get("more_body", False)
    body = BODY % 0.0
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def serve(kind: str, port: int, model: str) -> None:
    """Be one of the rungs."""
    if kind != "uvicorn":
        return asyncio.run(echo(port, behind=kind == "behind", model=model))
    return uvicorn.run(empty, port=port, http="httptools", loop="asyncio", lifespan="off",
                       access_log=False, log_level="error")  # fmt: skip


@contextmanager
def running(kind: str, model: str = "") -> Iterator[list[int]]:
    """Run a rung on core 0; yield its processes."""
    words = ["taskset", "-c", "0", sys.executable, __file__, "serve", kind, str(PORT), model]
    process = subprocess.Popen(words)
    try:
        while True:
            with suppress(OSError):
                socket.create_connection(("127.0.0.1", PORT)).close()
                break
            time.sleep(0.02)
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        yield [process.pid, *map(int, children)]
    finally:
        process.kill()
        process.wait()


def rung(kind: str, picture: Path, seconds: int) -> tuple[float, float]:
    """Milliseconds that a client waits, and microseconds of processor time per request."""
    with running(kind) as pids:
        path = "/models/m/classify"
        waited = client.waits(PORT, path, picture, lambda *_: None)
        before = cpu_seconds(*pids)
        done = load(f"http://127.0.0.1:{PORT}{path}", picture, seconds=seconds, rate=None,
                    connections=4)  # fmt: skip
        return waited, 1e6 * (cpu_seconds(*pids) - before) / (done.rate * seconds)


def working(model: Path, picture: Path) -> float:
    """Milliseconds that a client waits beyond what the process behind the echo is at work."""
    beyond = list[float]()

    def note(waited: float, answer: bytes) -> None:
        beyond.append(waited - float(answer[-13:-1]))

    with running("behind", str(model)):
        client.waits(PORT, "/models/m/classify", picture, note)
    return statistics.median(beyond)


Network = tuple[str, Path, Path]
"""A name, a model and a picture."""


def rows(
    networks: Sequence[Network], *, rounds: int, seconds: int
) -> Iterator[tuple[str, str, str]]:
    """Yield names, milliseconds and microseconds of all rungs, the service last."""
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in KINDS}
    barely = {name: list[float]() for name, *_ in networks}
    ours = {name: list[compare.Row]() for name, *_ in networks}
    for _ in range(rounds):
        for name, kind in KINDS.items():
            found[name].append(rung(kind, networks[0][2], seconds))
        for name, model, picture in networks:
            barely[name].append(working(model, picture))
            ours[name].append(compare.measure("litert", model, model, picture, seconds))
    for name, each in found.items():
        waited, spent = (statistics.median(column) for column in zip(*each, strict=True))
        yield name, f"{waited:.2f}", f"{spent:.0f}"
    for name, measured in ours.items():
        beyond = statistics.median(barely[name])
        yield (
            f"{name}: a process behind it that decodes and infers, less both",
            f"{beyond:.2f}",
            "–",
        )
        beyond = statistics.median(row.overhead for row in measured)
        spent = statistics.median(row.cpu_us - row.bare_us for row in measured)
        yield f"{name}: the service, less decoding and inference", f"{beyond:.2f}", f"{spent:.0f}"


def main() -> None:
    """Print the table."""
    if sys.argv[1:2] == ["serve"]:
        return serve(sys.argv[2], int(sys.argv[3]), sys.argv[4])
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("networks", nargs="+", metavar="NAME=MODEL,PICTURE")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=2)
    given = parser.parse_args()
    networks = []
    for text in given.networks:
        name, _, files = text.partition("=")
        model, picture = map(Path, files.split(","))
        networks.append((name, model, picture))
    print("| rung | a client waits, ms | CPU per request, µs |\n|---|---:|---:|")
    for row in rows(networks, rounds=given.rounds, seconds=given.seconds):
        print("|", " | ".join(row), "|")
    return None


if __name__ == "__main__":
    main()
