"""What a program that downloads says goes on, if it fails: one line, clean, and in time."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest

from fakes.servers import ESCAPES, Hostile, serving
from tflconv.device.arm64 import wheel
from tflconv.device.complaints import complaint
from tflconv.errors import DeviceError


def test_a_program_that_succeeds_has_no_complaint(tmp_path: Path) -> None:
    assert complaint([sys.executable, "-c", "open('made', 'w')"], tmp_path, seconds=60) is None
    assert (tmp_path / "made").exists()


def test_the_last_error_is_told_without_what_a_terminal_obeys(tmp_path: Path) -> None:
    words = f"ERROR: the index says {ESCAPES}{'no ' * 500}"
    program = f"import sys; print({words!r} + chr(10) + 'a hint', file=sys.stderr); sys.exit(1)"
    said = complaint([sys.executable, "-c", program], tmp_path, seconds=60)
    assert said is not None
    assert said.startswith("the index says ")
    assert said.isprintable()
    assert len(said) < 400


def test_a_program_that_does_not_end_is_ended(tmp_path: Path) -> None:
    said = complaint(["sleep", "60"], tmp_path, seconds=0.2)
    assert said == "it did not end within 0.2 s"


def test_an_index_that_never_ends_costs_pip_its_time_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wheel, "SECONDS", 3.0)
    began = time.monotonic()
    with serving(Hostile()) as address:
        monkeypatch.setenv("PIP_INDEX_URL", f"{address}/trickle")
        monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
        monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
        with pytest.raises(DeviceError, match=r"did not end within 3 s"):
            wheel.download("0.0.1", tmp_path)
    assert time.monotonic() - began < 30
