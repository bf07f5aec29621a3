"""Choose the LiteRT that runs on a phone and install it there.

Android's C library (bionic) is not the one of desktop Linux (glibc), so there are two builds of
LiteRT. The first that is available is used, and results name it:

1. the file given with ``--runtime`` or ``$TFLCONV_RUNTIME``: ``libLiteRt.so`` or LiteRT's ``.aar``;
2. the newest archive in the local Gradle cache, where building an app with LiteRT leaves it;
3. the newest one in the Maven repository ``$TFLCONV_MAVEN``, checked and locked;
4. the glibc bundle: the arm64 wheel's library with glibc's own dynamic linker beside it. It needs
   nothing but the package index, and is CPU only.

A Linux phone (no ``linker64``) can only use glibc's.

The archive also holds the accelerator for GPUs, a library of its own that LiteRT looks for beside
itself; for a given ``libLiteRt.so`` it is taken from the same folder.
"""

from __future__ import annotations

import fnmatch
import os
import re
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Protocol

from tflconv.core import bounded
from tflconv.core.files import cache_dir, sha256_bytes, sha256_file, write_bytes
from tflconv.device.arm64 import sysroot
from tflconv.device.arm64.libraries import ELF64, LOADER, is_arm64, is_arm64_elf
from tflconv.device.interface import RunsScripts, Runtime
from tflconv.device.maven import Repository
from tflconv.errors import UsageError
from tflconv.results import Software

GROUP, NAME = "com.google.ai.edge.litert", "litert"
MEMBER = "jni/arm64-v8a/libLiteRt.so"
ACCELERATORS = "libLiteRt*Accelerator.so"
"""``libLiteRtClGlAccelerator.so`` (OpenCL, OpenGL) on Android."""

OLDEST = (2, 1, 6)
"""The first version of LiteRT whose C API the harness knows."""

LINKER = "/system/bin/linker64"
_MOST_ACCELERATORS = 8
TAKES = "--runtime takes a .so or an .aar."
GLIBC = b"\0libc.so.6\0"


class Target(RunsScripts, Protocol):
    """What this module needs of a phone."""

    def push_all(self, sources: Sequence[Path]) -> list[str]:
        """Push files to the phone and return their paths there."""
        ...


@dataclass(frozen=True, kw_only=True)
class Library:
    """``libLiteRt.so`` on this computer, and the glibc files that a build for Linux needs.

    Attributes:
        path: The library.
        version: Its version, or ``unknown``.
        source: Where it comes from, as results name it.
        companions: The dynamic linker and libraries of glibc, for a build for Linux.
        accelerators: GPU libraries that belong to it.

    """

    path: Path
    version: str
    source: str
    companions: tuple[Path, ...] = ()
    accelerators: tuple[Path, ...] = ()

    @property
    def abi(self) -> str:
        """The ABI of the harness that can load it."""
        return "aarch64-linux" if self.companions else "aarch64-android"

    @property
    def software(self) -> Software:
        """Its entry in results."""
        return Software(
            name="LiteRT", version=self.version, sha256=sha256_file(self.path), source=self.source
        )


def install(phone: Target, choice: Path | None = None) -> Runtime:
    """Install the LiteRT that fits ``phone`` there.

    Args:
        phone: The phone.
        choice: File to use instead of the automatic choice, ``.aar`` or ``libLiteRt.so``.

    Raises:
        UsageError: The choice is no LiteRT for arm64.
        TflconvError: There is no LiteRT, or the phone was lost.

    """
    android = phone.script(f"[ -e {LINKER} ] && echo yes; true").strip() == "yes"
    library = choose(choice, android=android)
    folder = _linked_folder(phone, library)
    return Runtime(
        abi=library.abi,
        path=f"{folder}/{library.path.name}",
        software=library.software,
        launcher=(f"{folder}/{LOADER}", "--library-path", folder) if library.companions else (),
        accelerators=tuple(path.name for path in library.accelerators),
    )


def choose(choice: Path | None, *, android: bool) -> Library:
    """Return the LiteRT for a phone, in the order of the module's description.

    Args:
        choice: File to use instead, or None.
        android: Whether the phone runs Android, not another Linux.

    Raises:
        UsageError: ``choice`` is no LiteRT for arm64.
        TflconvError: There is none.

    """
    path = choice or _path_from("TFLCONV_RUNTIME")
    if path is not None:
        return _from_file(path)
    if android:
        if archive := newest_in_gradle():
            return _from_archive(archive, "Gradle cache")
        if address := os.environ.get("TFLCONV_MAVEN"):
            return _from_archive(_download(address), "Maven repository")
    return glibc()


