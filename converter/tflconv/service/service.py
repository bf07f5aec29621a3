"""The service itself, whatever carries its requests: models, workers, reloads, counts."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import math
import secrets
import time
from collections.abc import Sequence
from pathlib import Path

from tflconv.errors import TflconvError
from tflconv.service import generation, process
from tflconv.service.asking import Asking
from tflconv.service.bodies import Asked, Budget
from tflconv.service.generation import Generation, Golden, Served
from tflconv.service.logs import Log
from tflconv.service.metrics import Metrics
from tflconv.service.problems import Problem
from tflconv.service.settings import ServedModel, ServiceConfig

_FIRST_PAUSE, _LONGEST_PAUSE = 5.0, 300.0
"""Seconds until models that failed to reload are tried again; doubled each time."""


class Service:
    """Models that are served until ``close``.

    Args:
        models: What to serve.
        config: The limits.
        folder: Where copies of the model files lie.
        golden: Pictures whose class is known.
        command: The program of a worker.
        log: Where events are told.
        metrics: Where they are counted.
    """

    def __init__(
        self,
        models: Sequence[ServedModel],
        config: ServiceConfig,
        folder: Path,
        *,
        log: Log,
        metrics: Metrics,
        golden: Golden | None = None,
        command: Sequence[str] = process.COMMAND,
    ) -> None:
        self._files, self.config, self._folder = tuple(models), config, folder
        self._golden: Golden = golden or {}
        self._command, self.log, self.metrics = tuple(command), log, metrics
        self._prefix, self._numbers = secrets.token_hex(4), itertools.count()
        self._marks = generation.marks(self._files)
        self._current: Generation | None = None
        self._draining = set[asyncio.Task[None]]()
        self._reloading = asyncio.Lock()
        self.budget = Budget(config)
        metrics.watch("queue_length", "Pictures that wait.", lambda: self._pool_number("waiting"))
        metrics.watch("running", "Pictures under work.", lambda: self._pool_number("running"))
        metrics.watch("workers", "Workers that run.", lambda: len(self.pids))

    async def start(self) -> None:
        """Open the models in all workers.

        Raises:
            TflconvError: One of them cannot be served.
        """
        self._current = await self._begin()
        self.metrics.serve(self.models)

    @property
    def models(self) -> dict[str, Served]:
        """The models that are served now, by name."""
        return {} if self._current is None else dict(self._current.models)

    @property
    def is_ready(self) -> bool:
        """Whether a picture would be answered."""
        return self._current is not None and self._current.pool.is_ready

    @property
    def pids(self) -> list[int]:
        """Numbers of the worker processes."""
        return [] if self._current is None else self._current.pool.pids

    def number(self) -> str:
        """Return the number of a request, which is no other's."""
        return f"{self._prefix}{next(self._numbers):08x}"

    def require(self, name: str) -> Generation:
        """Return what serves the model ``name``.

        Raises:
            Problem: There is no such model.
        """
        if self._current is None or name not in self._current.models:
            raise unknown_model(name, self.models)
        return self._current

    def ask(self, name: str, asked: Asked) -> Asking:
        """Give the pictures of a request to the workers that have the model ``name`` open.

        Raises:
            Problem: There is no such model, or no room.
        """
        current = self.require(name)
        current.pool.require_room(len(asked.pictures))
        return Asking(current.models[name], current.pool, asked.pictures, asked.top)

    async def watch(self) -> None:
        """Reload the models whenever one of their files has changed and then stayed the same.

        One that failed is tried again, ever more rarely: a worker may have been killed meanwhile.
        """
        last, pause, again = self._marks, _FIRST_PAUSE, math.inf
        while self.config.watch:
            await asyncio.sleep(self.config.watch)
            marks = generation.marks(self._files)
            changed = marks != self._marks
            if marks == last and (changed or time.monotonic() > again):
                pause = _FIRST_PAUSE if changed else min(2 * pause, _LONGEST_PAUSE)
                again = math.inf if await self.reload() else time.monotonic() + pause
            last = marks

    async def reload(self) -> bool:
        """Serve what the files hold now, and return whether they are; else the old models stay."""
        async with self._reloading:
            self._marks = generation.marks(self._files)
            try:
                new = await self._begin()
            except TflconvError as error:
                self.metrics.reloads.labels("failed").inc()
                self.log.event("reload-failed", detail=error.message)
                self._tidy()
                return False
            old, self._current = self._current, new
            self.metrics.serve(self.models)
            self.metrics.reloads.labels("done").inc()
            self.log.event("reloaded", models={n: m.sha256 for n, m in self.models.items()})
            if old is not None:
                self._drain(old)
            return True

    async def close(self) -> None:
        """End all workers."""
        for task in list(self._draining):
            task.cancel()
        if self._current is not None:
            await self._current.pool.close()

    async def _begin(self) -> Generation:
        return await generation.begin(
            self._files, self.config, self._folder,
            golden=self._golden, command=self._command, on_lost=self._lost,
        )  # fmt: skip

    def _drain(self, old: Generation) -> None:
        """Let the workers of before finish what they have, then end them and their files."""

        async def drain() -> None:
            try:
                await old.pool.drain()
            finally:
                await old.pool.close()
                self._tidy()

        task = asyncio.get_running_loop().create_task(drain())
        self._draining.add(task)
        task.add_done_callback(self._draining.discard)

    def _tidy(self) -> None:
        """Delete copies of files that are served no longer; who has one open keeps it."""
        served = {model.sha256 for model in self.models.values()}
        for file in self._folder.iterdir():
            if file.stem not in served:
                with contextlib.suppress(OSError):
                    file.unlink()

    def _lost(self, reason: str) -> None:
        self.metrics.workers_lost.labels(reason).inc()
        self.log.event("worker-ended", reason=reason)

    def _pool_number(self, name: str) -> float:
        return 0.0 if self._current is None else float(getattr(self._current.pool, name))


def unknown_model(name: str, models: dict[str, Served]) -> Problem:
    """Return the problem of a request for the model ``name``, which is none of ``models``."""
    return Problem("unknown-model", f"There is no '{name[:80]}'.", models=sorted(models))
