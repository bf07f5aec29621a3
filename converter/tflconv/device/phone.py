"""Phones over adb: files are named by the hash of their content, and nothing is installed.

All files are in one folder below ``/data/local/tmp``, where adb's shell user may write and run
programs. A file is pushed under a temporary name, hashed on the phone, and only then renamed to
``<sha256>.<ext>``; one that is already there is hashed again before its first use in a session. So
a stale or partly pushed file is never measured, and an unchanged one is not pushed again.
"""

from __future__ import annotations

import contextlib
import functools
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tflconv.core.files import replacing_file, sha256_file
from tflconv.core.private import scratch_folder
from tflconv.device import (
    adb,
    android_runtime,
    parse,
    phone_listing,
    phone_report,
    reserving,
    tracing,
    watching,
)
from tflconv.device.access import Access
from tflconv.device.adb import diagnose
from tflconv.device.adb_choice import REFUSALS
from tflconv.device.complaints import last_line
from tflconv.device.interface import Completed, Heat, Runtime, Watch
from tflconv.device.kinds import ListedDevice
from tflconv.errors import DeviceError
from tflconv.results import DeviceInfo, Moment

__all__ = ["Phone", "clean", "diagnose", "find", "listed"]

FOLDER = "/data/local/tmp/tflconv"

_MAY_NOT_RUN = 3
_PREPARE = f"""
mkdir -p "$0" && cd "$0" || exit 1
find . -name '*.part' -mmin +60 -exec rm -rf {{}} + 2>/dev/null
echo exit >.runs.$$ && chmod 755 .runs.$$ || exit 1
./.runs.$$ || {{ rm -f .runs.$$; cd / && rmdir "$0" 2>/dev/null; exit {_MAY_NOT_RUN}; }}
rm -f .runs.$$
{{ flock -n 9 2>/dev/null; }} 9>>lock
[ $? = 1 ] || {{ {watching.RESTORE}; }}
true
"""
"""Undoes what an interrupted session asked for, unless another one is at work (``reserving``)."""

_CLEAN = """
find "$0" -type f ! -name lock ! -name holder | wc -l
for each in "$0"/* "$0"/.[!.]*; do
  case "${each##*/}" in lock | holder) ;; *) rm -rf "$each" ;; esac
done
"""
"""Prints how many files there were, but those of the lock, and removes them. The lock stays:
others may wait for it, who would hold one that is gone while somebody takes a new one."""

_DIGEST = """
digest() { sha256sum "$1" 2>/dev/null || toybox sha256sum "$1" 2>/dev/null || echo unable; }
"""

_ASK = f"""{_DIGEST}
for file; do
  if [ -f "$file" ]; then digest "$file"; else echo missing; fi
done
"""

_SETTLE = f"""{_DIGEST}
while [ $# -gt 0 ]; do
  case "$(digest "$1")" in
  "$3"*) chmod 755 "$1" && mv -f "$1" "$2" && echo settled ;;
  unable) echo unable ;;
  *) echo damaged ;;
  esac
  shift 3
done
"""


