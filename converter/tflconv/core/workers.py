"""Stages that need TensorFlow run in worker processes, side by side, one a core.

So the process that measures never holds TensorFlow, and two small models train at once.

Workers are crash-only: they ignore Ctrl-C, which libraries swallow inside their imports, and are
killed instead, by the process that started them or, when that one is gone, by themselves. Nothing
that they leave half-written is ever read (``files``), and ``files.sweep`` takes it away.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import tempfile
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.queues import Queue
from typing import TypeVar

from tflconv.core.progress import Callback, Progress
from tflconv.errors import TflconvError

Item = TypeVar("Item")
Result = TypeVar("Result")

GRACE = 1.0
"""Seconds that the last events of workers have to arrive; a killed worker may have cut them off."""

_words: Queue[Progress | None]


def run_in_processes(
    function: Callable[[Item, Callback], Result], items: Sequence[Item], *, progress: Callback
) -> list[Result | TflconvError]:
    """Call ``function(item, progress)`` for each item, as many at once as there are cores.

    Each answer stands at its item's place; a ``TflconvError`` is returned there, not raised, so
    that one failing item does not cost the others. ``function`` and items must be picklable.
    """
    context = multiprocessing.get_context("spawn")
    workers = max(1, min(len(items), os.cpu_count() or 1))
    threads = max(1, (os.cpu_count() or 1) // workers)
    words: Queue[Progress | None] = context.Queue()
    listener = threading.Thread(target=_listen, args=(words, progress), daemon=True)
    listener.start()
    with tempfile.TemporaryDirectory(prefix="tflconv-", ignore_cleanup_errors=True) as scratch:
        pool = ProcessPoolExecutor(workers, context, _start, (words, threads, scratch))
        try:
            futures = _submitted(pool, function, items)
            return [_answer(future) for future in futures]
        except BaseException:
            for worker in multiprocessing.active_children():
                worker.kill()
            raise
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
            words.put(None)
            words.cancel_join_thread()
            listener.join(GRACE)


def _submitted(
    pool: ProcessPoolExecutor, function: Callable[[Item, Callback], Result], items: Sequence[Item]
) -> list[Future[Result | TflconvError]]:
    """Submit all items; workers start with interrupts ignored."""
    heard = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        return [pool.submit(_work, function, item) for item in items]
    finally:
        signal.signal(signal.SIGINT, heard)


def _start(words: Queue[Progress | None], threads: int, scratch: str) -> None:
    """Prepare a worker: it dies with its parent, and uses no more threads than its share."""
    global _words
    _words = words
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_die_with_parent, daemon=True).start()
    tempfile.tempdir = scratch
    for variable in ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"):
        os.environ.setdefault(variable, str(threads))


def _die_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


def _work(function: Callable[[Item, Callback], Result], item: Item) -> Result | TflconvError:
    try:
        return function(item, _words.put)
    except TflconvError as error:
        return error


def _listen(words: Queue[Progress | None], progress: Callback) -> None:
    while (word := words.get()) is not None:
        progress(word)


def _answer(future: Future[Result | TflconvError]) -> Result | TflconvError:
    try:
        return future.result()
    except BrokenProcessPool:
        return TflconvError(
            "a worker process was killed from outside.",
            hint="Most often memory ran out: free some, then run again; what is done is kept.",
        )
