"""No file below 10 MB takes more than 500 MB of memory, whatever it unpacks or parses to."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from fakes.bombs import BOMBS, LIMIT, check


def test_small_files_take_little_memory(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    tell: Callable[[str, str], None],
    table: Callable[[str, list[tuple[str, ...]]], None],
) -> None:
    monkeypatch.setenv("TFLCONV_CACHE_DIR", str(tmp_path / "cache"))
    rows = [("file", "MB", "most memory beyond idle, MB")]
    for name in BOMBS:
        size, peak = check(name, tmp_path)
        rows.append((name, f"{size:.2f}", f"{peak:.0f}"))
        shutil.rmtree(tmp_path / "cache", ignore_errors=True)
    table("Small files that ask for much memory", rows)
    tell(f"{len(BOMBS)} files of at most 10 MB", f"each takes less than {LIMIT} MB")
