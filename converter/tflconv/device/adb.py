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
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import IO

from tflconv.core.diagnosis import Requirement
from tflconv.device import parse, suitability
from tflconv.device.access import Cancellation
from tflconv.device.adb_choice import choose, refusal, server_error, server_words, state_hint
from tflconv.device.interface import Completed
from tflconv.errors import DeviceError, TimeUp, UsageError

CONTROL_SECONDS = 30.0
"""Time limit of a command that a device should answer at once."""

SLOWEST_TRANSFER = 200_000
"""Bytes per second below which a transfer is given up."""

GET_ADB = "Install it with 'python -m pip install adbutils' or the Android platform-tools."

_LOST_RACE = b"cannot connect to daemon"
"""What adb says that tried to start its server when another adb just did."""

_LISTEN_SECONDS = 0.2
_LOOK_SECONDS = 0.02

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
                raise UsageError(f"{name} names '{text}', which is not a program.", hint=GET_ADB)
            return Path(path)
    path = shutil.which("adb") or bundled()
    if not path:
        raise DeviceError("there is no adb on this computer.", hint=GET_ADB)
    return Path(path)


def quote(argv: Sequence[str]) -> str:
    """Return one line of shell that means exactly ``argv``, whatever characters it contains.

    Raises:
        UsageError: It contains a NUL, which no argument can hold.

    Example:
        >>> quote(["echo", "a  b; reboot"])
        "echo 'a  b; reboot'"
    """
    if any("\0" in word for word in argv):
        raise UsageError("a command for a device cannot hold a NUL character.")
    return shlex.join(argv)


def devices(
    adb: Path, cancellation: Cancellation | None = None, servers: Sequence[str] = ()
) -> tuple[parse.AdbDevice, ...]:
    """Return every device that adb's servers know, usable or not.

    Args:
        adb: The adb to use.
        cancellation: Stops a command that waits.
        servers: adb servers as ``HOST:PORT``; by default that of ``$ADB_SERVER_SOCKET`` or of this
            computer. One of several that does not answer is left out.

    Raises:
        DeviceError: No server starts or answers.
        UsageError: A server is no ``HOST:PORT``.

    """
    answers = [_listed(adb, cancellation, server) for server in servers or (None,)]
    silent = [answer for answer in answers if isinstance(answer, DeviceError)]
    if len(silent) == len(answers):
        raise silent[0]
    return tuple(d for answer in answers if not isinstance(answer, DeviceError) for d in answer)


def _listed(
    adb: Path, cancellation: Cancellation | None, server: str | None
) -> list[parse.AdbDevice] | DeviceError:
    """Return the devices of a server, or why it does not answer."""
    ask = partial(_ask_server, adb, "devices", "-l", cancellation=cancellation, server=server)
    try:
        answer = ask()
        if server is None and _LOST_RACE in answer.stderr:
            answer = ask()
    except DeviceError as error:
        return error
    if answer.returncode:
        return server_error(adb, _text(answer.stderr), server)
    return [replace(listed, server=server) for listed in parse.devices(_text(answer.stdout))]


