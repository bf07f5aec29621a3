"""Say how to connect a phone when none is listed."""

from __future__ import annotations

from tflconv.device import adb
from tflconv.errors import DeviceError, UsageError

STEPS = (
    "Turn on USB debugging in the phone's developer options: see docs/phone-setup.md.",
    "Connect it with a USB cable that carries data, unlock it, and allow debugging.",
    "If it is still not listed, run 'adb kill-server', then 'tflconv devices' again.",
)


def steps() -> tuple[str, ...]:
    """Return what to do, in order, until a phone is listed.

    Example:
        >>> "USB debugging" in " ".join(steps())
        True

    """
    return (*_trouble_with_adb(), *STEPS)


def _trouble_with_adb() -> tuple[str, ...]:
    try:
        adb.devices(adb.program())
    except (DeviceError, UsageError) as error:
        return (f"{error.message[:1].upper()}{error.message[1:]} {error.hint or ''}".strip(),)
    return ()
