"""However a command is interrupted, its process ends with the documented exit code."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tflconv import cli

INTERRUPTED = """
import signal, time
from tflconv import cli
def work(**_settings):
    {happens}
cli.group.main = work
cli.main()
"""
HAPPENS = {
    "anywhere": "signal.raise_signal(signal.SIGINT)",
    "in an exec": "exec('signal.raise_signal(signal.SIGINT)')",
    "in an import": """
    try:
        signal.raise_signal(signal.SIGINT)
    except KeyboardInterrupt:
        raise ImportError("half imported") from None
    """,
    "in a finalizer": """
    class Dying:
        def __del__(self):
            signal.raise_signal(signal.SIGINT)
    Dying()
    time.sleep(30)
    """,
    "twice": """
    try:
        signal.raise_signal(signal.SIGINT)
    finally:
        signal.raise_signal(signal.SIGINT)
        print("cleaned")
    """,
}


@pytest.mark.parametrize("where", HAPPENS)
def test_interrupted(where: str, tmp_path: Path) -> None:
    (tmp_path / "job.py").write_text(INTERRUPTED.format(happens=HAPPENS[where]))
    command = [sys.executable, "-m", "job"]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert run.returncode == 130
    assert run.stderr == "Interrupted.\n"
    assert run.stdout == ("cleaned\n" if where == "twice" else "")


def test_a_command_leaves_the_handlers_of_signals_as_they_were() -> None:
    before = (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGALRM), sys.unraisablehook)
    with pytest.raises(SystemExit, match="0"):
        cli.main(["--version"])
    after = (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGALRM), sys.unraisablehook)
    assert after == before


def test_an_interrupt_after_a_command_is_handled_by_whoever_called_it() -> None:
    with pytest.raises(SystemExit, match="2"):
        cli.main(["no-such-command"])
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)
