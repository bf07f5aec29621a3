"""Workers that end at the worst moments are noticed, and replaced."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tflconv.errors import TflconvError
from tflconv.service.jobs import Gone
from tflconv.service.patience import Patience
from tflconv.service.pool import Pool
from tflconv.service.problems import Problem
from tflconv.service.settings import ServiceConfig

WORKER = """
import json, pathlib, socket, struct, sys

mark, connection = pathlib.Path(sys.argv[1]), socket.socket(fileno=int(sys.argv[2]))

def say(**head):
    text = json.dumps(head).encode()
    connection.sendall(struct.pack("<II", len(text), 0) + text)

def hear():
    lengths = connection.recv(8, socket.MSG_WAITALL)
    if len(lengths) < 8:
        sys.exit()
    told = connection.recv(sum(struct.unpack("<II", lengths)), socket.MSG_WAITALL)
    return struct.unpack_from("<Q", told)[0]

hear()
say(ready={})
"""
ENDS_AT_ONCE = WORKER + "connection.shutdown(socket.SHUT_RDWR)"
ENDS_AT_ITS_FIRST_JOB = (
    WORKER
    + """
while True:
    job = hear()
    if not mark.exists():
        mark.touch()
        sys.exit()
    connection.sendall(struct.pack("<IIQddId", 0, 36, job, 0.1, 0.1, 0, 1.0))
"""
)

ANSWERS = """
    connection.sendall(struct.pack("<IIQddId", 0, 36, job, 0.1, 0.1, 0, 1.0))
"""
HANGS_AT_ITS_FIRST_JOB = (
    WORKER
    + """
while True:
    job = hear()
    if not mark.exists():
        mark.touch()
        hear()
        hear()
"""
    + ANSWERS
)
BABBLES_AT_ITS_FIRST_JOB = (
    WORKER
    + """
head, body = sys.argv[3:]
while True:
    job = hear()
    if not mark.exists():
        mark.touch()
        head, body = head.replace("ID", str(job)).encode(), bytes.fromhex(body)
        connection.sendall(struct.pack("<II", len(head), len(body)) + head + body)
        hear()
