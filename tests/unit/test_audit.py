"""``make audit`` fails for a hole that can be closed, and never calls clean what it did not see."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).parents[1] / "audit.py"
REPAIRED = {"id": "PYSEC-1", "fix_versions": ["99.0"]}
RULED_OUT = {"id": "PYSEC-2", "fix_versions": ["0.1"]}
OPEN = {"id": "PYSEC-3", "fix_versions": []}


def audited(tmp_path: Path, *packages: dict[str, Any]) -> tuple[int, str]:
    report = tmp_path / "report.json"
    report.write_text(json.dumps({"dependencies": packages, "fixes": []}))
    return run(report)


def run(report: Path) -> tuple[int, str]:
    command = [sys.executable, str(SCRIPT), "--report", str(report)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert not done.stderr
    return done.returncode, done.stdout


def pillow(*holes: dict[str, Any]) -> dict[str, Any]:
    return {"name": "Pillow", "version": "10.0.0", "vulns": list(holes)}


@pytest.mark.parametrize(
    ("hole", "code", "says"),
    [
        (REPAIRED, 1, "Repaired in 99.0: raise its floor"),
        (RULED_OUT, 0, "Repaired in versions that"),
        (OPEN, 0, "No version repairs it"),
    ],
)
def test_a_hole_is_judged_by_what_can_be_done(
    hole: dict[str, Any], code: int, says: str, tmp_path: Path
) -> None:
    ended, said = audited(tmp_path, pillow(hole), {"name": "own", "skip_reason": "not on PyPI"})
    assert ended == code
    assert "1 of 2 packages audited, 1 known holes." in said
    assert f"Pillow 10.0.0: {hole['id']}. {says}" in said


def test_no_hole_passes(tmp_path: Path) -> None:
    assert audited(tmp_path, pillow()) == (0, "1 of 1 packages audited, 0 known holes.\n")


def test_without_advisories_nothing_was_audited(tmp_path: Path) -> None:
    code, said = audited(tmp_path, {"name": "Pillow", "skip_reason": "not found on PyPI"})
    assert (code, said[:12]) == (0, "Not audited:")


def test_a_tool_that_fails_is_told(tmp_path: Path) -> None:
    (tmp_path / "report.json").write_text("connection refused")
    assert run(tmp_path / "report.json") == (0, "Not audited: pip-audit printed no report.\n")
