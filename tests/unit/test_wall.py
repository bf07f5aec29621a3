"""The second wall: a command that opens models of others ends with a message, whatever ends it."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tflconv import cli
from tflconv.cli import wall
from tflconv.core import limits
from tflconv.errors import TflconvError

JOB = """
import os, signal, sys, time
from tflconv import cli
def work(**_settings):
    print("in", os.getpid(), flush=True)
    {happens}
    return 0
cli.group.main = work
sys.argv = ["tflconv", "{command}"]
cli.main()
"""


def start(happens: str, folder: Path, command: str = "convert") -> subprocess.Popen[str]:
    (folder / "job.py").write_text(JOB.format(happens=happens, command=command))
    return subprocess.Popen(
        [sys.executable, "-m", "job"],
        cwd=folder,
        env=os.environ | {"TFLCONV_CACHE_DIR": str(folder)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=heard,
    )


def heard() -> None:
    """Hear all signals, whatever started the tests: ``nohup`` has SIGHUP ignored."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


@pytest.mark.parametrize(
    ("happens", "code", "said"),
    [
        ("pass", 0, ""),
        ("sys.exit(4)", 4, ""),
        ("raise KeyError('a')", 1, "Error: unexpected KeyError"),
        (
            "os.kill(os.getpid(), signal.SIGSEGV)",
            1,
            "Error: the command was ended by SIGSEGV while",
        ),
        ("os.abort()", 1, "Error: the command was ended by SIGABRT while"),
        ("os.kill(os.getpid(), signal.SIGKILL)", 1, "Most often that is memory that ran out"),
        ("os.kill(os.getpid(), signal.SIGXCPU)", 1, "TFLCONV_TRUST=1 lifts the limits"),
    ],
)
def test_the_parent_ends_as_the_child_does_or_with_a_message(
    happens: str, code: int, said: str, tmp_path: Path
) -> None:
    run = start(happens, tmp_path)
    output, errors = run.communicate(timeout=60)
    assert run.returncode == code
    assert said in errors
    assert len(errors.splitlines()) == (2 if said else 0)
    assert int(output.split()[1]) != run.pid


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("group", [False, True], ids=["parent", "group"])
def test_signals_reach_the_child(number: int, group: bool, tmp_path: Path) -> None:
    run = start("time.sleep(60)", tmp_path)
    assert run.stdout is not None
    child = int(run.stdout.readline().split()[1])
    (os.killpg if group else os.kill)(run.pid, number)
    _, errors = run.communicate(timeout=20)
    assert run.returncode == (130 if number == signal.SIGINT else -number)
    assert errors == ("Interrupted.\n" if number == signal.SIGINT else "")
    assert is_gone(child)


def test_the_child_dies_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    run = start("time.sleep(60)", tmp_path)
    assert run.stdout is not None
    child = int(run.stdout.readline().split()[1])
    run.kill()
    run.communicate(timeout=20)
    assert is_gone(child)


def is_gone(process: int) -> bool:
    for _ in range(100):
        stat = Path(f"/proc/{process}/stat")
        if not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] == "Z":
            return True
        time.sleep(0.05)
    return False


WITHOUT_MODELS = {"datasets", "devices", "doctor", "history", "list", "report"}
ELSEWHERE = {"serve", "study"}
"""They open models in workers, or their own."""


def test_each_command_that_opens_models_is_behind_the_wall() -> None:
    assert set(cli.COMMANDS) == {*wall.COMMANDS} | WITHOUT_MODELS | ELSEWHERE


@pytest.mark.parametrize("command", ["report", "serve"])
def test_commands_that_open_no_model_natively_run_as_they_are(command: str, tmp_path: Path) -> None:
    run = start("pass", tmp_path, command)
    output, _ = run.communicate(timeout=60)
    assert int(output.split()[1]) == run.pid


def test_a_user_may_trust_the_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(limits.VARIABLE, "1")
    wall.enter(["convert", "model.keras"])
    assert limits.trusting()


def burn() -> None:
    while True:
        pass


def allocate() -> None:
    bytes(1 << 40)


def fill() -> None:
    with Path("large").open("wb") as stream:
        stream.truncate(limits.FILES + 2)


@pytest.mark.parametrize(
    ("harm", "end"), [(burn, "SIGXCPU"), (allocate, "takes more than"), (fill, "File too large")]
)
def test_limits_hold_in_a_process_of_ours(
    harm: Callable[[], None], end: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "SECONDS", 1)
    monkeypatch.chdir(tmp_path)
    assert end in ended(harm, tmp_path / "said")


def ended(harm: Callable[[], None], said: Path) -> str:
    """How a process ends that does ``harm`` within the limits."""
    child = os.fork()
    if child == 0:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        limits.keep()
        try:
            with limits.limited(Path("model.keras").parent / "none"):
                harm()
        except (TflconvError, OSError) as error:
            said.write_text(str(error))
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    return said.read_text() if code == 0 else signal.Signals(-code).name


def test_elsewhere_there_are_no_limits_and_afterwards_they_are_gone() -> None:
    before = resource.getrlimit(resource.RLIMIT_AS)
    with limits.limited():
        assert resource.getrlimit(resource.RLIMIT_AS) == before
    assert ended(lambda: None, Path(os.devnull)) == ""
