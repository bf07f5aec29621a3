"""The harness is compiled and linked for every system that it has sources for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tflconv.benchmark import build

MAGIC = {"linux": b"\x7fELF", "darwin": b"\xcf\xfa\xed\xfe"}


def test_the_harness_links_for_every_system(
    tmp_path: Path, tell: Callable[[str, str], None]
) -> None:
    sizes = []
    for abi in build.ZIG_TARGETS:
        build.cross_build(abi, tmp_path / abi)
        content = (tmp_path / abi).read_bytes()
        assert content.startswith(MAGIC[abi.partition("-")[2]])
        sizes.append(f"{abi} {len(content) // 1000} KB")
    tell("cross-compiling with ziglang", ", ".join(sizes))
