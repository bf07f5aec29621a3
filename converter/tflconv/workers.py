"""Stages that need TensorFlow run in worker processes, side by side, one a core.

So the process that measures never holds TensorFlow, two small models train at once, and an
interrupt reaches whoever is working and nobody else.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.queues import Queue
from typing import Any, TypeVar

from tflconv.errors import TflconvError

Say = Callable[[str, str], None]
"""``say(task, text)``: tell whoever listens how far ``task`` is."""

Item = TypeVar("Item")
Result = TypeVar("Result")

GRACE = 3.0
"""Seconds that an interrupted worker has for cleaning up before it is told again."""
TOLD_AGAIN = 3

_words: Queue[Any]


def run_in_processes(
    function: Callable[[Item, Say], Result], items: Sequence[Item], *, say: Say
) -> list[Result | TflconvError]:
    """Call ``function(item, say)`` for each item, as many at once as there are cores.

    Each answer stands at its item's place; a ``TflconvError`` is returned there, not raised, so
    that one failing item does not cost the others. ``function`` and items must be picklable.
    """
    context = multiprocessing.get_context("spawn")
    workers = max(1, min(len(items), os.cpu_count() or 1))
    words: Queue[Any] = context.Queue()
    listener = threading.Thread(target=_listen, args=(words, say), daemon=True)
    listener.start()
    threads = max(1, (os.cpu_count() or 1) // workers)
    pool = ProcessPoolExecutor(workers, context, _start, (words, threads))
    try:
        futures = _submitted(pool, function, items)
        return [_answer(future) for future in futures]
    except KeyboardInterrupt:
        _stop(pool)
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
        words.put(None)
        listener.join()


def _submitted(
    pool: ProcessPoolExecutor, function: Callable[[Item, Say], Result], items: Sequence[Item]
) -> list[Future[Result | TflconvError]]:
    """Submit all items; workers are born deaf to interrupts, until they work."""
    heard = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        return [pool.submit(_work, function, item) for item in items]
    finally:
        signal.signal(signal.SIGINT, heard)


def _stop(pool: ProcessPoolExecutor) -> None:
    """Let interrupted workers clean up; one that was importing may need to be told again."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    pool.shutdown(wait=False, cancel_futures=True)
    for worker in multiprocessing.active_children():
        worker.join(GRACE)
        for _ in range(TOLD_AGAIN):
            if worker.is_alive() and worker.pid is not None:
                os.kill(worker.pid, signal.SIGINT)
                worker.join(GRACE)
        worker.kill()


def _start(words: Queue[Any], threads: int) -> None:
    """Prepare a worker: deaf to interrupts until it works, no more threads than its share."""
    global _words
    _words = words
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for variable in ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"):
        os.environ.setdefault(variable, str(threads))


def _work(function: Callable[[Item, Say], Result], item: Item) -> Result | TflconvError:
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return function(item, lambda task, text: _words.put((task, text)))
    except TflconvError as error:
        return error
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)


def _listen(words: Queue[Any], say: Say) -> None:
    while (word := words.get()) is not None:
        say(*word)


def _answer(future: Future[Result | TflconvError]) -> Result | TflconvError:
    try:
        return future.result()
    except BrokenProcessPool:
        return TflconvError(
            "a worker process was killed from outside.",
            hint="Most often memory ran out: free some, then run again; what is done is kept.",
        )
