"""An arm64 wheel of LiteRT that pip takes for the real one, for tests without a network."""

from __future__ import annotations

import zipfile
from pathlib import Path

ELF_HEAD = b"\x7fELF\x02\x01\x01" + bytes(11) + b"\xb7\x00"
"""The first 20 bytes of every 64-bit arm64 ELF file."""


def write(folder: Path, version: str, *, member: str = "ai_edge_litert/libLiteRt.so") -> Path:
    """A wheel of ``version`` in ``folder`` that holds one file, ``member``."""
    name = f"ai_edge_litert-{version}"
    path = folder / f"{name}-py3-none-manylinux_2_27_aarch64.whl"
    info = f"{name}.dist-info"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(member, ELF_HEAD + b"LiteRT")
        about = f"Metadata-Version: 2.1\nName: ai-edge-litert\nVersion: {version}\n"
        archive.writestr(f"{info}/METADATA", about)
        tag = "Tag: py3-none-manylinux_2_27_aarch64\n"
        archive.writestr(f"{info}/WHEEL", f"Wheel-Version: 1.0\nRoot-Is-Purelib: false\n{tag}")
        archive.writestr(f"{info}/RECORD", "")
    return path
