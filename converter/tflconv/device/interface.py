"""The interface that host, emulator and phone share."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, runtime_checkable

from tflconv.results import Conditions, DeviceInfo, Instructions, Moment, Software


@dataclass(frozen=True, kw_only=True)
class Completed:
    """Result of a command on a device.

    Attributes:
        returncode: Exit code, or the negative number of the signal that ended the command.
        stdout: Text with LF line ends.
        stderr: Text with LF line ends.

    Example:
        >>> Completed(returncode=0, stdout="Linux\\n", stderr="").stdout
        'Linux\\n'

    """

    returncode: int
    stdout: str
    stderr: str


@dataclass(frozen=True, kw_only=True)
class Runtime:
    """LiteRT on a device, ready to be loaded.

    Attributes:
        abi: ABI of the harness that can load it: ``x86_64-linux``, ``aarch64-linux`` or
            ``aarch64-android``.
        path: Path of the library on the device.
        software: Its entry in results.
        launcher: Words that precede a program on the command line (a bundle has its own dynamic
            linker).
        accelerators: Names of the GPU libraries in the same folder.

    """

    abi: str
    path: str
    software: Software
    launcher: tuple[str, ...] = ()
    accelerators: tuple[str, ...] = ()


class Device(Protocol):
    """A device that runs the harness. Every method raises ``DeviceError`` if the device is lost.

    Example:
        >>> from tflconv.device import find
        >>> find("host").shell(["echo", "hello"]).stdout
        'hello\\n'

    """

    @property
    def id(self) -> str:
        """Name of the device, as ``--device`` takes it."""
        ...

    def info(self) -> DeviceInfo:
        """Return a description of the device."""
        ...

    def runtime(self) -> Runtime:
        """Install LiteRT on the device unless it is there, and return how to load it."""
        ...

    def push(self, source: Path, *, executable: bool = False) -> str:
        """Copy ``source`` to the device and return its path there, which contains its SHA-256.

        A file whose content is already there is not copied again.
        """
        ...

    def pull(self, remote: str, target: Path) -> None:
        """Copy the file ``remote`` from the device to ``target``."""
        ...

    def shell(self, argv: Sequence[str], *, timeout: float | None = None) -> Completed:
        """Run a program.

        Args:
            argv: The program and its arguments, which may contain any characters.
            timeout: Time limit in seconds, None for no limit.

        """
        ...

    def temporary_file(self) -> AbstractContextManager[str]:
        """Yield the path of a file on the device to write, which is gone after the block."""
        ...


@dataclass
class Watch:
    """Conditions of a device during a block; they are complete when the block has ended."""

    conditions: Conditions = field(default_factory=Conditions)


@runtime_checkable
class WatchesConditions(Protocol):
    """A device that reports its conditions during a measurement."""

    def conditions(self) -> AbstractContextManager[Watch]:
        """Watch the device during a block."""
        ...


@runtime_checkable
class LooksOn(Protocol):
    """A device that looks at its heat and its battery while it works for long."""

    def looks(self) -> AbstractContextManager[list[Moment]]:
        """Look every few seconds during a block; the list is complete when the block has ended."""
        ...


@dataclass(frozen=True, kw_only=True)
class Heat:
    """What a device does about its heat: Android's thermal status, the highest clock it allows."""

    status: int | None
    highest_mhz: float


@runtime_checkable
class TellsHeat(Protocol):
    """A device that lowers its clocks when it is hot, and says so."""

    def heat(self) -> Heat:
        """Return what it does about its heat at this moment."""
        ...


@runtime_checkable
class Reservable(Protocol):
    """A device that several people may reach, and one at a time may measure on."""

    def reserved(self) -> AbstractContextManager[None]:
        """Keep it from everybody else during a block; raise ``DeviceError`` if it is in use."""
        ...


@dataclass(frozen=True, kw_only=True)
class Counted:
    """Result of a program, and the instructions of each inference that it marked.

    Without ``inferences``, ``obstacle`` is the reason why nothing could be counted.
    """

    completed: Completed
    inferences: tuple[Instructions, ...] = ()
    obstacle: str | None = None


@runtime_checkable
class CountsInstructions(Protocol):
    """A device whose clock is meaningless, but that counts instructions."""

    def count(self, argv: Sequence[str], *, timeout: float | None = None) -> Counted:
        """Run a program as ``shell`` does and count the instructions of each marked inference."""
        ...


class RunsScripts(Protocol):
    """A phone that runs lines of shell."""

    @property
    def folder(self) -> str:
        """Folder on the phone for files of tflconv."""
        ...

    def script(self, text: str, *arguments: str) -> str:
        """Run shell lines and return their output; raise ``DeviceError`` if they fail."""
        ...
