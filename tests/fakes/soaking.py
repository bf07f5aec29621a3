"""A service under everything at once: overload, cuts, junk, kills, stalls, reloads, no disk.

Each well-behaved request must get one whole answer: the classes that ``verify`` would tell for the
model whose hash stands in it, or a problem that says to come again. Requests are sent at fixed
moments, however slow the answers are, so that a service that stalls is not spared.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import resource
import shutil
import signal
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from fakes.serving import Running, alive, encoded, serving, wait_for
from tflconv.model import pictures, scoring

MODELS = Path(__file__).parents[1] / "golden" / "models"
FILES = (MODELS / "tiny_float32.tflite", MODELS / "tiny_int8.tflite")
ALLOWED = {"overloaded", "worker-lost", "worker-crashed"}
CONNECTIONS = 128
"""Fewer than come while the service stands still."""
LOG_BYTES = 200_000
"""Where the disk of the log is full."""

Expected = Mapping[str, list[list[float]]]
"""Probabilities of each picture, by the hash of the model."""


@dataclass(kw_only=True)
class Tally:
    """What came of a soak.

    Attributes:
        answers: Number of answers by status or kind of problem.
        faults: What must not be, in words.
        seconds: Of each request that was answered with classes.
        memory: Seconds since the start, bytes of the service's own, and of it with its workers.
        done: What was done to it.
    """

    answers: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    memory: list[tuple[float, int, int]] = field(default_factory=list)
    done: Counter[str] = field(default_factory=Counter)

    def slope(self) -> float:
        """KiB per minute that the service itself grows, over the second half."""
        times, sizes, _ = zip(*self.memory[len(self.memory) // 2 :], strict=True)
        return float(np.polyfit(np.array(times) / 60, np.array(sizes) / 1024, 1)[0])

    def p99(self) -> float:
        """Milliseconds within which 99 % of the classified requests were answered."""
        return float(1000 * np.quantile(self.seconds, 0.99))


def soak(folder: Path, seconds: float, *, overload: float = 3.0, seed: int = 0) -> Tally:
    """Run a service for ``seconds`` under ``overload`` times what it can do, and all else."""
    model = folder / "model.tflite"
    shutil.copyfile(FILES[0], model)
    contents = [picture(number) for number in range(8)]
    expected, tally = _expected(contents), Tally()
    limits = ("--workers", 2, "--queue", 8, "--watch", 0.3, "--max-connections", CONNECTIONS)
    with (folder / "log").open("wb") as log, serving(model, *limits, stderr=log) as service:
        _fill_disk_at(service.process.pid)
        rate = overload * _capacity(service, contents)
        asyncio.run(_all_at_once(service, model, contents, expected, tally, seconds, rate, seed))
        wait_for(lambda: len(service.workers) == 2)
        workers = service.workers
        if service.stop() != 0:
            tally.faults.append("it did not end well")
        tally.faults += ["a worker is left" for pid in workers if alive(pid)]
        with contextlib.suppress(ConnectionRefusedError):
            service.connect().close()
            tally.faults.append("it listens after its end")
    return tally


def picture(number: int) -> bytes:
    """Noise that takes a worker some tens of milliseconds."""
    draw = np.random.default_rng(number)
    coarse = Image.fromarray(draw.integers(0, 256, (40, 60), np.uint8))
    return encoded(coarse.resize((1500, 1000)), "JPEG")


def _expected(contents: list[bytes]) -> Expected:
    view = pictures.View(size=(8, 8), channels=1)
    pixels = np.stack([view.shape(pictures.decode(content)) for content in contents])
    return {
        sha256(file.read_bytes()).hexdigest(): scoring.scores(file, pixels).tolist()
        for file in FILES
    }


def _fill_disk_at(pid: int) -> None:
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (LOG_BYTES, LOG_BYTES))


def _capacity(service: Running, contents: list[bytes]) -> float:
    """Pictures per second of two clients that wait for their answers."""

    async def some() -> float:
        began = time.monotonic()
        await asyncio.gather(*(post(service.port, contents[0]) for _ in range(2)))
        began = time.monotonic()
        for _ in range(10):
            await asyncio.gather(*(post(service.port, content) for content in contents[:2]))
        return 20 / (time.monotonic() - began)

    return asyncio.run(some())


async def _all_at_once(
    service: Running, model: Path, contents: list[bytes], expected: Expected, tally: Tally,
    seconds: float, rate: float, seed: int,
) -> None:  # fmt: skip
    draw, end = random.Random(seed), time.monotonic() + seconds
    asking = set[asyncio.Task[None]]()

    def ask() -> None:
        number = draw.randrange(len(contents))
        told = _ask(service.port, contents[number], number, expected, tally)
        task = asyncio.ensure_future(told)
        asking.add(task)
        task.add_done_callback(asking.discard)

    async def flood() -> None:
        due = time.monotonic()
        while time.monotonic() < end:
            ask()
            due += draw.expovariate(rate)
            await asyncio.sleep(max(0, due - time.monotonic()))

    def often(act: Callable[[], Awaitable[None]], name: str, pause: float) -> Awaitable[None]:
        return _repeat(act, name, pause, end, tally, draw)

    waiting = set[asyncio.Task[None]]()
    steps = iter([FILES[1], None, FILES[0]] * 1000)
    port = service.port
    await asyncio.gather(
        flood(),
        often(lambda: _slow(port, draw, waiting), "slow clients", 0.3),
        often(lambda: cut(port, contents[0], draw), "cut connections", 0.1),
        often(lambda: junk(port, draw), "junk", 0.2),
        often(lambda: kill(service, draw), "killed workers", max(2.0, seconds / 60)),
        often(lambda: _stall(service, draw), "stalls", max(2.0, seconds / 60)),
        often(lambda: replace(model, next(steps)), "changed files", max(1.5, seconds / 30)),
        often(lambda: _weigh(service, tally, end - seconds), "", max(0.2, seconds / 300)),
    )
    await asyncio.gather(*asking)
    for task in waiting:
        task.cancel()


async def _repeat(
    act: Callable[[], Awaitable[None]], name: str, pause: float, end: float, tally: Tally,
    draw: random.Random,
) -> None:  # fmt: skip
    while time.monotonic() < end - pause:
        await asyncio.sleep(pause * draw.uniform(0.5, 1.5))
        with contextlib.suppress(OSError):
            await act()
        tally.done[name] += 1


async def _ask(port: int, content: bytes, number: int, expected: Expected, tally: Tally) -> None:
    began = time.monotonic()
    try:
        status, told = await asyncio.wait_for(post(port, content), 60)
    except (OSError, ValueError, asyncio.TimeoutError, asyncio.IncompleteReadError) as error:
        tally.faults.append(f"no answer: {error!r}")
        return
    if status == 200:
        tally.seconds.append(time.monotonic() - began)
        tally.answers["classes"] += 1
        classes = sorted(told["pictures"][0]["classes"], key=lambda each: each["index"])
        got = [each["probability"] for each in classes]
        if got != expected[told["model"]["sha256"]][number]:
            tally.faults.append(f"a wrong answer to picture {number}")
        return
    kind = str(told["type"]).rpartition(":")[2]
    tally.answers[kind] += 1
    if kind not in ALLOWED:
        tally.faults.append(f"{status} {told}")


async def post(port: int, content: bytes) -> tuple[int, Any]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(_request(len(content)) + content)
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].split()[0])
        body = await reader.readexactly(length)
        rest = await reader.read()
        if rest:
            raise ValueError("answered twice")
        return int(head.split()[1]), json.loads(body)
    finally:
        writer.close()


def _request(length: int, name: str = "model") -> bytes:
    return (
        f"POST /models/{name}/classify?top=3 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        f"Content-Type: image/jpeg\r\nContent-Length: {length}\r\n\r\n"
    ).encode()


async def _slow(port: int, draw: random.Random, waiting: set[asyncio.Task[None]]) -> None:
    """Begin a request, and leave it to the service to end the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    begun = _request(1000) + bytes(100)
    writer.write(begun[: draw.randrange(len(begun))])
    task = asyncio.ensure_future(_ended(reader, writer))
    waiting.add(task)
    task.add_done_callback(waiting.discard)


