"""The kinds of devices: a table of modules, each imported only when a device of its kind is meant.

A kind is a module with four functions. ``--device KIND:NAME`` goes to ``find(NAME)`` of the kind;
``tflconv devices`` shows what ``listed()`` of every kind returns.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Protocol, cast

from tflconv.core.diagnosis import Finding
from tflconv.device.interface import Device
from tflconv.errors import unknown

KINDS = {
    "host": "tflconv.device.host",
    "arm64": "tflconv.device.emulator",
    "adb": "tflconv.device.phone",
}


@dataclass(frozen=True, kw_only=True)
class Listed:
    """A device that could be used, or nearly: what ``state`` keeps it from it, ``hint`` mends.

    ``state`` is ``ready`` or one word of what is wrong (``offline``, ``unauthorized``, ``not set
    up``); ``abilities`` are what a run there can report (latency, memory, instructions, ...).
    """

    id: str
    kind: str
    name: str
    state: str
    abilities: tuple[str, ...] = ()
    hint: str | None = None


class Kind(Protocol):
    """What a module in ``KINDS`` offers."""

    def find(self, name: str) -> Device:
        """Return the device called ``name`` (it may be empty)."""
        ...

    def listed(self) -> Sequence[Listed]:
        """Return the devices of this kind that are in sight; never raises for a missing tool."""
        ...

    def clean(self) -> int:
        """Remove what was brought to the devices of this kind; returns the number of files."""
        ...

    def diagnose(self) -> Sequence[Finding]:
        """Return what this kind needs on this machine, whether it is there, and how to get it."""
        ...


def kind(name: str) -> Kind:
    """Import the kind called ``name``."""
    return cast(Kind, import_module(KINDS[name]))


def find(text: str) -> Device:
    """Return the device that ``text`` means: ``host``, ``arm64:cortex-a76``, ``adb:SERIAL``.

    Raises ``UsageError`` for a kind or name that cannot exist, ``DeviceError`` for a device that
    is not there.
    """
    prefix, _, name = text.partition(":")
    if prefix not in KINDS:
        raise unknown("device", text, ["host", "arm64:cortex-a76", "adb:SERIAL"])
    return kind(prefix).find(name)


def listed() -> Iterator[Listed]:
    """Return the devices of every kind."""
    for name in KINDS:
        yield from kind(name).listed()
