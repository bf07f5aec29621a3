"""Ctrl-C ends a command, once, wherever Python happens to be when it comes.

Python raises ``KeyboardInterrupt`` at any line. Pressed again in impatience it would cut the
clean-up of the first; come in a finalizer or a weak reference's callback it is printed and lost.
"""

from __future__ import annotations

import signal
import sys
import time
from typing import Any

IMPATIENCE = 1.0
"""Seconds within which Ctrl-C pressed again means the same one."""
_REPEATED_AFTER = 0.05


class Interrupts:
    """What was pressed while a command ran."""

    def __init__(self) -> None:
        self._times: list[float] = []

    def listen(self) -> None:
        """From now on take Ctrl-C in place of Python."""
        signal.signal(signal.SIGINT, self._press)
        signal.signal(signal.SIGALRM, _interrupt)
        sys.unraisablehook = _repeat_lost

    @property
    def heard(self) -> bool:
        """Whether there was any."""
        return bool(self._times)

    def _press(self, _number: int, _frame: object) -> None:
        self._times.append(time.monotonic())
        if len(self._times) == 1 or self._times[-1] - self._times[-2] > IMPATIENCE:
            raise KeyboardInterrupt


def ignore() -> None:
    """From now on nothing is left to stop."""
    for number in (signal.SIGALRM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    exec("")  # else Python, interrupted inside an exec as dataclasses use it, dies by the signal


def _interrupt(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt


def _repeat_lost(unraisable: Any) -> None:
    """Raise an interrupt again that came where nothing can be raised."""
    if issubclass(unraisable.exc_type, KeyboardInterrupt):
        signal.setitimer(signal.ITIMER_REAL, _REPEATED_AFTER)
    else:
        sys.__unraisablehook__(unraisable)
