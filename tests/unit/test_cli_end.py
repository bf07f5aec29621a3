"""However a command ends, its process ends with the documented exit code and one message."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tflconv import cli
from tflconv.core import unexpected

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


DONE = {
    "while the process ends": "atexit.register(signal.raise_signal, signal.SIGINT)",
    "and swallowed by a library": """
    try:
        exec("signal.raise_signal(signal.SIGINT)")
    except KeyboardInterrupt:
        pass
    """,
}


@pytest.mark.parametrize("when", DONE)
def test_an_interrupt_does_not_undo_finished_work(when: str, tmp_path: Path) -> None:
    (tmp_path / "job.py").write_text("import atexit" + INTERRUPTED.format(happens=DONE[when]))
    command = [sys.executable, "-m", "job"]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert (run.returncode, run.stderr) == (0, "")


def test_an_interrupt_before_the_command_is_read(tmp_path: Path) -> None:
    (tmp_path / "click.py").write_text("import signal\nsignal.raise_signal(signal.SIGINT)\n")
    command = [sys.executable, "-m", "tflconv", "--help"]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert (run.returncode, run.stdout, run.stderr) == (130, "", "Interrupted.\n")


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


BUG = """
from tflconv import cli
def work(**_settings):
    secret = "of the user"
    raise {error}
cli.group.main = work
cli.main(["inspect", "my model.tflite"])
"""


def run_into(error: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    (folder / "job.py").write_text(BUG.format(error=error))
    places = {"HOME": str(folder), "TFLCONV_CACHE_DIR": str(folder / "cache")}
    return subprocess.run(
        [sys.executable, "-m", "job"],
        cwd=folder,
        env=os.environ | places | environment,
        capture_output=True,
        text=True,
    )


def test_a_bug_is_one_line_and_a_report_to_send(tmp_path: Path) -> None:
    run = run_into(r"KeyError('a\x1b[2J\nb')", tmp_path)
    (report,) = (tmp_path / "cache" / "reports").iterdir()
    assert run.returncode == 1
    assert run.stderr.splitlines() == [
        r"Error: unexpected KeyError ('a\x1b[2J\nb').",
        f"This is a fault of tflconv. Please send {report} to its maintainers.",
    ]
    text = report.read_text()
    assert "command: tflconv inspect 'my model.tflite'\n" in text
    assert "tensorflow: 2." in text
    assert "in work" in text
    assert "of the user" not in text
    assert str(tmp_path) not in text


def test_terminal_escapes_in_an_error_are_not_printed(tmp_path: Path) -> None:
    assert "(a?[2J)" in run_into(r"ValueError('a\x1b[2J')", tmp_path).stderr


def test_a_bug_shows_its_traceback_where_that_is_asked_for(tmp_path: Path) -> None:
    run = run_into("KeyError('a')", tmp_path, TFLCONV_DEBUG="1")
    assert run.stderr.startswith("Traceback (most recent call last):")
    assert run.returncode == 1


def test_a_bug_is_told_where_no_report_can_be_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TFLCONV_CACHE_DIR", "/dev/null/cache")
    monkeypatch.setattr(tempfile, "tempdir", "/dev/null/tmp")
    assert str(unexpected.explained(KeyError("a"))).splitlines() == [
        "unexpected KeyError ('a').",
        "This is a fault of tflconv, and no report of it can be written here. TFLCONV_DEBUG=1 shows"
        " where it happened.",
    ]


def test_the_end_of_memory_is_no_bug(tmp_path: Path) -> None:
    run = run_into("MemoryError", tmp_path)
    assert run.stderr.startswith("Error: the memory ran out.\n")
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize(("error", "code"), [("SystemExit(3)", 3), ("KeyboardInterrupt", 130)])
def test_ends_that_are_meant_stay_what_they_are(error: str, code: int, tmp_path: Path) -> None:
    assert run_into(error, tmp_path).returncode == code


def test_the_last_twenty_reports_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TFLCONV_CACHE_DIR", str(tmp_path))
    for second in range(25):
        (tmp_path / "reports").mkdir(exist_ok=True)
        (tmp_path / "reports" / f"20200101-0000{second:02}-1.txt").touch()
    unexpected.explained(KeyError("a"))
    left = sorted(path.name for path in (tmp_path / "reports").iterdir())
    assert len(left) == unexpected.KEPT
    assert left[0] == "20200101-000006-1.txt"
