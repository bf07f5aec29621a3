"""Work in other processes comes back in order, fails alone, and stops on one interrupt."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from itertools import accumulate
from pathlib import Path

import pytest

from tflconv.core.progress import Callback, Progress
from tflconv.core.unexpected import Unexpected
from tflconv.core.workers import run_in_processes
from tflconv.errors import TflconvError, UsageError


def square(number: int, progress: Callback) -> int:
    if number < 0:
        raise UsageError(f"{number} is negative.", hint="Give another.")
    progress(Progress(stage="square", message=f"{number} in {os.getpid()}"))
    return number * number


def die(_number: int, _progress: Callback) -> int:
    os.kill(os.getpid(), signal.SIGKILL)
    return 0


def die_if_negative(number: int, progress: Callback) -> int:
    return die(number, progress) if number < 0 else number


def linger(_number: int, progress: Callback) -> None:
    progress(Progress(stage="linger", message=str(time.monotonic()), done=1))
    time.sleep(0.2)
    progress(Progress(stage="linger", message=str(time.monotonic()), done=-1))


def divide(number: int, _progress: Callback) -> float:
    return 1 / number


def test_answers_stand_at_their_items_places() -> None:
    heard: list[str] = []
    answers = run_in_processes(
        square, [3, -1, 2], progress=lambda event: heard.append(event.message)
    )
    assert answers[0] == 9
    assert answers[2] == 4
    assert isinstance(answers[1], UsageError)
    assert answers[1].hint == "Give another."
    assert sorted(word.split()[0] for word in heard) == ["2", "3"]
    assert str(os.getpid()) not in " ".join(heard)


def test_a_killed_worker_is_one_clear_error() -> None:
    (answer,) = run_in_processes(die, [1], progress=print)
    assert isinstance(answer, TflconvError)
    assert "killed from outside" in answer.message


def test_a_killed_worker_does_not_take_the_others_with_it() -> None:
    first, killed, *others = run_in_processes(die_if_negative, [1, -1, 2, 3], progress=print)
    assert isinstance(killed, TflconvError)
    assert [first, *others] == [1, 2, 3]


def test_no_more_workers_run_at_once_than_there_are_cores() -> None:
    edges: list[tuple[float, int]] = []

    def hear(event: Progress) -> None:
        edges.append((float(event.message), event.done))

    run_in_processes(linger, range((os.cpu_count() or 1) + 2), progress=hear)
    running = list(accumulate(step for _, step in sorted(edges)))
    assert max(running) <= (os.cpu_count() or 1)
    assert running[-1] == 0


def test_a_bug_in_a_worker_costs_its_item_and_is_reported_with_the_line_that_it_is_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TFLCONV_CACHE_DIR", str(tmp_path))
    bug, sound = run_in_processes(divide, [0, 2], progress=print)
    assert sound == 0.5
    assert isinstance(bug, Unexpected)
    assert bug.message == "unexpected ZeroDivisionError (division by zero)."
    assert "return 1 / number" in report_of(bug)


def report_of(bug: Unexpected) -> str:
    path = re.search(r"Please send (.+) to its maintainers", str(bug))
    assert path is not None
    return Path(path[1]).read_text()


JOB = """
import sys, time
from tflconv.core.progress import Progress
from tflconv.core.unexpected import Unexpected
from tflconv.core.workers import run_in_processes
def job(_item, progress):
    progress(Progress(stage="job", message="started"))
    while True:
        try:
            time.sleep(60)
        except KeyboardInterrupt:  # as the import of a large library may
            pass
if __name__ == "__main__":
    try:
        run_in_processes(job, [1], progress=lambda event: print(event.message, flush=True))
    except KeyboardInterrupt:
        sys.exit(130)
"""


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGKILL, -9)])
def test_no_worker_outlives_who_started_it(number: int, code: int, tmp_path: Path) -> None:
    (tmp_path / "job.py").write_text(JOB)
    run = subprocess.Popen(
        [sys.executable, tmp_path / "job.py"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert run.stdout is not None
    assert run.stdout.readline() == "started\n"
    if number == signal.SIGINT:
        os.killpg(run.pid, number)  # as a terminal does
    else:
        run.kill()
    _, stderr = run.communicate(timeout=20)  # until the worker, too, has closed its end
    assert run.returncode == code
    assert "Traceback" not in stderr
