"""The sysroot of an emulated program: libraries, LiteRT and a description of the CPU.

It is assembled once per version of LiteRT, without root, and kept in the user's cache with the
SHA-256 of every file. QEMU looks for every path in the sysroot first, so a core's own
``/proc/cpuinfo`` hides this computer's. There is one folder per core, and all share one ``lib``.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tflconv.core.files import cache_dir, sha256_file, write_json, write_text
from tflconv.core.private import scratch_folder
from tflconv.core.store import Store
from tflconv.device.arm64 import libraries, wheel
from tflconv.device.arm64.cores import CORES, Core
from tflconv.errors import DeviceError
from tflconv.results import Software

STAGE = "sysroot"
FORMAT = 3
SET_UP = "tflconv devices setup arm64"


@dataclass(frozen=True)
class Sysroot:
    """An assembled sysroot, whose files were checked against their hashes."""

    path: Path
    version: str

    def root(self, core: Core) -> Path:
        """Return the folder that ``core`` uses as ``/``."""
        return self.path / core.name

    @property
    def libraries(self) -> dict[str, Path]:
        """Path of each library by name: LiteRT, the dynamic linker, C and C++."""
        return {path.name: path for path in sorted((self.path / "lib").iterdir())}

    @property
    def litert(self) -> Path:
        """Path of LiteRT for arm64 Linux."""
        return self.path / "lib" / "libLiteRt.so"

    @property
    def software(self) -> Software:
        """The entry of LiteRT in results."""
        return Software(
            name="LiteRT",
            version=self.version,
            sha256=sha256_file(self.litert),
            source=f"{wheel.PACKAGE} wheel for arm64 Linux",
        )


def find() -> Sysroot:
    """Return the sysroot in the cache.

    Raises:
        DeviceError: It is missing or damaged, or LiteRT is not installed here.

    """
    version = wheel.installed_version()
    entry = _store().find(STAGE, _inputs(version))
    if entry is None:
        raise DeviceError("the arm64 sysroot is missing or damaged.", hint=f"Run: {SET_UP}")
    return Sysroot(entry.path, version)


def assemble() -> Sysroot:
    """Return the sysroot in the cache, assembled again if it is missing or damaged.

    Raises:
        DeviceError: LiteRT is not installed here, or a download fails.

    """
    version = wheel.installed_version()
    entry = _store().fetch(STAGE, _inputs(version), lambda folder: _build(folder, version))
    return Sysroot(entry.path, version)


def _store() -> Store:
    return Store(cache_dir("arm64"))


def _inputs(version: str) -> dict[str, object]:
    return {"litert": version, "format": FORMAT}


def _build(folder: Path, version: str) -> None:
    shared = folder / "lib"
    shared.mkdir()
    sources = libraries.collect(shared)
    with scratch_folder() as temporary:
        litert = wheel.download(version, temporary)
        litert.extract(shared / "libLiteRt.so")
        sources["libLiteRt.so"] = f"{litert.path.name} sha256:{litert.sha256}"
    write_json(folder / "sources.json", sources)
    for core in CORES.values():
        write_text(folder / core.name / "proc" / "cpuinfo", core.cpuinfo())
        (folder / core.name / "lib").symlink_to("../lib")
