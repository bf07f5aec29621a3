"""The C and C++ libraries of an arm64 Linux, which LiteRT needs: from this system, else from apt.

Debian's and Ubuntu's cross packages hold them; without root they can still be downloaded and
unpacked. An arm64 computer has them anyway.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from tflconv.core.files import sha256_file
from tflconv.errors import DeviceError

LOADER = "ld-linux-aarch64.so.1"
NAMES = (
    LOADER,
    "libc.so.6",
    "libm.so.6",
    "libdl.so.2",
    "libpthread.so.0",
    "libstdc++.so.6",
    "libgcc_s.so.1",
)
PACKAGES = ("libc6-arm64-cross", "libgcc-s1-arm64-cross", "libstdc++6-arm64-cross")
FOLDERS = (
    "/usr/aarch64-linux-gnu/lib",
    "/usr/aarch64-linux-gnu/lib64",
    "/lib/aarch64-linux-gnu",
    "/usr/lib/aarch64-linux-gnu",
    "/lib64",
    "/lib",
)
GET_LIBRARIES = (
    f"Debian and Ubuntu: sudo apt-get install {' '.join(PACKAGES)}."
    " Anywhere else use the container of docs/emulator.md."
)

_ELF, _MACHINE, _AARCH64 = b"\x7fELF\x02\x01", slice(18, 20), b"\xb7\x00"


def collect(target: Path) -> dict[str, str]:
    """Copy every library into ``target``; returns where they came from. Raises ``DeviceError``."""
    found = search(map(Path, FOLDERS))
    if len(found) == len(NAMES):
        _copy(found, target)
        return {name: str(path) for name, path in found.items()}
    with tempfile.TemporaryDirectory() as folder:
        packages = _download(Path(folder))
        found = search([Path(folder) / "usr/aarch64-linux-gnu/lib"])
        if missing := [name for name in NAMES if name not in found]:
            raise DeviceError(f"no arm64 {', '.join(missing)} found.", hint=GET_LIBRARIES)
        _copy(found, target)
        return {package.name: f"sha256:{sha256_file(package)}" for package in packages}


def search(folders: Iterable[Path]) -> dict[str, Path]:
    """Which of ``NAMES`` are in ``folders`` as arm64 libraries; an earlier folder wins."""
    found: dict[str, Path] = {}
    for folder in folders:
        for name in NAMES:
            if name not in found and is_arm64(folder / name):
                found[name] = folder / name
    return found


def is_arm64(path: Path) -> bool:
    """Whether ``path`` is a 64-bit little-endian ELF file for AArch64."""
    try:
        with path.open("rb") as stream:
            head = stream.read(20)
    except OSError:
        return False
    return head.startswith(_ELF) and head[_MACHINE] == _AARCH64


def _copy(found: Mapping[str, Path], target: Path) -> None:
    for name, path in found.items():
        shutil.copyfile(path, target / name)


def _download(folder: Path) -> list[Path]:
    """Download the cross packages and unpack them in ``folder``; returns the packages."""
    if not shutil.which("apt-get") or not shutil.which("dpkg-deb"):
        raise DeviceError("there are no arm64 libraries on this system.", hint=GET_LIBRARIES)
    _run(["apt-get", "download", *PACKAGES], folder)
    archives = sorted(folder.glob("*.deb"))
    for archive in archives:
        _run(["dpkg-deb", "-x", archive.name, "."], folder)
    return archives


def _run(command: Sequence[str], folder: Path) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        said = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise DeviceError(f"'{' '.join(command)}' failed: {said}", hint=GET_LIBRARIES)
