"""What a device can do. Host, emulator and phone differ only behind this."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, runtime_checkable

from tflconv.results import Conditions, DeviceInfo, Instructions, Software


@dataclass(frozen=True, kw_only=True)
class Completed:
    """How a command on a device ended; ``stdout`` and ``stderr`` are text with LF line ends."""

    returncode: int
    stdout: str
    stderr: str


@dataclass(frozen=True, kw_only=True)
class Runtime:
    """LiteRT on a device, ready to be loaded.

    ``abi`` says which build of the harness can load it: x86_64-linux, aarch64-linux or
    aarch64-android. ``path`` is the library's on the device. ``launcher`` goes before the path of
    a program that is to be started with this library (a bundle brings its own dynamic linker).
    ``accelerators`` are the GPU libraries that lie beside it.
    """

    abi: str
    path: str
    software: Software
    launcher: tuple[str, ...] = ()
    accelerators: tuple[str, ...] = ()


class Device(Protocol):
    """A place where the harness runs. Every method raises ``DeviceError`` if the device is lost."""

    @property
    def id(self) -> str:
        """What ``--device`` takes to mean this device."""
        ...

    def info(self) -> DeviceInfo:
        """Describe the device."""
        ...

    def runtime(self) -> Runtime:
        """Bring LiteRT to the device unless it is there, and say how to start programs with it."""
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


@dataclass
class Watch:
    """What a device is like during a block; ``conditions`` are complete when it has ended."""

    conditions: Conditions = field(default_factory=Conditions)


@runtime_checkable
class WatchesConditions(Protocol):
    """A device that can tell what it was like while it was measured."""

    def conditions(self) -> AbstractContextManager[Watch]:
        """Watch the device for the length of a block."""
        ...


@dataclass(frozen=True, kw_only=True)
class Counted:
    """How a program ended, and what every inference that it marked has executed.

    Without ``inferences`` the ``obstacle`` says why nothing could be counted.
    """

    completed: Completed
    inferences: tuple[Instructions, ...] = ()
    obstacle: str | None = None


@runtime_checkable
class CountsInstructions(Protocol):
    """A device whose clock means nothing, but that counts what a program executes."""

    def count(self, argv: Sequence[str], *, timeout: float | None = None) -> Counted:
        """Run a program as ``shell`` does and count the inferences that it marks."""
        ...
