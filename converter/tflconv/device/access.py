"""Settings of the access to devices: which programs to use, and how to stop a waiting command."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from pathlib import Path


class Cancellation:
    """A request to stop, passed from one thread to another that waits for a device.


    Example:
        >>> cancellation = Cancellation()
        >>> cancellation.request()
        >>> try:
        ...     cancellation.raise_if_requested()
        ... except KeyboardInterrupt:
        ...     print("cleaning up")
        cleaning up

    """

    def __init__(self) -> None:
        self._requested = threading.Event()

    def request(self) -> None:
        """Make the command in progress, or else the next one, raise ``KeyboardInterrupt``."""
        self._requested.set()

    def raise_if_requested(self) -> None:
        """Raise ``KeyboardInterrupt`` once per request, so that the clean-up is not stopped."""
        if self._requested.is_set():
            self._requested.clear()
            raise KeyboardInterrupt


@dataclass(frozen=True, kw_only=True)
class Access:
    """Settings of ``find`` beside a device's name; each kind of device ignores those of others.

    Args:
        adb: The adb to use, by default ``$ADB``, then the one on PATH or in the wheel adbutils.
        adb_servers: adb servers as ``HOST:PORT``, by default that of ``$ADB_SERVER_SOCKET``, else
            this computer's.
        runtime: LiteRT for a phone, by default ``$TFLCONV_RUNTIME``, else see ``android_runtime``.
        cancellation: Stops a command that waits for the device.

    """

    adb: str | None = None
    adb_servers: tuple[str, ...] = ()
    runtime: Path | None = None
    cancellation: Cancellation = field(default_factory=Cancellation)
