"""Ctrl-C reaches what waits for a device, once; choices of programs are handed in."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path

import pytest

from tflconv import device
from tflconv.device.access import Cancellation
from tflconv.device.parallel import side_by_side
from tflconv.errors import DeviceError, UsageError


def test_a_request_is_heard_once() -> None:
    cancellation = Cancellation()
    cancellation.raise_if_requested()
    cancellation.request()
    with pytest.raises(KeyboardInterrupt):
        cancellation.raise_if_requested()
    cancellation.raise_if_requested()


def test_a_request_concerns_nobody_else() -> None:
    Cancellation().request()
    Cancellation().raise_if_requested()


def test_ctrl_c_stops_all_work_and_waits_until_it_is_tidied_up() -> None:
    tidied: list[str] = []
    working = threading.Barrier(3)

    def work(name: str, cancellation: Cancellation) -> None:
        working.wait(30)
        try:
            for _ in range(1000):
                cancellation.raise_if_requested()
                time.sleep(0.01)
        except KeyboardInterrupt:
            cancellation.raise_if_requested()  # a command of the clean-up is not stopped
            tidied.append(name)
            raise

    def press() -> None:
        working.wait(30)
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    threading.Thread(target=press).start()
    with pytest.raises(KeyboardInterrupt):
        side_by_side(work, ["one", "two"])
    assert sorted(tidied) == ["one", "two"]


@pytest.mark.parametrize("begins", [True, False])
def test_ctrl_c_while_a_thread_is_started_leaves_no_work_behind(
    begins: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    events: list[str] = []
    start = threading.Thread.start

    def interrupted(thread: threading.Thread) -> None:
        if begins:
            start(thread)
        raise KeyboardInterrupt

    def work(name: str, cancellation: Cancellation) -> None:
        events.append(f"{name} begins")
        try:
            while True:
                cancellation.raise_if_requested()
                time.sleep(0.01)
        finally:
            events.append(f"{name} ends")

    monkeypatch.setattr(threading.Thread, "start", interrupted)
    with pytest.raises(KeyboardInterrupt):
        side_by_side(work, ["one", "two"])
    assert events in ([], ["one begins", "one ends"])


def test_an_error_of_another_kind_is_raised_after_all_work_has_ended() -> None:
    ended: list[float] = []

    def work(delay: float, _: Cancellation) -> None:
        time.sleep(delay)
        ended.append(delay)
        if delay == 0.0:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        side_by_side(work, [0.0, 0.2])
    assert ended == [0.0, 0.2]


def test_answers_stand_at_the_places_of_their_items() -> None:
    def work(delay: float, _: Cancellation) -> float:
        time.sleep(delay)
        if delay == 0.1:
            raise DeviceError("lost")
        return delay

    slow, lost, quick = side_by_side(work, [0.2, 0.1, 0.0])
    assert (slow, quick) == (0.2, 0.0)
    assert isinstance(lost, DeviceError)
    assert side_by_side(work, []) == []


def test_an_adb_that_was_chosen_is_the_one_that_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ADB", str(tmp_path / "missing"))
    with pytest.raises(UsageError, match="--adb names 'nothing'"):
        device.find("adb:X", adb="nothing")
    with pytest.raises(UsageError, match=r"\$ADB names"):
        device.find("adb:X")
    assert os.environ["ADB"] == str(tmp_path / "missing")
