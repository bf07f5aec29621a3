"""Work on several devices at once: each has a thread of its own, so none waits for another.

The devices do the work and this computer only waits, so as many threads run as there are devices,
whatever the number of cores. A device that fails does not stop the others.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextvars import copy_context
from typing import Generic, TypeVar

from tflconv.device.access import Cancellation
from tflconv.errors import TflconvError

Item = TypeVar("Item")
Result = TypeVar("Result")

_WAIT_SECONDS = 0.2
"""CPython notices a signal that comes just before a wait only when the wait ends."""


def side_by_side(
    work: Callable[[Item, Cancellation], Result], items: Sequence[Item]
) -> list[Result | TflconvError]:
    """Call ``work`` with every item at the same time and return the results in their order.

    Ctrl-C requests the cancellation of every call, waits until each has cleaned up, and is then
    raised here.

    Args:
        work: Called with an item and the ``Cancellation`` that it must listen to.
        items: One per call, usually a device.

    Returns:
        One entry per item: what ``work`` returned, or the ``TflconvError`` that it raised.

    Example:
        >>> side_by_side(lambda item, cancellation: 2 * item, [1, 2, 3])
        [2, 4, 6]

    """
    jobs = [_Job(work, item) for item in items]
    try:
        for job in jobs:
            job.start()
        return [job.result() for job in jobs]
    except KeyboardInterrupt:
        for job in jobs:
            job.cancellation.request()
        raise
    finally:
        for job in jobs:
            job.join()


class _Job(Generic[Item, Result]):
    """One call in a thread of its own.

    An interrupt may come while ``Thread.start`` is at work, and then nothing tells whether there
    will be a thread. So ``join`` and the thread race for one lock: the call is made and waited for,
    or it is never made.
    """

    def __init__(self, work: Callable[[Item, Cancellation], Result], item: Item) -> None:
        self.cancellation = Cancellation()
        self._work = work
        self._item = item
        self._claim = threading.Lock()
        self._ended = threading.Event()
        self._result: Result | TflconvError
        self._error: BaseException | None = None

    def start(self) -> None:
        threading.Thread(target=copy_context().run, args=(self._run,)).start()

    def result(self) -> Result | TflconvError:
        """Wait for the call; return its result or its ``TflconvError``, raise any other error."""
        self._wait()
        if self._error:
            raise self._error
        return self._result

    def join(self) -> None:
        """Return when the call has ended, or is certain never to begin."""
        if not self._claim.acquire(blocking=False):
            self._wait()

    def _run(self) -> None:
        if not self._claim.acquire(blocking=False):
            return
        try:
            self._result = self._work(self._item, self.cancellation)
        except TflconvError as error:
            self._result = error
        except BaseException as error:
            self._error = error
        finally:
            self._ended.set()

    def _wait(self) -> None:
        while not self._ended.wait(_WAIT_SECONDS):
            pass
