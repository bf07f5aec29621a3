"""Small files that ask for much memory take little; ``tests/nightly`` has the large ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from fakes.bombs import BOMBS, check
from fakes.memory import CAN_MEASURE, peak_of

QUICK = (
    "results: faults by the million", "results: one long text", "plan: tables by the million",
    "plan: tables up to the limit", "plan: one key, deep", "idx: a header that lies",
    "gif: frames", "npy: a header that lies", "npy: a long header", "labels: lines",
    "card: names", "keras: layers",
)  # fmt: skip

pytestmark = pytest.mark.skipif(not CAN_MEASURE, reason="the peak of memory is read from /proc")


@pytest.mark.parametrize("name", QUICK)
def test_a_small_file_takes_little_memory(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TFLCONV_CACHE_DIR", str(tmp_path / "cache"))
    check(name, tmp_path)


def test_what_takes_memory_is_measured() -> None:
    peak, end = peak_of(lambda: bytes(bytearray(b"x" * (100 << 20))))
    assert 100 < peak < 400
    assert end == ""


def test_quick_ones_are_some_of_all() -> None:
    assert set(QUICK) < set(BOMBS)
