"""Run commands on a device with adb; no other file starts adb.

Three traps of ``adb shell`` are avoided here. It joins its arguments with blanks and lets the
device's shell split them again, so every word is quoted. It exits with 0 when the connection
breaks, so the device prints the exit code itself, as the last line on stderr. And a program whose
connection broke runs on and keeps the phone warm, so a second process on the device waits on stdin,
which ends with the connection however that happens, and then kills the program.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import re
import secrets
import shlex
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from tflconv.core.diagnosis import Requirement
from tflconv.device import parse, suitability
from tflconv.device.access import Cancellation
from tflconv.device.complaints import last_line
from tflconv.device.interface import Completed
from tflconv.errors import DeviceError, TimeUp, UsageError

CONTROL_SECONDS = 30.0
"""Time limit of a command that a device should answer at once."""

SLOWEST_TRANSFER = 200_000
"""Bytes per second below which a transfer is given up."""

GET_ADB = "Install it with 'python -m pip install adbutils' or the Android platform-tools."

_LISTEN_SECONDS = 0.2

_ON_NETWORK = re.compile(r":|\._adb[\w-]*\._tcp\.?$")
"""``HOST:PORT``, or a name that a phone announces over mDNS."""

_GUARDED = """\
exec 3<&0
{command} </dev/null 3<&- &
child=$!
{{ read gone; kill -9 $child; }} <&3 >/dev/null 2>&1 &
guard=$!
wait $child
code=$?
kill $guard
echo "{mark} $code" >&2"""

_STATES = {
    "unauthorized": "Unlock its screen and allow USB debugging for this computer.",
    "authorizing": "Unlock its screen and allow USB debugging for this computer.",
    "offline": "Reconnect the cable, or run 'adb reconnect offline'.",
    "no permissions": "Linux denies access to the USB device: add udev rules for Android.",
    "recovery": "It is in recovery: start Android with 'adb reboot'.",
    "sideload": "It waits for an update: start Android with 'adb reboot'.",
    "bootloader": "It is in the bootloader: start Android with 'fastboot reboot'.",
}

_REFUSALS = {
    "No space left on device": "Free some space on it, or run 'tflconv devices clean'.",
    "Read-only file system": "Its /data/local/tmp cannot be written: see docs/phone-setup.md.",
    "Permission denied": "adb's shell user may not write there: see docs/phone-setup.md.",
}


def program(choice: str | None = None) -> Path:
    """Return the adb to use: ``choice``, else ``$ADB``, else on PATH, else in the wheel adbutils.

    Raises:
        UsageError: The choice is no program.
        DeviceError: There is no adb.

    """
    for name, text in (("--adb", choice), ("$ADB", os.environ.get("ADB"))):
        if text:
            path = shutil.which(text)
            if not path:
                raise UsageError(f"{name} names '{text}', which is no program.", hint=GET_ADB)
            return Path(path)
    path = shutil.which("adb") or bundled()
    if not path:
        raise DeviceError("there is no adb on this computer.", hint=GET_ADB)
    return Path(path)


def quote(argv: Sequence[str]) -> str:
    """Return one line of shell that means exactly ``argv``, whatever characters it contains.

    Example:
        >>> quote(["echo", "a  b; reboot"])
        "echo 'a  b; reboot'"

    """
    if any("\0" in word for word in argv):
        raise UsageError("a command for a device cannot hold a NUL character.")
    return shlex.join(argv)


def devices(adb: Path, cancellation: Cancellation | None = None) -> tuple[parse.AdbDevice, ...]:
    """Return every device that the adb server knows, usable or not.

    Raises:
        DeviceError: The adb server does not start or answer.

    """
    answer = _ask_server(adb, "devices", "-l", cancellation=cancellation)
    if answer.returncode:
        raise _server_error(adb, _text(answer.stderr))
    return parse.devices(_text(answer.stdout))


def open_serial(
    adb: Path, serial: str = "", cancellation: Cancellation | None = None
) -> Connection:
    """Connect to the device called ``serial``, else ``$ANDROID_SERIAL``, else the only one.

    A device on the network that the adb server has lost is connected again, by ``HOST:PORT`` or by
    the name that it announces (``adb-SERIAL._adb-tls-connect._tcp``).

    Args:
        adb: The adb to use.
        serial: Serial of the device, may be empty.
        cancellation: Stops a command that waits, now and later over the connection.

    Raises:
        DeviceError: The device is missing, unusable, or one of several.

    """
    cancellation = cancellation or Cancellation()
    wanted = serial or os.environ.get("ANDROID_SERIAL", "")
    known = devices(adb, cancellation)
    lost = not any(listed.usable for listed in known if listed.serial == wanted)
    if lost and _ON_NETWORK.search(wanted):
        _ask_server(adb, "disconnect", wanted, cancellation=cancellation)
        _ask_server(adb, "connect", wanted, cancellation=cancellation)
        known = devices(adb, cancellation)
    chosen = _choose(known, wanted)
    if not chosen.usable:
        raise DeviceError(
            f"device '{chosen.serial}' is {chosen.state}.", hint=state_hint(chosen.state)
        )
    connection = Connection(program=adb, serial=chosen.serial, cancellation=cancellation)
    connection.require_shell()
    return connection


def state_hint(state: str) -> str | None:
    """Return how to make a device usable that adb lists with ``state``, if that is known."""
    return _STATES.get(state)


def diagnose() -> list[Requirement]:
    """Return whether there is an adb, and which."""
    needed_for = "measuring on a phone"
    try:
        path = program()
        answer = _text(_ask_server(path, "version").stdout)
    except (DeviceError, UsageError) as error:
        return [
            Requirement(
                subject="adb", ok=False, detail=error.message, needed_for=needed_for, hint=GET_ADB
            )
        ]
    version = re.search(r"^Version (\S+)", answer, re.MULTILINE)
    detail = f"{path} {version[1] if version else ''}".strip()
    return [Requirement(subject="adb", ok=True, detail=detail, needed_for=needed_for)]


@dataclass(frozen=True, kw_only=True)
class Connection:
    """A connection to one device over adb; every command names the device's serial."""

    program: Path
    serial: str
    cancellation: Cancellation = field(default_factory=Cancellation)

    def shell(self, argv: Sequence[str], *, timeout: float | None = CONTROL_SECONDS) -> Completed:
        """Run a program on the device; it is killed there when the wait for it ends.

        Args:
            argv: The program and its arguments.
            timeout: Time limit in seconds, None for no limit.

        Raises:
            DeviceError: The connection broke or the time limit was exceeded.

        """
        mark = f"exit-{secrets.token_hex(8)}"
        guarded = _GUARDED.format(command=quote(argv), mark=mark)
        answer = self._run("shell", "-T", guarded, timeout=timeout)
        try:
            stderr, code = parse.cut_exit_code(_text(answer.stderr), mark)
        except ValueError:
            raise self._lost(_text(answer.stderr)) from None
        return Completed(returncode=code, stdout=_text(answer.stdout), stderr=stderr)

    @contextlib.contextmanager
    def background(self, argv: Sequence[str]) -> Iterator[list[str]]:
        """Run ``argv`` until the block ends; its output is then the only entry of the list."""
        printed: list[str] = []
        guarded = _GUARDED.format(command=quote(argv), mark="ended")
        command = [str(self.program), "-s", self.serial, "shell", "-T", guarded]
        with tempfile.TemporaryFile() as file:
            with _started(command, file) as process:
                yield printed
                process.terminate()
            file.seek(0)
            printed.append(_text(file.read()))

    def push(self, source: Path, remote: str) -> None:
        """Copy the file ``source`` to the path ``remote``."""
        self._transfer(source, "push", str(source), remote)

    def pull(self, remote: str, target: Path) -> None:
        """Copy the file ``remote`` to the path ``target``."""
        self._transfer(target, "pull", remote, str(target))

    def require_shell(self) -> None:
        """Raise ``DeviceError`` if Android is too old to report stdout, stderr and exit codes."""
        if not self.has_shell():
            obstacle = suitability.NO_EXIT_CODES
            raise DeviceError(f"device '{self.serial}' {obstacle.sentence}.", hint=obstacle.hint)

    def has_shell(self, *, timeout: float = CONTROL_SECONDS) -> bool:
        """Return whether the device reports stdout, stderr and exit codes, as Android 7 does."""
        answer = self._run("features", timeout=timeout)
        if answer.returncode:
            raise self._lost(_text(answer.stderr))
        return "shell_v2" in re.split(r"[\s,]+", _text(answer.stdout))

    def _transfer(self, file: Path, *arguments: str) -> None:
        size = file.stat().st_size if file.exists() else 1 << 30
        timeout = CONTROL_SECONDS + size / SLOWEST_TRANSFER
        answer = self._run(*arguments, timeout=timeout)
        if answer.returncode:
            raise self._refused(_text(answer.stderr) + _text(answer.stdout))

    def _run(self, *arguments: str, timeout: float | None) -> subprocess.CompletedProcess[bytes]:
        try:
            command = [str(self.program), "-s", self.serial, *arguments]
            return _run(command, timeout, self.cancellation)
        except subprocess.TimeoutExpired:
            raise TimeUp(
                f"device '{self.serial}' did not answer 'adb {arguments[0]}' in {timeout:.0f} s.",
                hint="Unlock it and check its cable; if it hangs, restart it. Then run again.",
            ) from None

    def _refused(self, output: str) -> DeviceError:
        for reason, hint in _REFUSALS.items():
            if reason in output:
                return DeviceError(f"device '{self.serial}': {reason.lower()}.", hint=hint)
        return self._lost(output)

    def _lost(self, output: str) -> DeviceError:
        errors = re.findall(r"^(?:adb: )?error: (?:device '.*?' )?(.+)", output, re.MULTILINE)
        reason = errors[-1] if errors else "the connection broke"
        return DeviceError(
            f"device '{self.serial}' was lost: {reason.rstrip('.')}.",
            hint="Reconnect it and run again; what was measured so far is kept.",
        )


