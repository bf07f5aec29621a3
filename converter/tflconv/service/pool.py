"""The workers of one generation of models: a bounded queue, and whoever is free takes the next.

Each worker has at most one picture under work and one more at hand, so that it never waits for the
event loop. A worker that ends costs the picture that it was at; the one at hand goes to another.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tflconv.errors import TflconvError
from tflconv.service import process, wire
from tflconv.service.jobs import Gone, Job, lost
from tflconv.service.patience import Patience
from tflconv.service.problems import Problem
from tflconv.service.settings import ServiceConfig

AT_HAND = 2
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 5.0
"""Seconds before a worker that ended is started again; doubled each time it fails to start."""

_TYPICAL = 0.05
"""Seconds per picture that a new service expects."""


class _Worker:
    """A process of the pool, and what it was given.

    Args:
        seconds: How long it may be at a picture.
        answered: Is called with what it says of the first of its pictures.
        ended: Is called when the process is gone.
        late: Is called when it has been at a picture for too long.
    """

    def __init__(
        self,
        seconds: float,
        *,
        answered: Callable[[_Worker, wire.Message, bytes], None],
        ended: Callable[[_Worker], None],
        late: Callable[[_Worker], None],
    ) -> None:
        self.jobs = deque[Job]()
        self.limit = Patience(seconds, lambda: late(self))
        self.process = process.WorkerProcess(
            lambda head, body: answered(self, head, body), lambda: ended(self)
        )


class Pool:
    """Workers that have the same models open.

    Args:
        config: The limits.
        setup: The first message to each worker: what to open.
        golden: The golden pictures, one behind the other.
        command: The program of a worker.
        on_lost: Is called when a worker was lost, with a word for the reason.
    """

    def __init__(
        self,
        config: ServiceConfig,
        setup: wire.Message,
        golden: bytes = b"",
        *,
        command: Sequence[str] = process.COMMAND,
        on_lost: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._config, self._setup, self._golden = config, setup, golden
        self._command, self._on_lost = command, on_lost
        self._workers: list[_Worker] = []
        self._waiting = deque[Job]()
        self._numbers = itertools.count()
        self._restarts = set[asyncio.Task[None]]()
        self._closing = False
        self._seconds = _TYPICAL
        self._look: asyncio.TimerHandle | None = None
        self.models: Mapping[str, Any] = {}

    async def start(self) -> None:
        """Start all workers.

        Raises:
            TflconvError: A model cannot be used; then no worker is left.
        """
        count = self._config.processes
        started = await asyncio.gather(
            *(self._start_worker() for _ in range(count)), return_exceptions=True
        )
        errors = [each for each in started if isinstance(each, BaseException)]
        if errors:
            await self.close()
            raise errors[0]

    @property
    def is_ready(self) -> bool:
        """Whether a worker has its models open and tried."""
        return bool(self._workers) and not self._closing

    @property
    def waiting(self) -> int:
        """Number of pictures that no worker is at."""
        return len(self._waiting) + sum(max(0, len(w.jobs) - 1) for w in self._workers)

    @property
    def running(self) -> int:
        """Number of pictures that are being worked on."""
        return sum(bool(worker.jobs) for worker in self._workers)

    @property
    def pids(self) -> list[int]:
        """Numbers of the processes."""
        return [worker.process.pid for worker in self._workers]

    def require_room(self, count: int) -> None:
        """Check that ``count`` pictures may wait.

        Raises:
            Problem: The queue is full.
        """
        if self.waiting + count > self._config.queue + self._idle:
            raise Problem(
                "overloaded",
                f"{self.waiting} pictures wait already.",
                retry_after=self._seconds * self.waiting / max(1, len(self._workers)),
            )

    def submit(self, model: str, content: bytes, top: int) -> Job:
        """Give a picture to a worker, or to the queue; ``require_room`` is asked before."""
        job = Job(number=next(self._numbers), model=model, content=content, top=top)
        self._waiting.append(job)
        self._give_out()
        if job.started is None and self._look is None:
            loop = asyncio.get_running_loop()
            self._look = loop.call_later(self._config.timeout, self._end_waiting)
        return job

    def abandon(self, job: Job) -> None:
        """Forget a picture that nobody waits for any more."""
        job.end(Gone())
        if job in self._waiting:
            self._waiting.remove(job)

    async def close(self) -> None:
        """End the workers; what still waits fails."""
        self._closing = True
        if self._look is not None:
            self._look.cancel()
        for task in list(self._restarts):
            task.cancel()
        for job in self._waiting:
            job.end(Problem("overloaded", "The service is being stopped.", retry_after=1))
        self._waiting.clear()
        for worker in list(self._workers):
            worker.process.close()
        while self._workers:
            await asyncio.sleep(0.01)

    async def drain(self) -> None:
        """Wait until all that was submitted is answered, then close."""
        while self._waiting or self.running:
            await asyncio.sleep(0.05)
        await self.close()

    @property
    def _idle(self) -> int:
        return sum(not (w.jobs or w.process.is_gone) for w in self._workers)

    async def _start_worker(self) -> None:
        worker = _Worker(
            self._config.timeout,
            answered=self._answered,
            ended=self._ended,
            late=self._worked_too_long,
        )
        try:
            self.models = await worker.process.start(self._command, self._setup, self._golden)
            if worker.process.is_gone:  # before it stood in the list, so that nobody missed it
                raise TflconvError("a worker was ended as soon as it was ready.")
        except BaseException:
            worker.process.kill()
            raise
        if self._closing:
            worker.process.close()
            return
        self._workers.append(worker)
        self._give_out()

    def _give_out(self) -> None:
        """Give waiting pictures to free workers, then one more to each at hand."""
        for most in range(1, AT_HAND + 1):
            for worker in self._workers:
                if worker.process.is_gone:
                    continue
                while len(worker.jobs) < most and (job := self._next()) is not None:
                    worker.jobs.append(job)
                    worker.process.send(job.message())
                    if len(worker.jobs) == 1:
                        self._begin(worker)

    def _next(self) -> Job | None:
        while self._waiting:
            job = self._waiting.popleft()
            if not job.is_over:
                return job
        return None

    def _begin(self, worker: _Worker) -> None:
        """Note that the first picture of ``worker`` is now worked on."""
        job = worker.jobs[0]
        job.begin()
        worker.limit.begin()

    def _answered(self, worker: _Worker, head: wire.Message, body: bytes) -> None:
        try:
            job = worker.jobs[0]
            outcome = job.read(head, body)
        except (IndexError, KeyError, TypeError, ValueError):  # it was not asked, or says nothing
            worker.process.kill()
            return
        worker.jobs.popleft()
        if job.started is not None:
            self._seconds += 0.05 * (time.perf_counter() - job.started - self._seconds)
        if worker.jobs:
            self._begin(worker)
        else:
            worker.limit.lift()
        self._give_out()
        job.end(outcome)

    def _ended(self, worker: _Worker) -> None:
        if worker not in self._workers:
            return
        self._workers.remove(worker)
        worker.limit.end()
        problem = lost(worker.process.exit_code)
        if worker.jobs:
            worker.jobs.popleft().end(problem)
        self._waiting.extendleft(reversed(worker.jobs))
        worker.jobs.clear()
        if not self._closing:
            self._on_lost(problem.kind)
            restart = asyncio.get_running_loop().create_task(self._restart())
            self._restarts.add(restart)
            restart.add_done_callback(self._restarts.discard)
            self._give_out()

    async def _restart(self) -> None:
        pause = _FIRST_PAUSE
        started = False
        while not (started or self._closing):
            await asyncio.sleep(pause)
            started = await self._try_to_start()
            pause = min(2 * pause, _LONGEST_PAUSE)

    async def _try_to_start(self) -> bool:
        try:
            await self._start_worker()
        except (TflconvError, OSError):
            self._on_lost("worker-not-started")
            return False
        return True

    def _end_waiting(self) -> None:
        """End what waited too long, and look again when the next one will have."""
        limit, now = self._config.timeout, time.perf_counter()
        handed_out = (job for worker in self._workers for job in worker.jobs if job.started is None)
        waiting = [job for job in (*handed_out, *self._waiting) if not job.is_over]
        for job in waiting:
            if now - job.accepted >= limit:
                job.end(Problem("overloaded", "It waited too long.", retry_after=self._seconds))
        self._waiting = deque(job for job in self._waiting if not job.is_over)
        seconds = [job.accepted + limit - now for job in waiting if not job.is_over]
        loop = asyncio.get_running_loop()
        self._look = loop.call_later(min(seconds), self._end_waiting) if seconds else None

    def _worked_too_long(self, worker: _Worker) -> None:
        """End a worker, also where nobody waits any more for what it is at."""
        worker.jobs[0].end(Problem("timed-out", f"It took over {self._config.timeout:g} s."))
        worker.process.kill()
