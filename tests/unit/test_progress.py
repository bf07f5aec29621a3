"""What a command says while it works: what is at work, what is done, and how much is left."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fakes import terminal
from tflconv.cli.tracking import Tracker
from tflconv.core.progress import Progress, State

GOLDEN = Path(__file__).parents[1] / "golden" / "models"
FLOAT, INT8 = GOLDEN / "tiny_float32.tflite", GOLDEN / "tiny_int8.tflite"


class Clock:
    """A clock that goes when it is told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def tracker(clock: Clock) -> Tracker:
    return Tracker(clock)


def told(tracker: Tracker, stage: str, message: str = "", **more: object) -> list[str]:
    """Tell of a stage; return the stages that it ended."""
    event = Progress(stage=stage, message=message, **more)  # type: ignore[arg-type]
    return [row.stage for row in tracker.take(event)]


def at_work(tracker: Tracker) -> list[str]:
    return [row.stage for row in tracker.rows]


def test_the_next_stage_ends_the_one_before(tracker: Tracker, clock: Clock) -> None:
    told(tracker, "open", "opening vit.keras")
    clock.now = 3.0
    (ended,) = tracker.take(Progress(stage="lower", message="tracing"))
    assert (ended.stage, ended.seconds(99.0)) == ("open", 3.0)
    assert at_work(tracker) == ["lower"]


def test_a_counted_part_stands_below_its_stage(tracker: Tracker) -> None:
    told(tracker, "convert", "converting to static_wi8_ai8")
    told(tracker, "calibrate", done=1, total=3)
    assert at_work(tracker) == ["convert", "calibrate"]
    assert told(tracker, "calibrate", done=3, total=3, state="done") == ["calibrate"]
    assert at_work(tracker) == ["convert"]
    assert told(tracker, "check", "comparing") == ["convert"]


def test_parts_follow_each_other(tracker: Tracker) -> None:
    told(tracker, "bench", "a.tflite on host")
    told(tracker, "latency", done=0, total=2)
    assert told(tracker, "memory", done=1, total=2) == ["latency"]
    assert told(tracker, "bench", state="done") == ["memory", "bench"]
    assert at_work(tracker) == []


def test_a_note_is_no_work(tracker: Tracker) -> None:
    told(tracker, "lower", "tracing")
    assert told(tracker, "rewrite", "rewritten by fold", state="note") == []
    assert at_work(tracker) == ["lower"]


def test_subjects_do_not_end_each_other(tracker: Tracker) -> None:
    told(tracker, "train", "starting", subject="vit")
    told(tracker, "train", "starting", subject="resnet")
    assert told(tracker, "verify", "comparing", subject="vit") == ["train"]
    assert at_work(tracker) == ["verify", "train"]


def test_the_time_left_is_that_of_the_pace_so_far(tracker: Tracker, clock: Clock) -> None:
    told(tracker, "qat", done=10, total=100)
    (row,) = tracker.rows
    assert row.seconds_left(0.0) is None
    clock.now = 20.0
    told(tracker, "qat", done=20, total=100)
    assert row.seconds_left(20.0) == pytest.approx(160.0)


def test_the_line_over_all_counts_jobs_and_is_honest(tracker: Tracker, clock: Clock) -> None:
    assert tracker.overall() is None
    tracker.take(Progress(stage="", jobs={"verify": 2, "bench": 2}))
    found = tracker.overall()
    assert found is not None
    assert (found.done, found.total, found.seconds_left) == (0, 4, None)
    clock.now = 10.0
    told(tracker, "verify", state="done", subject="vit")
    found = tracker.overall()
    assert found is not None
    assert (found.done, found.seconds_left, found.is_least) == (1, 10.0, True)
    clock.now = 12.0
    told(tracker, "bench", state="failed", subject="host")
    found = tracker.overall()
    assert found is not None
    assert (found.done, found.is_least) == (2, False)


def test_what_is_kept_from_before_says_nothing_about_the_rest(
    tracker: Tracker, clock: Clock
) -> None:
    tracker.take(Progress(stage="", jobs={"bench": 3}))
    clock.now = 0.1
    told(tracker, "bench", state="done")
    found = tracker.overall()
    assert found is not None
    assert (found.done, found.seconds_left) == (1, None)


@pytest.mark.parametrize("state", ["done", "failed"])
def test_stages_that_nobody_announced_are_no_jobs(tracker: Tracker, state: State) -> None:
    told(tracker, "verify", done=5, total=5, state=state)
    assert tracker.overall() is None
    assert at_work(tracker) == []


WAITING = """
import ctypes
from tflconv.cli.console import showing
from tflconv.core.progress import Progress
with showing() as progress:
    progress(Progress(stage="convert", message="converting to fp16"))
    progress(Progress(stage="qat", done=1, total=9, unit="steps"))
    ctypes.PyDLL(None).getchar()  # native code that holds the lock of Python, as TensorFlow does
"""


def test_the_lines_live_while_native_code_blocks_python() -> None:
    """The stage ends only when the terminal has seen several pictures of the spinner."""
    seen = terminal.run(
        [sys.executable, "-c", WAITING], until=lambda text: len(set("⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏") & set(text)) > 4
    )
    assert seen.code == 0, seen.text
    assert "converting to fp16" in seen.text
    assert "1 of 9 steps" in seen.text
    assert "✓ converting to fp16" in seen.text


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("pictures")
    draw = np.random.default_rng(0)
    for name in ("zero", "one", "two"):
        (found / name).mkdir()
        for number in range(20):
            pixels = draw.integers(0, 256, (8, 8), np.uint8)
            Image.fromarray(pixels).save(found / name / f"{number}.png")
    return found


def verifying(folder: Path, *more: str) -> list[str]:
    words = ["verify", str(FLOAT), str(INT8), "--dataset", str(folder), *more]
    return [sys.executable, "-m", "tflconv", *words]


def test_a_terminal_keeps_what_is_done_and_says_what_comes_next(folder: Path) -> None:
    seen = terminal.run(verifying(folder))
    assert seen.code == 0, seen.text
    assert f"✓ classifying {FLOAT.name}" in seen.text
    assert f"✓ classifying {INT8.name}" in seen.text
    assert f"Next: tflconv bench {INT8}" in seen.text.replace("\n", "")


@pytest.mark.parametrize(
    ("option", "shown"),
    [("--quiet", ""), ("--no-progress", f"comparing {INT8.name}"), ("--verbose", "✓ ")],
)
def test_how_much_is_told_can_be_chosen(option: str, shown: str, folder: Path) -> None:
    text = terminal.run(verifying(folder, option)).text
    assert "agreement" in text
    assert shown in text
    assert ("✓" in text) == (option == "--verbose")
    assert ("Next:" in text) == (option != "--quiet")


def test_a_log_has_plain_lines(folder: Path) -> None:
    run = subprocess.run(verifying(folder), capture_output=True, text=True)
    lines = [line for line in run.stderr.splitlines() if not line.startswith("Warning:")]
    assert lines == [f"comparing {INT8.name}"]
    assert "agreement" in run.stdout
    quiet = subprocess.run(verifying(folder, "-q"), capture_output=True, text=True)
    assert quiet.stdout == run.stdout
    assert all(line.startswith("Warning:") for line in quiet.stderr.splitlines())


def test_a_log_with_times(folder: Path) -> None:
    run = subprocess.run(verifying(folder, "-v"), capture_output=True, text=True)
    lines = run.stderr.splitlines()
    assert lines[0].endswith(f" s  comparing {INT8.name}")
    assert any(f"{INT8.name} verify done in " in line for line in lines)