def _choose(known: Sequence[parse.AdbDevice], wanted: str) -> parse.AdbDevice:
    serials = ", ".join(f"{listed.serial} ({listed.state})" for listed in known) or "none"
    if wanted:
        exact = [listed for listed in known if listed.serial == wanted]
        similar = [listed for listed in known if listed.serial.strip() == wanted.strip()]
        if exact or len(similar) == 1:
            return (exact or similar)[0]
        raise DeviceError(
            f"device '{wanted}' not found.",
            hint=f"Connected: {serials}. 'tflconv devices' says how to connect a phone.",
        )
    if not known:
        raise DeviceError(
            "no phone is connected.", hint="Run 'tflconv devices': it says how to connect one."
        )
    if len(known) > 1:
        raise DeviceError(
            "more than one phone is connected.",
            hint=f"Choose one with -s SERIAL or ANDROID_SERIAL: {serials}.",
        )
    return known[0]


def _ask_server(
    adb: Path, *arguments: str, cancellation: Cancellation | None = None
) -> subprocess.CompletedProcess[bytes]:
    """Run a command of adb that concerns its server or adb itself, not a device."""
    try:
        return _run([str(adb), *arguments], CONTROL_SECONDS, cancellation or Cancellation())
    except OSError as error:
        raise DeviceError(f"cannot run {adb}: {error.strerror}.", hint=GET_ADB) from error
    except subprocess.TimeoutExpired:
        raise DeviceError(
            f"adb's server did not answer '{arguments[0]}' in {CONTROL_SECONDS:.0f} s.",
            hint="Restart it with 'adb kill-server' and run again.",
        ) from None