def open_serial(
    adb: Path,
    serial: str = "",
    cancellation: Cancellation | None = None,
    servers: Sequence[str] = (),
) -> Connection:
    """Connect to the device called ``serial``, else ``$ANDROID_SERIAL``, else the only one.

    A device on the network that the adb server has lost is connected again, by ``HOST:PORT`` or by
    the name that it announces (``adb-SERIAL._adb-tls-connect._tcp``).

    Args:
        adb: The adb to use.
        serial: Serial of the device, may be empty.
        cancellation: Stops a command that waits, now and later over the connection.
        servers: adb servers as ``HOST:PORT``, which are asked in their order.

    Raises:
        DeviceError: The device is missing, unusable, or one of several.

    """
    cancellation = cancellation or Cancellation()
    wanted = serial or os.environ.get("ANDROID_SERIAL", "")
    known = devices(adb, cancellation, servers)
    lost = not any(listed.usable for listed in known if listed.serial == wanted)
    if lost and _ON_NETWORK.search(wanted):
        for server in servers or (None,):
            for order in ("disconnect", "connect"):
                _ask_server(adb, order, wanted, cancellation=cancellation, server=server)
        known = devices(adb, cancellation, servers)
    chosen = choose(known, wanted)
    if not chosen.usable:
        raise DeviceError(
            f"device '{chosen.serial}' is {chosen.state}.", hint=state_hint(chosen.state)
        )
    connection = Connection(
        program=adb, serial=chosen.serial, cancellation=cancellation, server=chosen.server
    )
    connection.require_shell()
    return connection


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
    server: str | None = None

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
    def background(self, argv: Sequence[str], *, awaited: str = "") -> Iterator[list[str]]:
        """Run ``argv`` until the block ends; its output is then the only entry of the list.

        With ``awaited`` the block begins when that was printed, or when the program has ended or
        said nothing for long; the list holds what was printed until then.
        """
        printed: list[str] = []
        guarded = _GUARDED.format(command=quote(argv), mark="ended")
        command = self._command("shell", "-T", guarded)
        with tempfile.TemporaryFile() as file:
            with _started(command, file) as process:
                if awaited:
                    printed.append(self._early(process, file.fileno(), awaited))
                yield printed
                process.terminate()
            file.seek(0)
            printed[:] = [_text(file.read())]

    def _early(self, process: subprocess.Popen[bytes], file: int, awaited: str) -> str:
        """Return what a program printed until it printed ``awaited``, ended, or took too long."""
        deadline = time.monotonic() + CONTROL_SECONDS
        while True:
            ended = process.poll() is not None or time.monotonic() > deadline
            text = _text(os.pread(file, 1 << 16, 0))  # which leaves its place to the program
            if awaited in text or ended:
                return text
            self.cancellation.raise_if_requested()
            time.sleep(_LOOK_SECONDS)

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
        """Return whether the device reports stdout, stderr and exit codes, as Android 7 does.

        Raises:
            DeviceError: It was lost.
        """
        answer = self._run("features", timeout=timeout)
        if answer.returncode:
            raise self._lost(_text(answer.stderr))
        return "shell_v2" in re.split(r"[\s,]+", _text(answer.stdout))

    def _command(self, *arguments: str) -> list[str]:
        return [str(self.program), *server_words(self.server), "-s", self.serial, *arguments]

    def _transfer(self, file: Path, *arguments: str) -> None:
        size = file.stat().st_size if file.exists() else 1 << 30
        timeout = CONTROL_SECONDS + size / SLOWEST_TRANSFER
        answer = self._run(*arguments, timeout=timeout)
        if answer.returncode:
            output = _text(answer.stderr) + _text(answer.stdout)
            raise refusal(self.serial, output) or self._lost(output)

    def _run(self, *arguments: str, timeout: float | None) -> subprocess.CompletedProcess[bytes]:
        try:
            return _run(self._command(*arguments), timeout, self.cancellation)
        except subprocess.TimeoutExpired:
            raise TimeUp(
                f"device '{self.serial}' did not answer 'adb {arguments[0]}' in {timeout:.0f} s.",
                hint="Unlock it and check its cable; if it hangs, restart it. Then run again.",
            ) from None

    def _lost(self, output: str) -> DeviceError:
        errors = re.findall(r"^(?:adb: )?error: (?:device '.*?' )?(.+)", output, re.MULTILINE)
        reason = errors[-1] if errors else "the connection broke"
        return DeviceError(
            f"device '{self.serial}' was lost: {reason.rstrip('.')}.",
            hint="Reconnect it and run again; what was measured so far is kept.",
        )


def _ask_server(
    adb: Path,
    *arguments: str,
    cancellation: Cancellation | None = None,
    server: str | None = None,
) -> subprocess.CompletedProcess[bytes]:
    """Run a command of adb that concerns its server or adb itself, not a device."""
    try:
        command = [str(adb), *server_words(server), *arguments]
        return _run(command, CONTROL_SECONDS, cancellation or Cancellation())
    except OSError as error:
        raise DeviceError(f"cannot run {adb}: {error.strerror}.", hint=GET_ADB) from error
    except subprocess.TimeoutExpired:
        raise DeviceError(
            f"adb's server did not answer '{arguments[0]}' in {CONTROL_SECONDS:.0f} s.",
            hint="Restart it with 'adb kill-server' and run again.",
        ) from None


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