async def _ended(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        await reader.read()
    writer.close()


async def cut(port: int, content: bytes, draw: random.Random) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write((_request(len(content)) + content)[: draw.randrange(len(content))])
    await asyncio.sleep(draw.uniform(0, 0.05))
    writer.transport.abort()


async def junk(port: int, draw: random.Random) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(draw.choice([draw.randbytes(2000), _request(300) + draw.randbytes(300)]))
    await asyncio.wait_for(reader.read(), 30)
    writer.close()


async def kill(service: Running, draw: random.Random) -> None:
    with contextlib.suppress(ProcessLookupError, IndexError):
        number = draw.choice([signal.SIGKILL, signal.SIGSEGV])
        os.kill(draw.choice(service.workers), number)


async def _stall(service: Running, draw: random.Random) -> None:
    """Take its processor for a while, as other programs of a busy computer may."""
    service.process.send_signal(signal.SIGSTOP)
    await asyncio.sleep(draw.uniform(0.3, 1.5))
    service.process.send_signal(signal.SIGCONT)


async def replace(model: Path, file: Path | None) -> None:
    """Put another model in its place, or one that is cut short."""
    if file is None:
        model.write_bytes(FILES[0].read_bytes()[:900])
    else:
        shutil.copyfile(file, model)


async def _weigh(service: Running, tally: Tally, began: float) -> None:
    own = memory(service.process.pid)
    whole = sum(_bytes(pid, "Pss") for pid in (service.process.pid, *service.workers))
    tally.memory.append((time.monotonic() - began, own, whole))


def memory(pid: int) -> int:
    """Bytes that are a process's own."""
    return _bytes(pid, "Anonymous")


def _bytes(pid: int, kind: str) -> int:
    """Memory of a process: ``Anonymous`` is its own, ``Pss`` counts what it shares in part."""
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0
    found = text.partition(f"\n{kind}:")[2].split()
    return 1024 * int(found[0]) if found else 0
