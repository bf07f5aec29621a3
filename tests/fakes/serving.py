"""A service in a process of its own, and clients that talk to it: well behaved ones and others."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

PATIENCE = 60.0
"""Seconds that a busy machine may take for what takes one."""

PNG = {"content-type": "image/png"}


@dataclass(frozen=True, kw_only=True)
class Answer:
    """An answer of the service."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def problem(self) -> str:
        """The kind of a problem; checks that the answer is a whole one."""
        assert self.headers["content-type"] == "application/problem+json", self.body
        told = self.json
        assert told["status"] == self.status
        assert told["title"]
        assert told["detail"]
        return str(told["type"]).removeprefix("urn:tflconv:problem:")


@dataclass(kw_only=True)
class Running:
    """A service that runs."""

    process: subprocess.Popen[str]
    port: int
    lines: list[str] = field(default_factory=list)

    def ask(
        self,
        path: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        method: str | None = None,
    ) -> Answer:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        way = method or ("GET" if body is None else "POST")
        try:
            connection.request(way, path, body, dict(headers or {}))
            found = connection.getresponse()
            names = {name.lower(): value for name, value in found.getheaders()}
            return Answer(status=found.status, headers=names, body=found.read())
        finally:
            connection.close()

    def classify(self, picture: bytes, model: str = "tiny_float32", query: str = "") -> Answer:
        return self.ask(f"/models/{model}/classify{query}", picture, PNG)

    def number(self, name: str) -> float:
        """A number of ``/metrics``; 0 for one that is not there."""
        text = self.ask("/metrics").body.decode()
        found = re.search(rf"^{re.escape(name)} (\S+)$", text, re.M)
        return 0.0 if found is None else float(found[1])

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE)

    @property
    def workers(self) -> list[int]:
        return children(self.process.pid)

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.lines]

    def stop(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(PATIENCE)


@contextmanager
def serving(
    *arguments: object, env: Mapping[str, str] | None = None, **how: Any
) -> Iterator[Running]:
    """Run ``tflconv serve`` with ``arguments`` at a free port."""
    command = [sys.executable, "-m", "tflconv", "serve", *map(str, arguments), "--port", "0"]
    with running(command, env, **how) as service:
        yield service


@contextmanager
def running(
    command: list[str], env: Mapping[str, str] | None = None, **how: Any
) -> Iterator[Running]:
    """Run a program that serves, and says at which address."""
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=how.pop("stderr", subprocess.PIPE), text=True,
        env=os.environ | dict(env or {}), **how,
    )  # fmt: skip
    service = Running(process=process, port=0)
    try:
        service.port = _port(process)
        if process.stderr is not None:
            reading = threading.Thread(target=service.lines.extend, args=(process.stderr,))
            reading.start()
        yield service
    finally:
        process.kill()
        process.wait()
        if process.stderr is not None and service.port:
            reading.join()
        for stream in (process.stdout, process.stderr):
            if stream is not None:
                stream.close()


def _port(process: subprocess.Popen[str]) -> int:
    assert process.stdout is not None
    for line in process.stdout:
        if found := re.fullmatch(r"Serving at http://\S+:(\d+)/\n", line):
            return int(found[1])
    raise AssertionError(process.stderr.read() if process.stderr else "it ended")


def children(pid: int) -> list[int]:
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(word) for word in text.split()]


def alive(pid: int) -> bool:
    """Whether a process runs; one that ended and was not asked about does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def wait_for(what: Callable[[], object]) -> None:
    """Wait until ``what`` is true."""
    end = time.monotonic() + PATIENCE
    while not what():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.02)


def png(seed: int = 0, size: int = 8) -> bytes:
    """A picture unlike every other."""
    pixels = np.random.default_rng(seed).integers(0, 256, (size, size), np.uint8)
    return encoded(Image.fromarray(pixels))


def slow_png(side: int = 5000) -> bytes:
    """A small file that takes a worker about a second."""
    return encoded(Image.new("RGBA", (side, side), (10, 20, 30, 128)))


def encoded(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    buffer = BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def form(*files: bytes, **fields: str) -> tuple[bytes, dict[str, str]]:
    """A multipart form, and its header."""
    parts = [
        b'--edge\r\nContent-Disposition: form-data; name="picture"; filename="a.png"\r\n\r\n'
        + file + b"\r\n"
        for file in files
    ] + [
        f'--edge\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields.items()
    ]  # fmt: skip
    kind = {"content-type": "multipart/form-data; boundary=edge"}
    return b"".join([*parts, b"--edge--\r\n"]), kind
