"""Tell whether a phone can run models, from what it reports, before anything is copied to it.

LiteRT and the harness are built for arm64. A phone that has an arm64 processor but a 32-bit
Android is refused too: no app on it could be as fast as the figures.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

ABI = "arm64-v8a"

MACHINES = ("aarch64", "arm64")
"""Names of a 64-bit ARM processor in the output of ``uname -m``."""

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
    abi = _first_abi(properties)
    if abi not in ("", ABI):
        return _of_abi(abi)
    if not abi and machine not in ("", *MACHINES):
        return _of_abi(machine)
    sdk = properties.get("ro.build.version.sdk", "").strip()
    if sdk.isdecimal() and int(sdk) < OLDEST_SDK:
        return _of_age(properties.get("ro.build.version.release") or f"API level {sdk}")
    return None


def _first_abi(properties: Mapping[str, str]) -> str:
    """Return the processor's own ABI; those behind it in the list may be translated."""
    listed = properties.get("ro.product.cpu.abilist") or properties.get("ro.product.cpu.abi", "")
    return listed.split(",")[0].strip()


def _of_abi(abi: str) -> Obstacle:
    return Obstacle(
        state=f"unsupported ({abi})",
        sentence=f"runs programs for {abi}, and LiteRT and the harness are built for {ABI}",
        hint=_OTHER_DEVICE,
    )


def _of_age(release: str) -> Obstacle:
    return Obstacle(
        state=f"unsupported (Android {release})",
        sentence=f"has Android {release}, which is too old for LiteRT",
        hint=NO_EXIT_CODES.hint,
    )
