"""The kinds of devices: a table of modules, each imported only when it is needed.

A kind is a module with four functions. ``--device KIND:NAME`` calls ``find(NAME)`` of the kind;
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
from tflconv.device.arm64 import cores
from tflconv.device.interface import Device
from tflconv.errors import UsageError, unknown

KINDS = {
    "host": "tflconv.device.host",
    "arm64": "tflconv.device.emulator",
    "adb": "tflconv.device.phone",
}


@dataclass(frozen=True, kw_only=True)
class ListedDevice:
    """A device, and what it needs before models can be measured on it.

    Attributes:
        id: Its name, as ``--device`` takes it.
        kind: ``host``, ``emulator`` or ``phone``.
        name: Its name for people.
        state: ``ready``, or what is wrong: ``offline``, ``unauthorized``, ``not set up``.
        abilities: What a run there can report: ``latency``, ``memory``, ``instructions``.
        hint: How to make it ready.

    Example:
        >>> host = next(listed())
        >>> host.id, host.kind
        ('host', 'host')

    """

    id: str
    kind: str
    name: str
    state: str
    abilities: tuple[str, ...] = ()
    hint: str | None = None


class DeviceKind(Protocol):
    """The functions of a module in ``KINDS``."""

    def find(self, name: str, access: Access | None = None, /) -> Device:
        """Return the device called ``name``, which may be empty."""
        ...

    def listed(self, access: Access | None = None, /) -> Sequence[ListedDevice]:
        """Return the visible devices of this kind; a missing tool is no error."""
        ...

    def clean(self, access: Access | None = None, /) -> int:
        """Delete what was copied to the devices of this kind and return the number of files."""
        ...

    def diagnose(self) -> Sequence[Requirement]:
        """Return what this kind needs on this computer, whether it is there, and how to get it."""
        ...


def kind(name: str) -> DeviceKind:
    """Import and return the module of the kind called ``name``."""
    return cast(DeviceKind, import_module(KINDS[name]))


def check_name(text: str) -> None:
    """Raise ``UsageError`` for a name that no device can have, without looking for any.

    Example:
        >>> check_name("host"), check_name("adb:R58M123")
        (None, None)

    """
    prefix, colon, name = text.partition(":")
    if prefix not in KINDS or (prefix == "host" and colon):
        raise _unknown(text)
    if prefix == "arm64" and name:
        cores.find(name)


def find(
    text: str,
    *,
    adb: str | None = None,
    adb_servers: Sequence[str] = (),
    runtime: Path | None = None,
    cancellation: Cancellation | None = None,
) -> Device:
    """Return the device that ``text`` names.

    Args:
        text: ``host``, ``arm64:cortex-a76`` or ``adb:SERIAL``.
        adb: The adb to reach a phone with, by default ``$ADB``, PATH, the wheel adbutils.
        adb_servers: adb servers as ``HOST:PORT``, which are asked for it in their order.
        runtime: LiteRT for a phone, an ``.aar`` or an arm64 ``libLiteRt.so``, by default
            ``$TFLCONV_RUNTIME`` or what ``device.android_runtime`` finds.
        cancellation: Stops a command that waits for a phone.

    Raises:
        UsageError: There is no such kind or name, or ``adb`` or ``runtime`` cannot be used.
        DeviceError: The device is not available.

    Example:
        >>> find("host").id
        'host'

    """
    prefix, _, name = text.partition(":")
    if prefix not in KINDS:
        raise _unknown(text)
    access = Access(
        adb=adb,
        adb_servers=tuple(adb_servers),
        runtime=runtime,
        cancellation=cancellation or Cancellation(),
    )
    return kind(prefix).find(name, access)


def listed(*, adb_servers: Sequence[str] = ()) -> Iterator[ListedDevice]:
    """Yield the devices of every kind, ready or not.

    Args:
        adb_servers: adb servers as ``HOST:PORT``, whose phones are listed.

    Example:
        >>> next(listed()).id
        'host'

    """
    access = Access(adb_servers=tuple(adb_servers))
    for name in KINDS:
        yield from kind(name).listed(access)


def _unknown(text: str) -> UsageError:
    error = unknown("device", text, ["host", "arm64:cortex-a76", "adb:SERIAL"])
    if text.lower() == "gpu":
        error.hint = "For the GPU of a phone: --device adb:SERIAL --use-gpu."
    return error
