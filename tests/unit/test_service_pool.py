"""Workers that end at the worst moments are noticed, and replaced."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time
from pathlib import Path

import pytest

from tflconv.errors import TflconvError
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
    head, body = struct.unpack("<II", lengths)
    return json.loads(connection.recv(head + body, socket.MSG_WAITALL)[:head])

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
    say(id=job["id"], top=[[0, 1.0]], decode=0.1, inference=0.1)
"""
)


def pool(script: str, folder: Path, workers: int = 1) -> Pool:
    command = (sys.executable, "-S", "-c", script, str(folder / "mark"))
    return Pool(ServiceConfig(workers=workers), {"threads": 1}, command=command)


def test_a_worker_that_ends_when_it_is_ready_is_none(tmp_path: Path) -> None:
    async def start() -> None:
        started = pool(ENDS_AT_ONCE, tmp_path)
        with contextlib.suppress(TflconvError):  # or it ends a moment after that
            await started.start()
        end = time.monotonic() + 60
        while started.pids:  # one that is listed for ever would be given pictures for ever
            assert time.monotonic() < end
            await asyncio.sleep(0.01)
        await started.close()

    asyncio.run(start())


def test_what_a_lost_worker_had_at_hand_is_answered_by_the_next(tmp_path: Path) -> None:
    async def ask() -> None:
        started = pool(ENDS_AT_ITS_FIRST_JOB, tmp_path)
        await started.start()
        jobs = [started.submit("model", b"picture", 1) for _ in range(4)]
        with pytest.raises(Problem, match="ended from outside"):
            await jobs[0].future
        answers = await asyncio.wait_for(asyncio.gather(*(job.future for job in jobs[1:])), 60)
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
