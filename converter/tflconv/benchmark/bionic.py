"""An Android executable without the Android NDK.

A program for Android's C library (bionic) is an ordinary arm64 ELF file with another dynamic
linker, another start and other version names. The package ziglang has all that is needed: its
compiler with musl's headers, whose structures are the kernel's here as bionic's are, and its
linker. What is missing are libc.so and libdl.so to link against, and these need no content: a
stub that has the right names is enough. The NDK with CMake remains the standard way.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Protocol

from tflconv.core.private import scratch_folder

COMPILE = (
    "-target",
    "aarch64-linux-musl",
    "-fPIE",
    "-fno-stack-protector",
    "-fno-builtin-bcmp",
    "-DHARNESS_BIONIC",
)
LINK = (
    "-pie", "-s", "--build-id=none", "--hash-style=both", "-z", "now", "-z", "relro",
    "-z", "max-page-size=16384", "-dynamic-linker", "/system/bin/linker64",
)  # fmt: skip
DYNAMIC_LINKING = {"dlopen", "dlsym", "dlerror", "dlclose"}
"""Symbols of libdl.so; all others that the harness uses are in libc.so."""

SYMTAB, DYNSYM, UNDEFINED, SYMBOL_SIZE = 2, 11, 0, 24


class Zig(Protocol):
    """A callable that runs a command of the zig toolchain and raises if it fails."""

    def __call__(self, *arguments: str) -> None:
        """Run ``zig ARGUMENTS``."""
        ...


def build(zig: Zig, sources: Sequence[Path], flags: Sequence[str], output: Path) -> None:
    """Compile ``sources`` and link them into the Android executable ``output``."""
    with scratch_folder() as folder:
        whole = folder / "whole.o"
        objects = [_compile(zig, source, flags, folder) for source in sources]
        zig("ld.lld", "-r", "-o", str(whole), *map(str, objects))
        needed = undefined_symbols(whole.read_bytes())
        libc = _stub(zig, "libc.so", needed - DYNAMIC_LINKING, folder)
        libdl = _stub(zig, "libdl.so", needed & DYNAMIC_LINKING, folder)
        zig("ld.lld", *LINK, "-o", str(output), str(whole), str(libc), str(libdl))


def undefined_symbols(content: bytes, table: int = SYMTAB) -> set[str]:
    """Return the symbols that a 64-bit little-endian ELF file uses but does not define.

    Args:
        content: The bytes of the file.
        table: Type of the section to read: ``SYMTAB`` in an object file, ``DYNSYM`` in a program.

    """
    offset, _, _, _, _, size, count, _ = struct.unpack_from("<QIHHHHHH", content, 40)
    headers = [struct.unpack_from("<IIQQQQII", content, offset + size * i) for i in range(count)]
    symbols: set[str] = set()
    for _, kind, _, _, start, length, link, _ in headers:
        if kind == table:
            symbols |= set(_undefined_in(content, start, length, headers[link][4]))
    return symbols - {""}


def _undefined_in(content: bytes, start: int, length: int, names: int) -> Iterable[str]:
    for offset in range(start, start + length, SYMBOL_SIZE):
        name, _, _, section = struct.unpack_from("<IBBH", content, offset)
        if section == UNDEFINED:
            end = content.index(b"\0", names + name)
            yield content[names + name : end].decode()


def _compile(zig: Zig, source: Path, flags: Sequence[str], folder: Path) -> Path:
    target = folder / f"{source.stem}.o"
    zig("cc", *COMPILE, *flags, "-c", str(source), "-o", str(target))
    return target


def _stub(zig: Zig, name: str, symbols: Iterable[str], folder: Path) -> Path:
    """Build a library that has only symbols, versioned as bionic's are."""
    source, script, target = folder / f"{name}.s", folder / f"{name}.map", folder / name
    source.write_text("".join(map(_STUB.format, sorted(symbols))))
    script.write_text("LIBC { global: *; };\n")
    compiled = _compile(zig, source, (), folder)
    versions = f"--version-script={script}"
    zig("ld.lld", "-shared", "-soname", name, versions, "-o", str(target), str(compiled))
    return target


_STUB = ".globl {0}\n.type {0}, %function\n{0}:\n"
