"""The kinds of devices: a table of modules, each imported only when a device of its kind is meant.

A kind is a module with four functions. ``--device KIND:NAME`` goes to ``find(NAME)`` of the kind;
``tflconv devices`` shows what ``listed()`` of every kind returns.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Protocol, cast

from tflconv.core.diagnosis import Requirement
from tflconv.device.access import Access, Cancellation
from tflconv.device.interface import Device
from tflconv.errors import unknown

KINDS = {
    "host": "tflconv.device.host",
    "arm64": "tflconv.device.emulator",
    "adb": "tflconv.device.phone",
}


@dataclass(frozen=True, kw_only=True)
class ListedDevice:
    """A device that can be measured on, or what it takes until it can.

    ``state`` is ``ready`` or one word of what is wrong (``offline``, ``unauthorized``, ``not set
    up``); ``hint`` says how to mend that. ``abilities`` are what a run there can report
    (latency, memory, instructions, ...).
    """

    id: str
    kind: str
    name: str
    state: str
    abilities: tuple[str, ...] = ()
    hint: str | None = None


class Kind(Protocol):
    """What a module in ``KINDS`` offers."""

    def find(self, name: str, access: Access | None = None, /) -> Device:
        """Return the device called ``name``, which may be empty, reached by ``access``."""
        ...

    def listed(self) -> Sequence[ListedDevice]:
        """Return the devices of this kind that are in sight; never raises for a missing tool."""
        ...

    def clean(self) -> int:
        """Remove what was brought to the devices of this kind; returns the number of files."""
        ...

    def diagnose(self) -> Sequence[Requirement]:
        """Return what this kind needs on this machine, whether it is there, and how to get it."""
        ...


def kind(name: str) -> Kind:
    """Import the kind called ``name``."""
    return cast(Kind, import_module(KINDS[name]))


def find(
    text: str,
    *,
    adb: str | None = None,
    runtime: Path | None = None,
    cancellation: Cancellation | None = None,
) -> Device:
    """Return the device that ``text`` names.

    Args:
        text: ``host``, ``arm64:cortex-a76`` or ``adb:SERIAL``.
        adb: The adb to reach a phone with, by default ``$ADB``, PATH, the wheel adbutils.
        runtime: LiteRT for a phone, an ``.aar`` or an arm64 ``libLiteRt.so``, by default
            ``$TFLCONV_RUNTIME`` or what ``device.android_runtime`` finds.
        cancellation: Stops a command that waits for a phone.

    Raises:
        UsageError: There can be no such kind or name, or a choice is not what it should be.
        DeviceError: The device is not there.

    Example:
        >>> find("host").id
        'host'

    """
    prefix, _, name = text.partition(":")
    if prefix not in KINDS:
        raise unknown("device", text, ["host", "arm64:cortex-a76", "adb:SERIAL"])
    access = Access(adb=adb, runtime=runtime, cancellation=cancellation or Cancellation())
    return kind(prefix).find(name, access)


def listed() -> Iterator[ListedDevice]:
    """Return the devices of every kind."""
    for name in KINDS:
        yield from kind(name).listed()