def glibc() -> Library:
    """Return LiteRT for arm64 Linux with its C and C++ libraries, as emulated cores use them."""
    bundle = sysroot.assemble()
    companions = tuple(path for path in bundle.libraries.values() if path != bundle.litert)
    source = f"glibc bundle: {bundle.software.source}"
    return Library(path=bundle.litert, version=bundle.version, source=source, companions=companions)


def newest_in_gradle() -> Path | None:
    """Return the newest LiteRT archive in the Gradle cache, None if none is new enough."""
    home = _path_from("GRADLE_USER_HOME") or Path.home() / ".gradle"
    folder = home / "caches/modules-2/files-2.1" / GROUP / NAME
    archives = [(_numbers(path.stem), path) for path in folder.glob(f"*/*/{NAME}-*.aar")]
    return max((pair for pair in archives if pair[0] >= OLDEST), default=(None, None))[1]


def check_arm64(content: bytes, name: str) -> None:
    """Raise ``UsageError`` if ``content`` is no arm64 library with LiteRT's C API."""
    if not content.startswith(ELF64):
        raise UsageError(f"{name} is not a 64-bit library.", hint=TAKES)
    if not is_arm64_elf(content):
        raise UsageError(f"{name} is not for arm64.", hint=f"Use {MEMBER} of LiteRT's .aar.")
    if b"\0LiteRtCreateModelFromFd\0" not in content:
        oldest = ".".join(map(str, OLDEST))
        raise UsageError(
            f"{name} is not LiteRT, or older than {oldest}.", hint=f"Use LiteRT {oldest} or newer."
        )


def _from_file(path: Path) -> Library:
    if not path.is_file():
        raise UsageError(f"there is no runtime {path}.", hint=TAKES)
    if zipfile.is_zipfile(path):
        return _from_archive(path, "--runtime")
    content = path.read_bytes()
    check_arm64(content, str(path))
    return Library(
        path=path,
        version="unknown",
        source="--runtime",
        companions=glibc().companions if GLIBC in content else (),
        accelerators=tuple(sorted(filter(is_arm64, path.parent.glob(ACCELERATORS)))),
    )


def _from_archive(archive: Path, source: str) -> Library:
    with bounded.explained(archive, "the archive"), bounded.open_zip(archive) as container:
        if MEMBER not in container.namelist():
            raise UsageError(f"{archive} holds no {MEMBER}.", hint="Use LiteRT's own .aar.")
        content = bounded.read_member(container, MEMBER)
        check_arm64(content, f"{MEMBER} of {archive}")
        accelerators = tuple(
            _cached(bounded.read_member(container, name), name) for name in _accelerators(container)
        )
    version = re.search(r"\d+(?:\.\d+)+", archive.stem)
    return Library(
        path=_cached(content, MEMBER),
        version=version[0] if version else "unknown",
        source=source,
        accelerators=accelerators,
    )


def _accelerators(container: zipfile.ZipFile) -> list[str]:
    pattern = str(PurePosixPath(MEMBER).with_name(ACCELERATORS))
    members = sorted(set(fnmatch.filter(container.namelist(), pattern)))
    if len(members) > _MOST_ACCELERATORS:
        raise UsageError(
            f"{container.filename} holds {len(members)} accelerators.",
            hint="Use LiteRT's own .aar.",
        )
    return members


def _cached(content: bytes, name: str) -> Path:
    """Write ``content`` to the user's cache under the last part of ``name``; return its path."""
    target = cache_dir("runtime") / sha256_bytes(content) / PurePosixPath(name).name
    if not target.is_file() or sha256_file(target) != target.parent.name:
        write_bytes(target, content)
    return target


def _download(address: str) -> Path:
    repository = Repository(address=address, folder=cache_dir("runtime") / "maven")
    version = repository.newest(GROUP, NAME)
    return repository.fetch(GROUP, NAME, version, "aar")


def _linked_folder(phone: Target, library: Library) -> str:
    """Push all files and link them under their own names; return the folder of the links."""
    files = (library.path, *library.companions, *library.accelerators)
    pushed = phone.push_all(files)
    digest = sha256_bytes("\n".join(pushed).encode())[:16]
    folder = f"{phone.folder}/runtime-{digest}"
    pairs = [word for file, path in zip(files, pushed, strict=True) for word in (path, file.name)]
    phone.script(_LINK, folder, *pairs)
    return folder


_LINK = """
mkdir -p "$0" && cd "$0" || exit 1
while [ $# -gt 0 ]; do ln -sf "$1" "$2" || exit 1; shift 2; done
"""


def _path_from(variable: str) -> Path | None:
    text = os.environ.get(variable)
    return Path(text) if text else None


def _numbers(text: str) -> tuple[int, ...]:
    match = re.search(r"(\d+)\.(\d+)\.(\d+)", text)
    return tuple(map(int, match.groups())) if match else ()
