"""What a device can do. Host, emulator and phone differ only behind this."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from tflconv.results import DeviceInfo


@dataclass(frozen=True, kw_only=True)
class Completed:
    """How a command on a device ended; ``stdout`` and ``stderr`` are text with LF line ends."""

    returncode: int
    stdout: str
    stderr: str


class Device(Protocol):
    """A place where the harness runs. Every method raises ``DeviceError`` if the device is lost."""

    @property
    def id(self) -> str:
        """What ``--device`` takes to mean this device."""
        ...

    def info(self) -> DeviceInfo:
        """Describe the device."""
        ...

    def push(self, source: Path, *, executable: bool = False) -> str:
        """Bring ``source`` to the device and return its path there, which carries its sha256.

        A file whose content is already there is not sent again.
        """
        ...

    def pull(self, remote: str, target: Path) -> None:
        """Fetch the file ``remote`` into ``target``."""
        ...

    def shell(self, argv: Sequence[str], *, timeout: float | None = None) -> Completed:
        """Run a program with its arguments as they are, whatever characters they hold."""
        ...

    def remove(self, remote: str) -> None:
        """Delete ``remote``, which may already be gone."""
        ...