"""
    + ANSWERS
)


def pool(script: str, folder: Path, *more: str, workers: int = 1, timeout: float = 10.0) -> Pool:
    command = (sys.executable, "-S", "-c", script, str(folder / "mark"))
    config = ServiceConfig(workers=workers, timeout=timeout)
    if more:  # behind the number of the socket
        command = ("/bin/sh", "-c", 'exec "$0" "$1" "$2" "$3" "$4" "$7" "$5" "$6"', *command, *more)
    return Pool(config, {"threads": 1}, command=command)


async def until(what: Callable[[], object]) -> None:
    end = time.monotonic() + 60
    while not what():
        assert time.monotonic() < end
        await asyncio.sleep(0.01)


def test_a_worker_that_ends_when_it_is_ready_is_none(tmp_path: Path) -> None:
    async def start() -> None:
        started = pool(ENDS_AT_ONCE, tmp_path)
        with contextlib.suppress(TflconvError):  # or it ends a moment after that
            await started.start()
        await until(lambda: not started.pids)  # one that is listed would be given pictures
        await started.close()

    asyncio.run(start())


def test_what_a_lost_worker_had_at_hand_is_answered_by_the_next(tmp_path: Path) -> None:
    async def ask() -> None:
        started = pool(ENDS_AT_ITS_FIRST_JOB, tmp_path)
        await started.start()
        jobs = [started.submit("model", b"picture", 1) for _ in range(4)]
        with pytest.raises(Problem, match="ended from outside"):
            await jobs[0].outcome()
        answers = await asyncio.wait_for(asyncio.gather(*(job.outcome() for job in jobs[1:])), 60)
        assert [answer.top for answer in answers] == [[(0, 1.0)]] * 3
        assert (started.waiting, started.running, len(started.pids)) == (0, 0, 1)
        await started.close()

    asyncio.run(ask())


def test_room_is_what_the_queue_and_free_workers_have(tmp_path: Path) -> None:
    async def ask() -> None:
        (tmp_path / "mark").touch()
        started = pool(ENDS_AT_ITS_FIRST_JOB, tmp_path, workers=2)
        await started.start()
        room = ServiceConfig().queue + 2
        started.require_room(room)
        with pytest.raises(Problem, match="pictures wait"):
            started.require_room(room + 1)
        await started.close()

    asyncio.run(ask())


def test_a_worker_that_hangs_is_ended_though_its_client_has_gone(tmp_path: Path) -> None:
    async def ask() -> None:
        started = pool(HANGS_AT_ITS_FIRST_JOB, tmp_path, timeout=0.5)
        await started.start()
        before = started.pids
        started.abandon(started.submit("model", b"picture", 1))
        await until(lambda: started.pids and started.pids != before)
        answer = await asyncio.wait_for(started.submit("model", b"picture", 1).outcome(), 60)
        assert answer.top == [(0, 1.0)]
        await started.close()

    asyncio.run(ask())


@pytest.mark.parametrize(
    ("head", "body"),
    [
        ("", ""),
        ("", "00" * 5),
        ("", "01" * 35),
        ("", "01" * 36),
        ("[]", ""),
        ('{"a": 1}', "00" * 36),
        ('{"id": 77, "problem": "internal", "detail": ""}', ""),
        ('{"id": ID, "problem": "nonsense", "detail": ""}', ""),
        ('{"id": ID, "problem": "internal"}', ""),
        ('{"id": ID, "problem": ["internal"], "detail": ""}', ""),
        ("no JSON", ""),
        ("[" * 100_000, ""),
    ],
)
def test_a_worker_that_babbles_is_ended_and_costs_one_picture(
    head: str, body: str, tmp_path: Path
) -> None:
    """A decoder that a picture has taken over may say anything."""

    async def ask() -> None:
        started = pool(BABBLES_AT_ITS_FIRST_JOB, tmp_path, head, body)
        await started.start()
        jobs = [started.submit("model", b"picture", 1) for _ in range(3)]
        with pytest.raises(Problem, match="ended from outside"):
            await asyncio.wait_for(jobs[0].outcome(), 60)
        answers = await asyncio.wait_for(asyncio.gather(*(job.outcome() for job in jobs[1:])), 60)
        assert [answer.top for answer in answers] == [[(0, 1.0)]] * 2
        await started.close()

    asyncio.run(ask())


def test_what_waits_too_long_is_told_so_and_nothing_before_its_time(tmp_path: Path) -> None:
    async def ask() -> None:
        never_started, over = pool(WORKER, tmp_path, timeout=0.3), list[float]()
        jobs, waiting = [], []
        for _ in range(3):
            jobs.append(never_started.submit("model", b"picture", 1))
            waiting.append(asyncio.ensure_future(jobs[-1].outcome()))
            waiting[-1].add_done_callback(lambda _: over.append(time.perf_counter()))
            await asyncio.sleep(0.1)
        never_started.abandon(jobs[1])
        with pytest.raises(Gone):
            await waiting[1]
        for each in (waiting[0], waiting[2]):
            with pytest.raises(Problem, match="waited too long"):
                await asyncio.wait_for(each, 60)
        assert over[0] - jobs[0].accepted >= 0.3
        assert over[-1] - jobs[2].accepted >= 0.3
        assert never_started.waiting == 0
        await never_started.close()

    asyncio.run(ask())


def test_a_time_limit_is_over_once_and_not_before() -> None:
    async def wait() -> None:
        loop, over = asyncio.get_running_loop(), list[float]()
        limit, lifted = Patience(0.05, lambda: over.append(loop.time())), list[int]()
        other = Patience(0.01, lambda: lifted.append(1))
        for _ in range(20):
            limit.begin()
            other.begin()
            await asyncio.sleep(0)
            other.lift()
            limit.lift()
        limit.begin()
        began = loop.time()
        await until(lambda: over)
        await asyncio.sleep(0.1)
        assert len(over) == 1
        assert over[0] - began >= 0.05
        assert not limit.runs
        assert not lifted

    asyncio.run(wait())
