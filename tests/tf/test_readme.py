"""What the README tells a newcomer to type works as it stands."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

LIMIT = 560
"""Seconds; pytest's own limit, which could not tell where another process hangs, is longer."""
README = Path(__file__).parents[2] / "README.md"


def block(language: str, containing: str) -> str:
    """The code block of the README in ``language`` that has ``containing`` in it."""
    blocks = re.findall(rf"```{language}\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    (found,) = [text for text in blocks if containing in text]
    return str(found)


def run(command: list[str], folder: Path) -> None:
    """Run ``command`` to its end; one that hangs is made to tell where."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    started = subprocess.Popen(
        command,
        cwd=folder,
        env=os.environ | {"PATH": path, "PYTHONFAULTHANDLER": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        _, said = started.communicate(timeout=LIMIT)
    except subprocess.TimeoutExpired:
        os.killpg(started.pid, signal.SIGABRT)
        _, said = started.communicate()
    assert started.returncode == 0, said


@pytest.mark.slow
def test_the_lines_of_python_run(tmp_path: Path) -> None:
    program = block("python", "import tflconv").replace("epochs=30", "epochs=1")
    run([sys.executable, "-c", program], tmp_path)
    assert "selective_wi8_ai8" in (tmp_path / "report.html").read_text()


@pytest.mark.slow
def test_the_lines_of_shell_run(tmp_path: Path) -> None:
    script = block("sh", "tflconv train")
    script = script.replace("tflconv train mobilenet_v2", "tflconv train mobilenet_v2 --epochs 1")
    script = script.replace("--max-drop 0.5pt", "--max-drop 100pt")
    run(["sh", "-exc", script], tmp_path)
    assert (tmp_path / "report.html").is_file()
