"""Stages that need TensorFlow run in worker processes, as many at once as there are cores.

So the process that measures never holds TensorFlow, and two small models train at once.

Workers are crash-only. They ignore Ctrl-C, which libraries swallow inside their imports; they are
killed instead, by the process that started them or, when that process is gone, by themselves.
Whatever a worker leaves half-written is never read (``files``), and the next sweep deletes it
(``private``). Each item has a process and a pipe of its own, so a worker that is killed, or that
runs into a bug, costs one item.
"""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import tempfile
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import Generic, TypeVar

from tflconv.core import limits, unexpected
from tflconv.core.private import scratch_folder
from tflconv.core.progress import Callback, Progress
from tflconv.errors import TflconvError

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True, kw_only=True)
class _Share:
    """What a worker may use: threads of the processor, and a folder for temporary files."""

    threads: int
    scratch: str


@dataclass(frozen=True, kw_only=True)
class _Returned(Generic[Result]):
    """The last message of a worker: its result, or the error that was raised in its place."""

    result: Result | TflconvError


@dataclass(frozen=True, kw_only=True, eq=False)
class _Worker(Generic[Result]):
    """A process at work on the item at ``index``, and the pipe that its messages come through."""

    index: int
    process: SpawnProcess
    messages: Connection


def run_in_processes(
    function: Callable[[Item, Callback], Result], items: Sequence[Item], *, progress: Callback
) -> list[Result | TflconvError]:
    """Call ``function(item, progress)`` for each item, each in a process of its own.

    Args:
        function: What to call. It, the items and the results must be picklable.
        items: The first argument of each call.
        progress: Receives the events of all workers, in this process.

    Returns:
        The results, in the order of ``items``. A ``TflconvError`` is returned in the place of the
        result, not raised, so that one item that fails does not cost the others.
    """
    cores = os.cpu_count() or 1
    at_once = max(1, min(len(items), cores))
    waiting = deque(enumerate(items))
    workers: list[_Worker[Result]] = []
    results: dict[int, Result | TflconvError] = {}
    with scratch_folder() as scratch:
        share = _Share(threads=max(1, cores // at_once), scratch=str(scratch))
        with _killed_at_the_end(workers):
            while waiting or workers:
                while waiting and len(workers) < at_once:
                    index, item = waiting.popleft()
                    _start(workers, index, pickle.dumps((function, item)), share)
                for worker, message in _messages(workers):
                    if isinstance(message, Progress):
                        progress(message)
                    else:
                        results[worker.index] = message.result
    return [results[index] for index in range(len(items))]


@contextmanager
def _killed_at_the_end(workers: Sequence[_Worker[Result]]) -> Iterator[None]:
    """Kill the workers that are in ``workers`` when the block ends, however it ends."""
    try:
        yield
    finally:
        for worker in workers:
            worker.process.kill()
        for worker in workers:
            worker.process.join()


def _start(workers: list[_Worker[Result]], index: int, job: bytes, share: _Share) -> None:
    """Add a worker to ``workers`` that starts with interrupts ignored."""
    context = multiprocessing.get_context("spawn")
    handler = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        messages, end_of_worker = context.Pipe(duplex=False)
        process = context.Process(target=_work, args=(end_of_worker, job, share), daemon=True)
        process.start()
        workers.append(_Worker(index=index, process=process, messages=messages))
        end_of_worker.close()  # so that the pipe ends where the worker does
    finally:
        signal.signal(signal.SIGINT, handler)


def _messages(
    workers: list[_Worker[Result]],
) -> Iterator[tuple[_Worker[Result], Progress | _Returned[Result]]]:
    """Wait for messages; take a worker whose last message it is out of ``workers``."""
    ready = wait([worker.messages for worker in workers])
    for worker in [worker for worker in workers if worker.messages in ready]:
        try:
            message: Progress | _Returned[Result] = worker.messages.recv()
        except (EOFError, OSError):
            worker.process.join()
            message = _Returned(result=_killed(worker.process.exitcode))
        if not isinstance(message, Progress):
            worker.process.join()
            worker.messages.close()
            workers.remove(worker)
        yield worker, message


def _killed(code: int | None) -> TflconvError:
    """The error for a worker that a signal ended, or Linux, which wants its memory back."""
    if code is not None and code < 0 and -code != signal.SIGKILL:
        return TflconvError(
            f"a worker process was ended by {signal.Signals(-code).name}.",
            hint="If its model is a file of others, that may be damaged, or made to do so.",
        )
    return TflconvError(
        "a worker process was killed from outside.",
        hint="Free some memory, which is what most often ran out, and run again: finished steps"
        " are kept.",
    )


def _work(messages: Connection, job: bytes, share: _Share) -> None:
    """Run ``job`` in a worker; its modules are imported only when the worker is prepared."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_die_with_parent, daemon=True).start()
    tempfile.tempdir = share.scratch
    limits.keep()
    for variable in ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"):
        os.environ.setdefault(variable, str(share.threads))
    messages.send(_outcome(job, messages.send))


def _outcome(job: bytes, progress: Callback) -> _Returned[object]:
    try:
        function, item = pickle.loads(job)
        return _Returned(result=function(item, progress))
    except TflconvError as error:
        return _Returned(result=error)
    except Exception as error:  # a bug, which costs its item and no other
        return _Returned(result=unexpected.explained(error))


def _die_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)
