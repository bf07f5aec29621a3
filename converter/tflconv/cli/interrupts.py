"""Ctrl-C ends a command exactly once, wherever Python happens to be when it arrives.

By default Python raises ``KeyboardInterrupt`` between any two instructions. Ctrl-C pressed a second
time would then cut short the clean-up of the first, and one that arrives in a finalizer or in the
callback of a weak reference would be printed and lost.
"""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

REPEAT_SECONDS = 1.0
"""A Ctrl-C that follows another within this time is taken for the same one."""

_RETRY_SECONDS = 0.05
_SIGNALS = (signal.SIGALRM, signal.SIGINT)


class Interrupts:
    """The signals of Ctrl-C that arrived while a command ran."""

    def __init__(self) -> None:
        self._times: list[float] = []
        self._ignoring = False

    @contextmanager
    def handled(self) -> Iterator[None]:
        """Handle Ctrl-C in the block; afterwards the process handles it as before.

        After ``ignore`` the handlers stay as that left them, because the process is about to end.
        """
        handlers = {number: signal.getsignal(number) for number in _SIGNALS}
        hook = sys.unraisablehook
        signal.signal(signal.SIGINT, self._on_sigint)
        signal.signal(signal.SIGALRM, _on_alarm)
        sys.unraisablehook = _raise_lost_interrupt
        try:
            yield
        finally:
            if not self._ignoring:
                sys.unraisablehook = hook
                for number, handler in handlers.items():
                    signal.signal(number, handler)

    @property
    def received(self) -> bool:
        """Whether Ctrl-C was pressed."""
        return bool(self._times)

    def ignore(self) -> None:
        """Ignore Ctrl-C until the process ends: nothing is left to stop."""
        self._ignoring = True
        for number in _SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        exec(
            ""
        )  # else Python, interrupted inside an exec as dataclasses use it, dies by the signal

    def _on_sigint(self, _number: int, _frame: object) -> None:
        self._times.append(time.monotonic())
        if len(self._times) == 1 or self._times[-1] - self._times[-2] > REPEAT_SECONDS:
            raise KeyboardInterrupt


def _on_alarm(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt


def _raise_lost_interrupt(unraisable: sys.UnraisableHookArgs) -> None:
    """Raise an interrupt again, a moment later, that arrived where nothing can be raised."""
    if issubclass(unraisable.exc_type, KeyboardInterrupt):
        signal.setitimer(signal.ITIMER_REAL, _RETRY_SECONDS)
    else:
        sys.__unraisablehook__(unraisable)