class Phone:
    """A phone over adb; ``find`` makes one.

    Args:
        connection: The connection to the phone.
        runtime: LiteRT for it, by default what ``android_runtime`` chooses.

    Raises:
        DeviceError: The phone was lost, cannot run models, or its folder cannot be written.

    """

    def __init__(self, connection: adb.Connection, *, runtime: Path | None = None) -> None:
        self.connection = connection
        self._choice = runtime
        self._checked: set[str] = set()
        self._require_suitable()
        self._prepare()

    @property
    def folder(self) -> str:
        """The folder on the phone for all files of tflconv."""
        return FOLDER

    @property
    def id(self) -> str:
        """Name of the device: ``adb:SERIAL``."""
        return f"adb:{self.connection.serial}"

    def info(self) -> DeviceInfo:
        """Return a description of the phone by its own reports."""
        return self._described

    def runtime(self) -> Runtime:
        """Install LiteRT on the phone unless it is there: see ``android_runtime``."""
        return self._runtime

    def push(self, source: Path, *, executable: bool = False) -> str:
        """Push ``source`` unless it is there; every pushed file is executable."""
        return self.push_all([source])[0]

    def push_all(self, sources: Sequence[Path]) -> list[str]:
        """Push several files; the phone is asked only once which of them are there."""
        files = [_File.of(source) for source in sources]
        unknown = [file for file in files if file.remote not in self._checked]
        digests = self._digests([file.remote for file in unknown])
        self._send([f for f, digest in zip(unknown, digests, strict=True) if digest != f.digest])
        self._checked.update(file.remote for file in files)
        return [file.remote for file in files]

    def pull(self, remote: str, target: Path) -> None:
        """Copy the file ``remote`` to ``target``, completely or not at all."""
        with replacing_file(target) as temporary:
            self.connection.pull(remote, temporary)

    def shell(self, argv: Sequence[str], *, timeout: float | None = None) -> Completed:
        """Run a program in the environment of the phone's shell."""
        return self.connection.shell(argv, timeout=timeout)

    def script(self, text: str, *arguments: str) -> str:
        """Run lines of shell and return their output.

        Args:
            text: The lines.
            arguments: Values of ``$0``, ``$1``, ...

        Raises:
            DeviceError: They failed; the message has their error output.

        """
        done = self.connection.shell(["sh", "-c", text, *arguments])
        if done.returncode:
            reason = done.stderr.strip() or f"exit code {done.returncode}"
            raise DeviceError(f"{self.id}: {reason}.", hint="See docs/phone-setup.md.")
        return done.stdout

    def background(
        self, text: str, *arguments: str, awaited: str = ""
    ) -> contextlib.AbstractContextManager[list[str]]:
        """Run lines of shell until the block ends; their output is then in the list.

        With ``awaited`` the block begins when that was printed, or the lines have ended.
        """
        return self.connection.background(["sh", "-c", text, *arguments], awaited=awaited)

    def reserved(self) -> contextlib.AbstractContextManager[None]:
        """Keep the phone from everybody else during the block: see ``reserving``."""
        return reserving.hold(self)

    def heat(self) -> Heat:
        """Return what the phone does about its heat."""
        return watching.heat(self)

    def conditions(self) -> contextlib.AbstractContextManager[Watch]:
        """Request steady conditions for the block and record those that the phone reports."""
        return watching.observe(self)

    def looks(self) -> contextlib.AbstractContextManager[list[Moment]]:
        """Look at heat and battery every few seconds during the block."""
        return tracing.of_phone(self)

    @contextlib.contextmanager
    def temporary_file(self) -> Iterator[str]:
        """Yield the path of a file on the phone to write, which is gone after the block."""
        remote = f"{FOLDER}/{secrets.token_hex(8)}.part"
        try:
            yield remote
        finally:
            self.remove(remote)

    def remove(self, remote: str) -> None:
        """Delete the file or folder ``remote``, which may already be gone."""
        self._checked.discard(remote)
        self.script('rm -rf "$0"', remote)

    def clean(self) -> int:
        """Delete all files of tflconv on the phone, which nobody uses, and return their number."""
        self._checked.clear()
        with self.reserved():
            count = self.script(_CLEAN, FOLDER)
        return int(parse.number(count) or 0)

    def _require_suitable(self) -> None:
        obstacle = phone_report.obstacle(self._reported)
        if obstacle:
            raise DeviceError(f"{self.id} {obstacle.sentence}.", hint=obstacle.hint)

    def _prepare(self) -> None:
        done = self.connection.shell(["sh", "-c", _PREPARE, FOLDER])
        if done.returncode == _MAY_NOT_RUN:
            raise DeviceError(
                f"{self.id}: programs in {FOLDER} may not be run: {last_line(done.stderr)}.",
                hint="It is mounted with noexec ('adb shell mount'), or SELinux forbids it ('adb"
                " shell dmesg' says avc: denied). Use a build of Android that lets adb's shell"
                " user run programs there, or --device arm64:cortex-a76 here.",
            )
        if done.returncode:
            known = [hint for words, hint in REFUSALS.items() if words in done.stderr]
            needed = "See docs/phone-setup.md: adb's shell user needs that folder."
            raise DeviceError(
                f"{self.id}: cannot write {FOLDER}: {last_line(done.stderr)}.",
                hint=next(iter(known), needed),
            )

    def _send(self, files: Sequence[_File]) -> None:
        try:
            for file in files:
                self.connection.push(file.source, file.part)
            self._settle(files)
        except BaseException:
            with contextlib.suppress(DeviceError):
                self.script('rm -f "$@"', "sh", *(file.part for file in files))
            raise

    def _settle(self, files: Sequence[_File]) -> None:
        """Check pushed files and rename them; if the phone cannot hash them, hash them here."""
        words = [word for file in files for word in (file.part, file.remote, file.digest)]
        answers = self.script(_SETTLE, "sh", *words).split() if files else []
        for file, answer in zip(files, answers, strict=True):
            if answer == "unable" and self._digest_here(file.part) == file.digest:
                self.script('chmod 755 "$0" && mv -f "$0" "$1"', file.part, file.remote)
            elif answer != "settled":
                raise DeviceError(
                    f"{self.id}: {file.source.name} was damaged on its way to the phone.",
                    hint="Try another cable or port, then run again.",
                )

    def _digests(self, remotes: Sequence[str]) -> list[str | None]:
        """Return the SHA-256 of files, None for a missing one; hash here if the phone cannot."""
        if not remotes:
            return []
        argv = ["sh", "-c", _ASK, "sh", *remotes]
        answers = parse.lines(self.connection.shell(argv, timeout=120).stdout)
        return [
            self._digest_here(remote) if answer == "unable" else parse.sha256(answer)
            for remote, answer in zip(remotes, answers, strict=False)
        ]

    def _digest_here(self, remote: str) -> str:
        with scratch_folder() as folder:
            copy = folder / "copy"
            self.connection.pull(remote, copy)
            return sha256_file(copy)

    @functools.cached_property
    def _runtime(self) -> Runtime:
        return android_runtime.install(self, self._choice)

    @functools.cached_property
    def _described(self) -> DeviceInfo:
        return phone_report.describe(self.id, self._reported)

    @functools.cached_property
    def _reported(self) -> dict[str, str]:
        return parse.sections(self.script(phone_report.ASK))


