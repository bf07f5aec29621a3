"""What the README tells a newcomer to type works as it stands."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

README = Path(__file__).parents[2] / "README.md"


def block(language: str, containing: str) -> str:
    """The code block of the README in ``language`` that has ``containing`` in it."""
    blocks = re.findall(rf"```{language}\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    (found,) = [text for text in blocks if containing in text]
    return str(found)


@pytest.mark.slow
def test_the_lines_of_python_run(tmp_path: Path) -> None:
    program = block("python", "import tflconv").replace("epochs=30", "epochs=1")
    run = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr
    assert "selective_wi8_ai8" in (tmp_path / "report.html").read_text()


@pytest.mark.slow
def test_the_lines_of_shell_run(tmp_path: Path) -> None:
    script = block("sh", "tflconv train")
    script = script.replace("tflconv train mobilenet_v2", "tflconv train mobilenet_v2 --epochs 1")
    script = script.replace("--max-drop 0.5pt", "--max-drop 100pt")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    run = subprocess.run(
        ["sh", "-ec", script],
        cwd=tmp_path,
        env=os.environ | {"PATH": path},
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr
    assert (tmp_path / "report.html").is_file()
