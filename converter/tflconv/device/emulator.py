"""Emulated arm64 cores: QEMU runs the phone's instruction set on this computer.

LiteRT and XNNPACK are the real ones for arm64, so outputs are those of a phone, and so is the
number of instructions per inference. Time is not: an emulator's clock says nothing about a phone,
so no time is reported.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from tflconv.core.diagnosis import Requirement
from tflconv.core.files import cache_dir, replacing_file, sha256_file
from tflconv.core.private import scratch_folder
from tflconv.device.access import Access
from tflconv.device.arm64 import cores, counting, qemu, sysroot
from tflconv.device.arm64.cores import Core
from tflconv.device.arm64.qemu import Qemu
from tflconv.device.arm64.sysroot import Sysroot
from tflconv.device.host import Host
from tflconv.device.interface import Completed, Counted, Runtime
from tflconv.device.kinds import ListedDevice
from tflconv.errors import DeviceError
from tflconv.results import DeviceInfo

KIND = "arm64"
ABI = "aarch64-linux"
ABILITIES = ("instructions", "ops", "accuracy")
NEEDED_FOR = "tflconv bench --device arm64:CORE"


@dataclass(frozen=True)
class Emulator:
    """One emulated core; each program runs on it in a process of its own."""

    core: Core
    qemu: Qemu
    sysroot: Sysroot

    @property
    def id(self) -> str:
        """Name of the device, such as ``arm64:cortex-a76``."""
        return f"{KIND}:{self.core.name}"

    def info(self) -> DeviceInfo:
        """Return a description of the core and the emulator."""
        return DeviceInfo(
            id=self.id,
            kind="emulator",
            name=f"qemu {self.core.name}",
            abi=ABI,
            os=f"Linux, qemu-user {self.qemu.version}",
            cpu=self.core.title,
            cores=1,
            features=self.core.features,
        )

    def runtime(self) -> Runtime:
        """Return the LiteRT in the sysroot."""
        return Runtime(abi=ABI, path=str(self.sysroot.litert), software=self.sysroot.software)

    def push(self, source: Path, *, executable: bool = False) -> str:
        """Copy ``source`` to the emulator's folder under its SHA-256; return the path there."""
        digest = sha256_file(source)
        target = files() / f"{digest}{source.suffix}"
        if not (target.is_file() and sha256_file(target) == digest):
            with replacing_file(target) as temporary:
                shutil.copyfile(source, temporary)
        target.chmod(0o755 if executable else 0o644)
        return str(target)

    def pull(self, remote: str, target: Path) -> None:
        """Copy the file ``remote`` to ``target``."""
        self._host.pull(remote, target)

    def shell(self, argv: Sequence[str], *, timeout: float | None = None) -> Completed:
        """Run an arm64 program; a negative return code is the signal that ended it."""
        return self._run(argv, timeout)

    def count(self, argv: Sequence[str], *, timeout: float | None = None) -> Counted:
        """Run an arm64 program and count the instructions of each inference that it marks."""
        try:
            plugin = counting.plugin(self.qemu)
        except DeviceError as error:
            return Counted(completed=self._run(argv, timeout), obstacle=str(error))
        with scratch_folder() as folder:
            counts = folder / "counts"
            completed = self._run(argv, timeout, plugin=counting.option(plugin, counts))
            lines = counts.read_text() if counts.exists() else ""
        return Counted(completed=completed, inferences=counting.parse(lines))

    def temporary_file(self) -> AbstractContextManager[str]:
        """Yield the path of a file to write, which is gone after the block."""
        return self._host.temporary_file()

    @property
    def _host(self) -> Host:
        return Host(self.id)

    def _run(
        self, argv: Sequence[str], timeout: float | None, *, plugin: str | None = None
    ) -> Completed:
        command = self.qemu.command(self.core, self.sysroot.root(self.core), argv, plugin=plugin)
        return self._host.shell(command, timeout=timeout)


def find(name: str, _access: Access | None = None) -> Emulator:
    """Return the emulated core ``name``, such as ``cortex-a76``.

    Raises:
        UsageError: There is no such core.
        DeviceError: QEMU or the sysroot is missing.

    """
    return Emulator(cores.find(name), qemu.find(), sysroot.find())


def setup() -> Sysroot:
    """Download what emulated cores need into the user's cache.

    Raises:
        DeviceError: QEMU is missing, or a download fails.

    """
    qemu.find()
    return sysroot.assemble()


def listed(_: Access | None = None) -> list[ListedDevice]:
    """Return every core that can be emulated, whether or not this computer is set up for it."""
    requirements = diagnose()
    return [_row(core, requirements) for core in cores.CORES.values()]


def clean(_: Access | None = None) -> int:
    """Delete the files that were copied to emulated cores and return their number."""
    count = len(list(files().glob("*")))
    shutil.rmtree(files(), ignore_errors=True)
    return count


def diagnose() -> list[Requirement]:
    """Return what emulated cores need on this computer, and whether it is there."""
    return [_qemu(), _counting(), _sysroot()]


def files() -> Path:
    """Return the folder that serves emulated cores as storage."""
    return cache_dir(KIND) / "files"


def _row(core: Core, requirements: Sequence[Requirement]) -> ListedDevice:
    emulator, counting_plugin, libraries = requirements
    state = "no qemu" if not emulator.ok else "ready" if libraries.ok else "not set up"
    abilities = ABILITIES if counting_plugin.ok else ABILITIES[1:]
    return ListedDevice(
        id=f"{KIND}:{core.name}",
        kind="emulator",
        name=f"qemu {core.name}",
        state=state,
        abilities=abilities if state == "ready" else (),
        hint=next(
            (part.hint for part in (emulator, libraries, counting_plugin) if part.hint), None
        ),
    )


def _qemu() -> Requirement:
    try:
        program = qemu.find()
        return _requirement("qemu-aarch64", f"{program.path} {program.version}")
    except DeviceError as error:
        return _requirement("qemu-aarch64", "not on PATH", error)


def _counting() -> Requirement:
    try:
        return _requirement("instruction counting", str(counting.plugin(qemu.find())))
    except DeviceError as error:
        return _requirement("instruction counting", error.message, error)


def _sysroot() -> Requirement:
    try:
        return _requirement("arm64 sysroot", str(sysroot.find().path))
    except DeviceError as error:
        return _requirement("arm64 sysroot", "not set up", error)


def _requirement(subject: str, detail: str, error: DeviceError | None = None) -> Requirement:
    return Requirement(
        subject=subject,
        ok=error is None,
        detail=detail,
        needed_for=NEEDED_FOR,
        hint=error.hint if error else None,
    )
