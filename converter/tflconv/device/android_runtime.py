"""Which LiteRT runs on a phone, and where it comes from.

Android's C library (bionic) is not the one of desktop Linux (glibc), so there are two builds of
LiteRT. The first of these is taken, and results say which:

1. the file given with ``--runtime`` or ``$TFLCONV_RUNTIME``: ``libLiteRt.so`` or LiteRT's ``.aar``;
2. the newest archive in the local Gradle cache, where building an app with LiteRT leaves it;
3. the newest one in the Maven repository ``$TFLCONV_MAVEN``, checked and locked;
4. the glibc bundle: the arm64 wheel's library with glibc's own dynamic linker beside it. It needs
   nothing but the package index, and is CPU only.

A Linux phone (no ``linker64``) can only take glibc's.

The archive also holds the accelerator for GPUs, a library of its own that LiteRT looks for beside
itself; a ``libLiteRt.so`` that was given brings the one in its folder.
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

from tflconv.core.files import cache_dir, sha256_bytes, sha256_file, write_bytes
from tflconv.device.arm64 import sysroot
from tflconv.device.arm64.libraries import LOADER, is_arm64
from tflconv.device.interface import Runtime
from tflconv.device.maven import Repository
from tflconv.errors import UsageError
from tflconv.results import Software

GROUP, NAME = "com.google.ai.edge.litert", "litert"
MEMBER = "jni/arm64-v8a/libLiteRt.so"
ACCELERATORS = "libLiteRt*Accelerator.so"
"""``libLiteRtClGlAccelerator.so`` (OpenCL, OpenGL) on Android."""

OLDEST = (2, 1, 6)
"""The first LiteRT whose C API the harness knows."""

LINKER = "/system/bin/linker64"
ARM64 = b"\x7fELF\x02\x01\x01", 0xB7
GLIBC = b"\0libc.so.6\0"


class Target(Protocol):
    """What this module needs of a phone."""

    @property
    def folder(self) -> str:
        """Where files may be left on the phone."""
        ...

    def push_all(self, sources: Sequence[Path]) -> list[str]:
        """Bring files to the phone and return their paths there."""
        ...

    def script(self, text: str, *arguments: str) -> str:
        """Run shell lines; raise ``DeviceError`` if they fail."""
        ...


@dataclass(frozen=True, kw_only=True)
class Library:
    """``libLiteRt.so`` on this computer, and the glibc files it needs if it is not Android's."""

    path: Path
    version: str
    source: str
    companions: tuple[Path, ...] = ()
    accelerators: tuple[Path, ...] = ()

    @property
    def abi(self) -> str:
        """Which build of the harness can load it."""
        return "aarch64-linux" if self.companions else "aarch64-android"

    @property
    def software(self) -> Software:
        """How results name it."""
        return Software(
            name="LiteRT", version=self.version, sha256=sha256_file(self.path), source=self.source
        )


def install(phone: Target, choice: Path | None = None) -> Runtime:
    """Bring the library that fits ``phone`` to it, ready to start programs with."""
    android = phone.script(f"[ -e {LINKER} ] && echo yes; true").strip() == "yes"
    library = choose(choice, android=android)
    folder = _laid_out(phone, library)
    return Runtime(
        abi=library.abi,
        path=f"{folder}/{library.path.name}",
        software=library.software,
        launcher=(f"{folder}/{LOADER}", "--library-path", folder) if library.companions else (),
        accelerators=tuple(path.name for path in library.accelerators),
    )


def choose(choice: Path | None, *, android: bool) -> Library:
    """The library for a phone, by the order in the module's description.

    Raises ``UsageError`` if ``choice`` is no arm64 LiteRT, ``TflconvError`` if there is none.
    """
    given = choice or _path_from("TFLCONV_RUNTIME")
    if given is not None:
        return _given(given)
    if android:
        if archive := newest_in_gradle():
            return _from_archive(archive, "Gradle cache")
        if address := os.environ.get("TFLCONV_MAVEN"):
            return _from_archive(_download(address), "Maven repository")
    return glibc()


def glibc() -> Library:
    """LiteRT for arm64 Linux with its C and C++ libraries, as emulated cores have them."""
    bundle = sysroot.assemble()
    companions = tuple(path for path in bundle.libraries.values() if path != bundle.litert)
    source = f"glibc bundle: {bundle.software.source}"
    return Library(path=bundle.litert, version=bundle.version, source=source, companions=companions)


def newest_in_gradle() -> Path | None:
    """The newest archive of LiteRT in the Gradle cache that is new enough."""
    home = _path_from("GRADLE_USER_HOME") or Path.home() / ".gradle"
    folder = home / "caches/modules-2/files-2.1" / GROUP / NAME
    archives = [(_numbers(path.stem), path) for path in folder.glob(f"*/*/{NAME}-*.aar")]
    return max((pair for pair in archives if pair[0] >= OLDEST), default=(None, None))[1]


def check_arm64(content: bytes, name: str) -> None:
    """Raise ``UsageError`` if ``content`` is no arm64 library with LiteRT's C API."""
    magic, machine = ARM64
    if not content.startswith(magic):
        raise UsageError(f"{name} is no 64-bit library.", hint="--runtime takes a .so or an .aar.")
    if content[18] != machine:
        raise UsageError(f"{name} is not for arm64.", hint=f"Take the one in {MEMBER} of the .aar.")
    if b"\0LiteRtCreateModelFromFd\0" not in content:
        oldest = ".".join(map(str, OLDEST))
        raise UsageError(f"{name} is no LiteRT, or older than {oldest}.", hint=f"Take {oldest}.")


def _given(path: Path) -> Library:
    if not path.is_file():
        raise UsageError(f"there is no runtime {path}.", hint="--runtime takes a .so or an .aar.")
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
    try:
        with zipfile.ZipFile(archive) as container:
            content = container.read(MEMBER)
            check_arm64(content, f"{MEMBER} of {archive}")
            pattern = str(PurePosixPath(MEMBER).with_name(ACCELERATORS))
            members = fnmatch.filter(container.namelist(), pattern)
            accelerators = tuple(_kept(container.read(name), name) for name in sorted(members))
    except (KeyError, zipfile.BadZipFile) as error:
        raise UsageError(f"{archive} holds no {MEMBER}.", hint="Take LiteRT's own .aar.") from error
    version = re.search(r"\d+(?:\.\d+)+", archive.stem)
    return Library(
        path=_kept(content, MEMBER),
        version=version[0] if version else "unknown",
        source=source,
        accelerators=accelerators,
    )


def _kept(content: bytes, name: str) -> Path:
    """A file with ``content`` under the last part of ``name`` in the user's cache."""
    target = cache_dir("runtime") / sha256_bytes(content) / PurePosixPath(name).name
    if not target.is_file() or sha256_file(target) != target.parent.name:
        write_bytes(target, content)
    return target


def _download(address: str) -> Path:
    repository = Repository(address=address, folder=cache_dir("runtime") / "maven")
    version = repository.newest(GROUP, NAME)
    return repository.fetch(GROUP, NAME, version, "aar")


def _laid_out(phone: Target, library: Library) -> str:
    """A folder with all files under their own names, as links to the pushed contents."""
    files = (library.path, *library.companions, *library.accelerators)
    pushed = phone.push_all(files)
    digest = sha256_bytes("\n".join(pushed).encode())[:16]
    folder = f"{phone.folder}/runtime-{digest}"
    pairs = [word for file, at in zip(files, pushed, strict=True) for word in (at, file.name)]
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
