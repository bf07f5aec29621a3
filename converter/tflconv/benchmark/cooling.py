"""Wait between rounds of blocks, and before sustained runs, until a device is as cool as at first.

A phone that is warm lowers its clocks, and would measure the heat of the rounds before. What counts
is what the system did about the heat: its thermal status, and the highest clock that it allows.
Clocks of an idle moment say nothing, and a battery stays warm for many minutes without any harm.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from tflconv.device.interface import Device, Heat, TellsHeat

STEP_SECONDS = 2.0
ROUND_SECONDS = 60.0
"""How long is waited before one round at most."""

ALL_SECONDS = 600.0
"""How long is waited in one schedule at most; a hot room cools no phone."""

REST_SECONDS = 600.0
"""How long is waited before one sustained run at most."""

HELD = 0.95
"""Share of its first value to which the highest clock must be back."""


class Cooling:
    """The waits of one schedule, or of the sustained runs of one command.

    Args:
        device: What is measured; one that tells nothing of heat is not waited for.
        sleep: Waits some seconds, by default ``time.sleep``.
        at_once: Most seconds of one wait.
        in_all: Most seconds of all waits.
    """

    def __init__(
        self,
        device: Device,
        sleep: Callable[[float], object] | None = None,
        *,
        at_once: float = ROUND_SECONDS,
        in_all: float = ALL_SECONDS,
    ) -> None:
        self._at_once, self._in_all = at_once, in_all
        self._device = device if isinstance(device, TellsHeat) else None
        self._first = self._device.heat() if self._device else None
        self._sleep = sleep or time.sleep
        self.seconds = 0.0

    def wait(self) -> bool:
        """Wait until the device is cool, or the bounds of one wait or of all are reached.

        Returns:
            Whether it is cool.

        Raises:
            DeviceError: The device was lost.
        """
        waited = 0.0
        while hot := self._is_hot():
            if waited >= self._at_once or self.seconds >= self._in_all:
                break
            self._sleep(STEP_SECONDS)
            waited += STEP_SECONDS
            self.seconds += STEP_SECONDS
        return not hot

    def _is_hot(self) -> bool:
        if self._device is None or self._first is None:
            return False
        return is_hotter(self._device.heat(), self._first)


def is_hotter(now: Heat, first: Heat) -> bool:
    """Return whether a device does more about its heat than it did at first.

    Example:
        >>> is_hotter(Heat(status=1, highest_mhz=2000), Heat(status=0, highest_mhz=2000))
        True
    """
    if now.status is not None and first.status is not None and now.status > first.status:
        return True
    return bool(first.highest_mhz and now.highest_mhz < HELD * first.highest_mhz)
