"""How a device is reached: with which programs, and how a command that waits for it is stopped."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from pathlib import Path


class Cancellation:
    """A request to stop, handed from the thread that has it to the one that waits for a device."""

    def __init__(self) -> None:
        self._requested = threading.Event()

    def request(self) -> None:
        """Make the command that is waited for, or the next one, raise ``KeyboardInterrupt``."""
        self._requested.set()

    def raise_if_requested(self) -> None:
        """Raise ``KeyboardInterrupt`` once per request, so that commands can clean up after it."""
        if self._requested.is_set():
            self._requested.clear()
            raise KeyboardInterrupt


@dataclass(frozen=True, kw_only=True)
class Access:
    """What ``find`` takes beside a name; a kind of devices ignores what does not concern it.

    Args:
        adb: The adb to use, by default ``$ADB``, then the one on PATH or in the wheel adbutils.
        runtime: LiteRT for a phone, by default ``$TFLCONV_RUNTIME``, else see ``android_runtime``.
        cancellation: Stops a command that waits for the device.

    """

    adb: str | None = None
    runtime: Path | None = None
    cancellation: Cancellation = field(default_factory=Cancellation)
