"""The computer that runs tflconv as a device: it shows whether a model works, and how fast here."""

from __future__ import annotations

import contextlib
import os
import platform
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from tflconv.core.diagnosis import Requirement
from tflconv.core.files import replacing_file, sha256_file
from tflconv.core.private import scratch_folder
from tflconv.core.versions import versions
from tflconv.device import arm_cpus, tracing
from tflconv.device.access import Access
from tflconv.device.interface import Completed, Runtime
from tflconv.device.kinds import ListedDevice
from tflconv.errors import DeviceError, TimeUp, unknown
from tflconv.results import DeviceInfo, Moment, Software

PACKAGE = "ai-edge-litert"
INSTALL = f"pip install {PACKAGE}"
LIBRARIES = {"Linux": "libLiteRt.so", "Darwin": "libLiteRt.dylib"}
"""LiteRT's file by system, for the systems that the harness is built for."""

ELSEWHERE = "Convert and verify here; measure on Linux (WSL is one), or a phone with -s SERIAL."
CPUINFO = Path("/proc/cpuinfo")
X86_FEATURES = ("avx2", "avx512f", "avx512_vnni", "avx_vnni", "amx_int8")
FEATURES = (*X86_FEATURES, *arm_cpus.FEATURES)


@dataclass(frozen=True)
class Host:
    """The computer that runs tflconv. Files stay where they are."""

    id: str = "host"

    def info(self) -> DeviceInfo:
        """Return a description of this computer from ``/proc`` and the standard library."""
        cpuinfo = CPUINFO.read_text() if CPUINFO.exists() else ""
        model = _field(cpuinfo, "model name") or platform.processor() or None
        return DeviceInfo(
            id=self.id,
            kind="host",
            name=model or platform.machine(),
            abi=abi(),
            os=f"{platform.system()} {platform.release()}",
            cpu=model,
            cores=os.cpu_count(),
            features=_features(_field(cpuinfo, "flags") or _field(cpuinfo, "Features") or ""),
        )

    def runtime(self) -> Runtime:
        """Return the library of the installed ai-edge-litert. Raises ``DeviceError`` without."""
        _require_system()
        path = library()
        if path is None:
            raise DeviceError(
                f"host: LiteRT ({LIBRARIES[platform.system()]}) is not installed.", hint=INSTALL
            )
        return Runtime(
            abi=abi(),
            path=str(path),
            software=Software(
                name="LiteRT",
                version=versions(PACKAGE)[PACKAGE] or "unknown",
                sha256=sha256_file(path),
                source=f"Python package {PACKAGE}",
            ),
            accelerators=tuple(
                file.name for file in path.parent.glob(f"libLiteRt*Accelerator{path.suffix}")
            ),
        )

    def push(self, source: Path, *, executable: bool = False) -> str:
        """Return the absolute path of ``source``; nothing is copied."""
        return str(source.resolve())

    def pull(self, remote: str, target: Path) -> None:
        """Copy the file ``remote`` to ``target``. Raises ``DeviceError`` if it is not there."""
        try:
            with replacing_file(target) as temporary:
                shutil.copyfile(remote, temporary)
        except FileNotFoundError as error:
            raise DeviceError(f"{self.id}: there is no file {remote}.") from error

    def shell(self, argv: Sequence[str], *, timeout: float | None = None) -> Completed:
        """Run a program; a negative return code is the signal that ended it.

        Raises:
            TimeUp: It did not end within ``timeout`` seconds.
            DeviceError: It cannot be started.
        """
        try:
            done = subprocess.run(
                argv, stdin=subprocess.DEVNULL, capture_output=True, timeout=timeout, check=False
            )
        except subprocess.TimeoutExpired as error:
            raise TimeUp(f"{self.id}: {argv[0]} did not end within {timeout:g} s.") from error
        except OSError as error:
            raise DeviceError(f"{self.id}: cannot run {argv[0]}: {error.strerror}.") from error
        return Completed(
            returncode=done.returncode,
            stdout=done.stdout.decode(errors="replace"),
            stderr=done.stderr.decode(errors="replace"),
        )

    def looks(self) -> contextlib.AbstractContextManager[list[Moment]]:
        """Look at heat and battery every few seconds during the block."""
        return tracing.of_host()

    @contextlib.contextmanager
    def temporary_file(self) -> Iterator[str]:
        """Yield the path of a file to write, which is gone after the block."""
        with scratch_folder() as folder:
            yield str(folder / "file")


def find(name: str, _access: Access | None = None) -> Host:
    """Return this computer. Raises ``UsageError`` for a ``name``, of which it has none."""
    if name:
        raise unknown("device", f"host:{name}", ["host"])
    return Host()


def listed(_: Access | None = None) -> list[ListedDevice]:
    """Return this computer; without LiteRT it is listed but not ready."""
    abilities = ("latency", "cpu", "memory", "ops", "accuracy")
    name = Host().info().name
    if platform.system() not in LIBRARIES:
        state = f"no harness for {platform.system()}"
        return [ListedDevice(id="host", kind="host", name=name, state=state, hint=ELSEWHERE)]
    if library() is None:
        return [ListedDevice(id="host", kind="host", name=name, state="no LiteRT", hint=INSTALL)]
    return [ListedDevice(id="host", kind="host", name=name, state="ready", abilities=abilities)]


def clean(_: Access | None = None) -> int:
    """Return 0, because nothing is ever copied to the host."""
    return 0


def diagnose() -> list[Requirement]:
    """Return whether the LiteRT library is installed."""
    path = library()
    return [
        Requirement(
            subject="LiteRT",
            ok=path is not None,
            detail=str(path) if path else "its library was not found",
            needed_for="tflconv bench --device host",
            hint=None if path else INSTALL if platform.system() in LIBRARIES else ELSEWHERE,
        )
    ]


def abi() -> str:
    """Return processor and system as the harness names its builds, such as ``x86_64-linux``."""
    return f"{platform.machine().lower()}-{platform.system().lower()}"


def library() -> Path | None:
    """Return the path of LiteRT's library in ai-edge-litert, without importing that package."""
    spec = find_spec("ai_edge_litert")
    folders = spec.submodule_search_locations if spec else None
    name = LIBRARIES.get(platform.system(), "none")
    candidates = (Path(folder) / name for folder in folders or ())
    return next((path for path in candidates if path.is_file()), None)


def _require_system() -> None:
    if platform.system() not in LIBRARIES:
        raise DeviceError(
            f"host: the harness is built for Linux and macOS, and this is {platform.system()}.",
            hint=ELSEWHERE,
        )


def _field(cpuinfo: str, key: str) -> str | None:
    for line in cpuinfo.splitlines():
        name, _, value = line.partition(":")
        if name.strip() == key:
            return value.strip()
    return None


def _features(flags: str) -> tuple[str, ...]:
    present = set(flags.split())
    return tuple(feature for feature in FEATURES if feature in present)
