"""Several devices at once: each has a thread of its own and waits for nobody.

The work is done on the devices; here is only waiting. So as many run as there are, whatever the
number of cores of this computer. One that fails does not stop the others.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from tflconv.device import adb
from tflconv.errors import TflconvError

Item = TypeVar("Item")
Result = TypeVar("Result")


def side_by_side(
    work: Callable[[Item], Result], items: Sequence[Item]
) -> list[Result | TflconvError]:
    """Call ``work`` with every item at the same time; the answers stand at their items' places.

    A ``TflconvError`` is returned in its place, not raised. Ctrl-C ends the running commands, waits
    until every device has been tidied up, and is then raised here.
    """

    def attempt(item: Item) -> Result | TflconvError:
        try:
            return work(item)
        except TflconvError as error:
            return error

    with _threads(len(items)) as pool:
        futures = [pool.submit(attempt, item) for item in items]
        return [future.result() for future in futures]


@contextlib.contextmanager
def _threads(count: int) -> Iterator[ThreadPoolExecutor]:
    started: list[int] = []

    def note() -> None:
        started.append(threading.get_ident())

    with ThreadPoolExecutor(max(1, count), initializer=note) as pool:
        try:
            yield pool
        except KeyboardInterrupt:
            for thread in started:
                adb.interrupt(thread)
            raise
