"""Choose a phone among those that adb's servers list, and say what keeps one from being used."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from tflconv.device import parse
from tflconv.device.complaints import last_line
from tflconv.errors import DeviceError, UsageError

PORT = 5037
"""Where adb's server listens unless it is told otherwise."""

_STATES = {
    "unauthorized": "Unlock its screen and allow USB debugging for this computer.",
    "authorizing": "Unlock its screen and allow USB debugging for this computer.",
    "offline": "Reconnect the cable, or run 'adb reconnect offline'.",
    "no permissions": "Linux denies access to the USB device: add udev rules for Android.",
    "recovery": "It is in recovery: start Android with 'adb reboot'.",
    "sideload": "It waits for an update: start Android with 'adb reboot'.",
    "bootloader": "It is in the bootloader: start Android with 'fastboot reboot'.",
    "rescue": "It is in rescue mode: start Android with 'adb reboot'.",
    "connecting": "Wait until 'adb devices' calls it device, or run 'adb reconnect'.",
    "detached": "adb has let go of it: run 'adb attach', or reconnect the cable.",
    "host": "It is another computer: name a phone.",
}

REFUSALS = {
    "No space left on device": "Free some space on it, or run 'tflconv devices clean'.",
    "Read-only file system": "Its /data/local/tmp cannot be written: see docs/phone-setup.md.",
    "Permission denied": "adb's shell user may not write there: see docs/phone-setup.md.",
    "Required key not available": "Its storage is locked since it was started: unlock its screen.",
}
"""What a device says of a file that could not be copied, and what to do."""

_HERE = re.compile(r"error: (cannot [a-z /]+ '.+)")
_THERE = re.compile(
    r"error: (?:failed to copy .*: remote |stat failed when trying to |failed to stat remote )(.+)"
)
"""What adb says where this computer, or the device, refused a file, and nothing was lost."""

_SERVER = re.compile(r"(?:tcp:)?(?P<host>\[[^\]\s]+\]|[^-:\s\[][^:\s]*)(?::(?P<port>\d{1,5}))?")


def state_hint(state: str) -> str | None:
    """Return how to make a device usable that adb lists with ``state``, if that is known."""
    return _STATES.get(state)


def refusal(serial: str, output: str) -> DeviceError | None:
    """Return the error for a file that was not copied; None where the connection broke.

    Args:
        serial: Serial of the device.
        output: What adb said.

    Example:
        >>> said = "adb: error: failed to copy 'a' to '/b': remote couldn't create file: Not now"
        >>> refusal("5A1", said).message
        "device '5A1' refused the file: couldn't create file: Not now."
    """
    if here := _HERE.search(output):
        return DeviceError(f"adb on this computer: {here[1].rstrip('.')}.")
    for reason, hint in REFUSALS.items():
        if reason in output:
            return DeviceError(f"device '{serial}': {reason.lower()}.", hint=hint)
    if there := _THERE.search(output):
        message = f"device '{serial}' refused the file: {there[1].rstrip('.')}."
        return DeviceError(message, hint="See docs/phone-setup.md.")
    return None


def server_words(server: str | None) -> list[str]:
    """Return the words by which adb takes ``HOST:PORT`` as its server; none for its own choice.

    Raises:
        UsageError: It is no such name.

    Example:
        >>> server_words("lab:5037"), server_words("[fe80::1]"), server_words(None)
        (['-H', 'lab', '-P', '5037'], ['-H', 'fe80::1', '-P', '5037'], [])
    """
    if server is None:
        return []
    named = _SERVER.fullmatch(server)
    port = int(named["port"] or PORT) if named else 0
    if named is None or not 0 < port < 65536:
        raise UsageError(
            f"'{server}' names no adb server.", hint="Name it as HOST:PORT, such as lab:5037."
        )
    return ["-H", named["host"].strip("[]"), "-P", str(port)]


def choose(known: Sequence[parse.AdbDevice], wanted: str) -> parse.AdbDevice:
    """Return the device with the serial ``wanted``; of an empty one, the only device.

    Raises:
        DeviceError: There is none, or there are several.
    """
    serials = ", ".join(map(_named, known)) or "none"
    if wanted:
        exact = [listed for listed in known if listed.serial == wanted]
        similar = [listed for listed in known if listed.serial.strip() == wanted.strip()]
        candidates = exact or similar
        if exact or len(similar) == 1:
            return _usable(candidates)
        raise DeviceError(
            f"device '{wanted}' not found.",
            hint=f"Connected: {serials}. 'tflconv devices' says how to connect a phone.",
        )
    if not known:
        raise DeviceError(
            "no phone is connected.", hint="Run 'tflconv devices': it says how to connect one."
        )
    if len({listed.serial for listed in known}) > 1:
        raise DeviceError(
            "more than one phone is connected.",
            hint=f"Choose one with -s SERIAL or ANDROID_SERIAL: {serials}.",
        )
    return _usable(known)


def _usable(alike: Sequence[parse.AdbDevice]) -> parse.AdbDevice:
    """The one of devices with one serial that can be used; cheap phones may share a serial."""
    usable = [listed for listed in alike if listed.usable]
    if len(usable) > len({listed.server for listed in usable}):
        raise DeviceError(
            f"{len(usable)} phones have the serial '{usable[0].serial}', and adb tells them apart"
            " by that only.",
            hint="Disconnect all but one of them.",
        )
    return next(iter(usable), alike[0])


def _named(listed: parse.AdbDevice) -> str:
    where = f" at {listed.server}" if listed.server else ""
    return f"{listed.serial} ({listed.state}{where})"


def server_error(adb: Path, output: str, server: str | None) -> DeviceError:
    """Return the error; most likely the server belongs to another adb, such as Android Studio's."""
    versions = re.search(r"server version \((\d+)\) doesn't match this client \((\d+)\)", output)
    if versions:
        return DeviceError(
            f"adb's server speaks version {versions[1]}, {adb} speaks {versions[2]}.",
            hint="Pass the adb that started it with --adb, or stop it with 'adb kill-server'.",
        )
    if server is not None:
        return DeviceError(
            f"the adb server at {server} does not answer: {last_line(output)}.",
            hint="Start it there, or reach it through ssh -L: docs/farms.md.",
        )
    return DeviceError(
        f"adb's server does not start: {last_line(output)}.", hint="Try 'adb start-server'."
    )
