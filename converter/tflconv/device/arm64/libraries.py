"""Collect the C and C++ libraries of arm64 Linux for LiteRT, from this system or else from apt.

Debian's and Ubuntu's cross packages contain them; they can be downloaded and unpacked without root.
An arm64 computer has them already.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from tflconv.core.files import sha256_file
from tflconv.core.private import scratch_folder
from tflconv.device.complaints import complaint
from tflconv.errors import DeviceError

SECONDS = 600.0
"""Time that one command of apt or dpkg may take."""

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

ELF64 = b"\x7fELF\x02\x01"
"""Start of a 64-bit little-endian ELF file."""

_MACHINE, _AARCH64 = slice(18, 20), b"\xb7\x00"


def collect(target: Path) -> dict[str, str]:
    """Copy every library into the folder ``target``.

    Returns:
        Where they came from: paths by library, or hashes by package.

    Raises:
        DeviceError: A library is missing and cannot be downloaded.

    """
    libraries = search(map(Path, FOLDERS))
    if len(libraries) == len(NAMES):
        _copy(libraries, target)
        return {name: str(path) for name, path in libraries.items()}
    with scratch_folder() as folder:
        packages = _download(folder)
        libraries = search([folder / "usr/aarch64-linux-gnu/lib"])
        if missing := [name for name in NAMES if name not in libraries]:
            raise DeviceError(f"no arm64 {', '.join(missing)} found.", hint=GET_LIBRARIES)
        _copy(libraries, target)
        return {package.name: f"sha256:{sha256_file(package)}" for package in packages}


def search(folders: Iterable[Path]) -> dict[str, Path]:
    """Return the path of each library of ``NAMES`` that is in ``folders``; earlier folders win."""
    libraries: dict[str, Path] = {}
    for folder in folders:
        for name in NAMES:
            if name not in libraries and is_arm64(folder / name):
                libraries[name] = folder / name
    return libraries


def is_arm64(path: Path) -> bool:
    """Return whether ``path`` is a 64-bit little-endian ELF file for AArch64."""
    try:
        with path.open("rb") as stream:
            head = stream.read(_MACHINE.stop)
    except OSError:
        return False
    return is_arm64_elf(head)


def is_arm64_elf(content: bytes) -> bool:
    """Return whether ``content`` begins as a 64-bit little-endian ELF file for AArch64."""
    return content.startswith(ELF64) and content[_MACHINE] == _AARCH64


def _copy(libraries: Mapping[str, Path], target: Path) -> None:
    for name, path in libraries.items():
        shutil.copyfile(path, target / name)


def _download(folder: Path) -> list[Path]:
    """Download the cross packages, unpack them in ``folder``, and return the packages."""
    if not shutil.which("apt-get") or not shutil.which("dpkg-deb"):
        raise DeviceError("there are no arm64 libraries on this system.", hint=GET_LIBRARIES)
    _run(["apt-get", "download", *PACKAGES], folder)
    archives = sorted(folder.glob("*.deb"))
    for archive in archives:
        _run(["dpkg-deb", "-x", archive.name, "."], folder)
    return archives


def _run(command: Sequence[str], folder: Path) -> None:
    reason = complaint(command, folder, seconds=SECONDS)
    if reason is not None:
        raise DeviceError(f"'{' '.join(command)}' failed: {reason}", hint=GET_LIBRARIES)