@dataclass(frozen=True, kw_only=True)
class _File:
    """A file here, its SHA-256, and its final and temporary path on the phone."""

    source: Path
    digest: str
    remote: str
    part: str

    @classmethod
    def of(cls, source: Path) -> _File:
        digest = sha256_file(source)
        remote = f"{FOLDER}/{digest}{source.suffix}"
        part = f"{remote}.{secrets.token_hex(4)}.part"
        return cls(source=source, digest=digest, remote=remote, part=part)


def find(name: str, access: Access | None = None) -> Phone:
    """Return the phone with the serial ``name``; empty means ``$ANDROID_SERIAL`` or the only one.

    Raises:
        DeviceError: It is missing, unusable, or one of several.
        UsageError: The chosen adb is no program.

    """
    access = access or Access()
    program = adb.program(access.adb)
    connection = adb.open_serial(program, name, access.cancellation, access.adb_servers)
    return Phone(connection, runtime=access.runtime)


def listed(access: Access | None = None) -> list[ListedDevice]:
    """Return the phones that adb lists, usable or not; none if there is no adb."""
    try:
        program = adb.program()
        known = adb.devices(program, servers=access.adb_servers if access else ())
    except DeviceError:
        return []
    return phone_listing.rows(program, known)


def clean(access: Access | None = None) -> int:
    """Delete the files of tflconv on every usable phone and return their number."""
    ready = [phone.id.partition(":")[2] for phone in listed(access) if phone.state == "ready"]
    return sum(find(serial, access).clean() for serial in ready)