def _server_error(adb: Path, output: str) -> DeviceError:
    """Return the error; most likely the server belongs to another adb, such as Android Studio's."""
    versions = re.search(r"server version \((\d+)\) doesn't match this client \((\d+)\)", output)
    if versions:
        return DeviceError(
            f"adb's server speaks version {versions[1]}, {adb} speaks {versions[2]}.",
            hint="Pass the adb that started it with --adb, or stop it with 'adb kill-server'.",
        )
    return DeviceError(
        f"adb's server does not start: {last_line(output)}.", hint="Try 'adb start-server'."
    )


def _run(
    command: list[str], timeout: float | None, cancellation: Cancellation
) -> subprocess.CompletedProcess[bytes]:
    deadline = None if timeout is None else time.monotonic() + timeout
    with _started(command, subprocess.PIPE) as process:
        while (output := _listen(process)) is None:
            cancellation.raise_if_requested()
            if deadline is not None and time.monotonic() > deadline:
                raise subprocess.TimeoutExpired(command, timeout or 0)
        return subprocess.CompletedProcess(command, process.returncode, *output)


def _listen(process: subprocess.Popen[bytes]) -> tuple[bytes, bytes] | None:
    try:
        return process.communicate(timeout=_LISTEN_SECONDS)
    except subprocess.TimeoutExpired:
        return None


@contextlib.contextmanager
def _started(command: list[str], output: IO[bytes] | int) -> Iterator[subprocess.Popen[bytes]]:
    """Start adb with an open stdin, so that it ends when this process does, even if killed.

    A Ctrl-C in the terminal does not reach it: it is killed here, and other adb commands clean up.
    """
    with (
        _held_open() as stdin,
        subprocess.Popen(
            command, stdin=stdin, stdout=output, stderr=output, start_new_session=True
        ) as process,
    ):
        try:
            yield process
        except BaseException:
            process.kill()
            raise


@contextlib.contextmanager
def _held_open() -> Iterator[int]:
    reader, writer = os.pipe()
    try:
        yield reader
    finally:
        os.close(reader)
        os.close(writer)


def _text(content: bytes) -> str:
    return "\n".join(parse.lines(content.decode(errors="replace")))


def bundled() -> str | None:
    """Return the path of the adb inside the wheel adbutils, if that is installed."""
    package = importlib.util.find_spec("adbutils")
    if package is None or package.origin is None:
        return None
    return shutil.which(str(Path(package.origin).parent / "binaries" / "adb"))
