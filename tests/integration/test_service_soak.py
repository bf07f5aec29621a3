"""A short soak of the service; ``tests/nightly/test_service_soak_at_length.py`` is the long one."""

from __future__ import annotations

from pathlib import Path

from fakes.soaking import soak


def test_everything_at_once_loses_no_request(tmp_path: Path) -> None:
    tally = soak(tmp_path, 5)
    assert tally.faults == []
    assert tally.answers["classes"] > 5
    assert tally.answers["overloaded"] > 0
    assert all(tally.done[name] for name in ("killed workers", "changed files", "stalls", "junk"))
