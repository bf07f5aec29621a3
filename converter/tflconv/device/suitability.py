"""Tell whether a phone can run models, from what it reports, before anything is copied to it.

LiteRT and the harness are built for arm64. A phone that has an arm64 processor but a 32-bit
Android is refused too: it lacks the 64-bit linker that starts them, and no app on it could be as
fast as the figures. A phone that merely prefers 32-bit apps lists arm64 behind them, and runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

ABI = "arm64-v8a"

MACHINES = ("aarch64", "arm64")
"""Names of a 64-bit ARM kernel in the output of ``uname -m``."""

_IN_32_BITS = "armv8l"
"""What such a kernel calls itself to a 32-bit program."""

OLDEST_SDK = 24
"""Android 7: LiteRT needs 23, and adb reports exit codes from 24 on."""

_OTHER_DEVICE = "Use a phone with a 64-bit ARM processor, or --device arm64:cortex-a76 here."


@dataclass(frozen=True, kw_only=True)
class Obstacle:
    """The reason why a phone cannot run models.

    Attributes:
        state: The reason in a few words, for a table.
        sentence: The reason, to follow the name of the phone.
        hint: What to do instead.

    """

    state: str
    sentence: str
    hint: str


NO_EXIT_CODES = Obstacle(
    state="unsupported (before Android 7)",
    sentence="does not report exit codes",
    hint="Use a device with Android 7 or newer.",
)


def obstacle(properties: Mapping[str, str], machine: str) -> Obstacle | None:
    """Return why a phone cannot run models, None if it can or tells nothing.

    Args:
        properties: Android's properties by name; empty for another Linux.
        machine: Output of ``uname -m``.

    Example:
        >>> obstacle({"ro.product.cpu.abi": "armeabi-v7a"}, "armv8l").state
        'unsupported (armeabi-v7a)'

    """
    abi = _own_abi(properties)
    if abi not in ("", ABI):
        return _of_32_bits(abi) if _is_32_on_64(abi, machine) else _of_abi(abi)
    if not abi and machine not in ("", *MACHINES):
        return _of_abi(machine)
    sdk = properties.get("ro.build.version.sdk", "").strip()
    if sdk.isdecimal() and int(sdk) < OLDEST_SDK:
        return _of_age(properties.get("ro.build.version.release") or f"API level {sdk}")
    return None


def _own_abi(properties: Mapping[str, str]) -> str:
    """Return the ABI in which the phone runs programs best.

    The first of the list is the processor's own; others may be translated, but not arm64 behind
    32-bit ARM, which is where phones have it that prefer small apps.
    """
    listed = properties.get("ro.product.cpu.abilist") or properties.get("ro.product.cpu.abi", "")
    first, *others = (abi.strip() for abi in listed.split(","))
    return ABI if ABI in others and first.startswith("armeabi") else first


def _is_32_on_64(abi: str, machine: str) -> bool:
    return abi.startswith("armeabi") and machine in (*MACHINES, _IN_32_BITS)


def _of_abi(abi: str) -> Obstacle:
    return Obstacle(
        state=f"unsupported ({abi})",
        sentence=f"runs programs for {abi}, and LiteRT and the harness are built for {ABI}",
        hint=_OTHER_DEVICE,
    )


def _of_32_bits(abi: str) -> Obstacle:
    return replace(
        _of_abi(abi),
        sentence=f"runs programs for {abi} only: its processor has 64 bits, but its Android has 32,"
        f" and LiteRT and the harness are built for {ABI}",
        hint="No setting changes that. Use a phone with a 64-bit ARM processor and Android, or"
        " --device arm64:cortex-a76 here.",
    )


def _of_age(release: str) -> Obstacle:
    return Obstacle(
        state=f"unsupported (Android {release})",
        sentence=f"has Android {release}, which is too old for LiteRT",
        hint=NO_EXIT_CODES.hint,
    )
