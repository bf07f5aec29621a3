"""The binaries in the wheel: of these sources, reproducible, small, and fit for a phone."""

from __future__ import annotations

import shutil
import struct
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path

import pytest

from tflconv.benchmark import bionic, build, harness, prebuilt
from tflconv.core import resources
from tflconv.core.files import sha256_file
from tflconv.device import compiler

Require = Callable[[str, bool, str], None]

AARCH64, PIE, LOAD, INTERPRETER = 183, 3, 1, 3
IN_BIONIC = {
    "__errno", "__libc_init", "_exit", "calloc", "clock_gettime", "clock_nanosleep", "close",
    "dlerror", "dlopen", "dlsym", "exit", "free", "fstat", "getrusage", "ioctl", "malloc",
    "memcmp", "memcpy", "memset", "open", "prctl", "read", "realloc", "sched_getaffinity",
    "sched_setaffinity", "snprintf", "strchr", "strcmp", "strdup", "strerror", "strlen",
    "strncmp", "strpbrk", "strrchr", "strstr", "strtod", "strtol", "strtoull", "syscall",
    "vsnprintf", "write",
}  # fmt: skip
"""What the harness may use of Android's C library; all of it is in every arm64 Android."""


def segments(content: bytes) -> Iterator[tuple[int, int, int, int]]:
    """Kind, offset, size in the file and alignment of each program header."""
    (start,) = struct.unpack_from("<Q", content, 32)
    size, count = struct.unpack_from("<HH", content, 54)
    for i in range(count):
        kind, _, offset, _, _, length, _, align = struct.unpack_from(
            "<IIQQQQQQ", content, start + i * size
        )
        yield kind, offset, length, align


@pytest.mark.parametrize("abi", prebuilt.ABIS)
def test_they_are_whole_and_of_these_sources(abi: str) -> None:
    hint = "after a change of the sources: python -m tflconv.android_benchmark.prebuild"
    assert prebuilt.read_manifest()["sources"] == build.digest(), hint
    path = prebuilt.find(abi)
    assert path is not None, hint
    assert harness.binary(abi) == path
    assert path.stat().st_size <= 150_000


@pytest.mark.parametrize(
    ("abi", "interpreter"),
    [
        ("aarch64-android", b"/system/bin/linker64\0"),
        ("aarch64-linux", b"/lib/ld-linux-aarch64.so.1\0"),
    ],
)
def test_they_are_position_independent_and_fit_large_pages(abi: str, interpreter: bytes) -> None:
    content = (prebuilt.folder() / f"harness-{abi}").read_bytes()
    kind, machine = struct.unpack_from("<HH", content, 16)
    assert (kind, machine) == (PIE, AARCH64)
    found = list(segments(content))
    assert all(align >= 16384 for kind, _, _, align in found if kind == LOAD)
    (named,) = (content[at : at + size] for kind, at, size, _ in found if kind == INTERPRETER)
    assert named == interpreter


def test_the_android_one_needs_only_what_android_has() -> None:
    content = (prebuilt.folder() / "harness-aarch64-android").read_bytes()
    needed = bionic.undefined_symbols(content, bionic.DYNSYM)
    assert "dlopen" in needed
    assert needed <= IN_BIONIC


@pytest.mark.slow
@pytest.mark.parametrize("abi", prebuilt.ABIS)
def test_building_them_elsewhere_gives_the_same_bytes(
    abi: str, require: Require, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    require("ziglang", compiler.has_zig(), "the package ziglang is not installed")
    manifest = prebuilt.read_manifest()
    if version("ziglang") != manifest["zig"]:
        pytest.skip(f"built by zig {manifest['zig']}, here is {version('ziglang')}")
    elsewhere = tmp_path / "some where"
    for part in ("src", "bionic"):
        shutil.copytree(resources.harness_dir() / part, elsewhere / part)
    monkeypatch.setattr(resources, "harness_dir", lambda: elsewhere)
    build.cross_build(abi, tmp_path / "harness")
    assert sha256_file(tmp_path / "harness") == manifest["files"][abi]


def test_binaries_of_other_sources_are_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path / "harness"
    shutil.copytree(resources.harness_dir(), elsewhere)
    monkeypatch.setattr(resources, "harness_dir", lambda: elsewhere)
    assert prebuilt.find("aarch64-linux") is not None
    damaged = elsewhere / "prebuilt" / "harness-aarch64-android"
    damaged.write_bytes(damaged.read_bytes()[:-1])
    assert prebuilt.find("aarch64-android") is None
    (elsewhere / "src" / "main.c").write_text("int main(void) { return 0; }\n")
    assert prebuilt.find("aarch64-linux") is None


@pytest.mark.parametrize("abi", [abi for abi in build.ZIG_TARGETS if abi.endswith("darwin")])
def test_it_links_for_macs(abi: str, tmp_path: Path, require: Require) -> None:
    """It was never run on one."""
    require("ziglang", compiler.has_zig(), "the package ziglang is not installed")
    build.cross_build(abi, tmp_path / "harness")
    assert (tmp_path / "harness").read_bytes().startswith(b"\xcf\xfa\xed\xfe")
