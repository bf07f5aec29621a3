"""Several devices at once: each has a thread of its own and waits for nobody.

The work is done on the devices; here is only waiting. So as many run as there are, whatever the
number of cores of this computer. One that fails does not stop the others.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from tflconv.device.access import Cancellation
from tflconv.errors import TflconvError

Item = TypeVar("Item")
Result = TypeVar("Result")


def side_by_side(
    work: Callable[[Item, Cancellation], Result], items: Sequence[Item]
) -> list[Result | TflconvError]:
    """Call ``work`` with every item at the same time; the answers stand at their items' places.

    A ``TflconvError`` is returned in its place, not raised. Ctrl-C requests every ``Cancellation``
    that ``work`` was handed, waits until it has tidied up, and is then raised here.
    """

    def attempt(item: Item, cancellation: Cancellation) -> Result | TflconvError:
        try:
            return work(item, cancellation)
        except TflconvError as error:
            return error

    cancellations = [Cancellation() for _ in items]
    with _threads(cancellations) as pool:
        return list(pool.map(attempt, items, cancellations))


@contextlib.contextmanager
def _threads(cancellations: Sequence[Cancellation]) -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(max(1, len(cancellations))) as pool:
        try:
            yield pool
        except KeyboardInterrupt:
            for cancellation in cancellations:
                cancellation.request()
            raise
