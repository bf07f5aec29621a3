"""A time limit that is set and lifted with every request, and costs a timer only now and then.

A timer of the event loop is a place in a heap; to set and cancel several for each request takes
longer than to read its head. Here a limit that is lifted leaves its timer, which looks again for
whoever set the limit anew.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Patience:
    """A time limit, of the same length whenever it is set.

    Args:
        seconds: Its length.
        act: Is called when it is over.

    Example:
        >>> async def wait() -> list[str]:
        ...     over: list[str] = []
        ...     limit = Patience(0.01, lambda: over.append("late"))
        ...     limit.begin()
        ...     await asyncio.sleep(0.1)
        ...     return over
        >>> asyncio.run(wait())
        ['late']
    """

    def __init__(self, seconds: float, act: Callable[[], object]) -> None:
        self._seconds, self._act = seconds, act
        self._loop = asyncio.get_running_loop()
        self._due: float | None = None
        self._timer: asyncio.TimerHandle | None = None

    @property
    def runs(self) -> bool:
        """Whether it was begun, and neither lifted nor over."""
        return self._due is not None

    def begin(self) -> None:
        """Count from now."""
        self._due = self._loop.time() + self._seconds
        if self._timer is None:
            self._timer = self._loop.call_at(self._due, self._look)

    def lift(self) -> None:
        """Count no more."""
        self._due = None

    def end(self) -> None:
        """Count no more, and never again: nothing is left that holds on to who waited."""
        self._due = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        self._timer = None
        if self._due is None:
            return
        if self._loop.time() < self._due:
            self._timer = self._loop.call_at(self._due, self._look)
            return
        self._due = None
        self._act()
