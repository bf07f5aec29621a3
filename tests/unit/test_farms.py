"""Phones of several people: side by side, one person at a time, each loss costs its own runs."""

from __future__ import annotations

import contextlib
import os
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes import device as fake
from fakes.device import FakeDevice
from tflconv.benchmark import build
from tflconv.benchmark.config import BenchmarkConfig
from tflconv.device import reserving
from tflconv.device.adb_choice import server_words
from tflconv.errors import DeviceError, UsageError
from tflconv.pipeline import BenchRequest
from tflconv.pipeline.measuring import bench

GOLDEN = Path(__file__).parents[1] / "golden" / "models"
FILES = (GOLDEN / "tiny_float32.tflite", GOLDEN / "tiny_int8.tflite")
SECONDS = 60
"""A limit that only a fault reaches."""


class Phone(FakeDevice):
    """A fake phone with a serial; as a host it is not compared with this computer."""

    def __init__(self, serial: str, answer: fake.Answer = fake.ordinary) -> None:
        super().__init__(answer, kind="host")
        self.id = f"adb:{serial}"
        self.reservations: list[str] = []

    @contextlib.contextmanager
    def reserved(self) -> Iterator[None]:
        self.reservations.append("taken")
        try:
            yield
        finally:
            self.reservations.append("left")


@pytest.fixture
def farm(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Mapping[str, Phone]]:
    """``farm(phones)`` makes them what ``device.find`` finds."""
    program = tmp_path / "harness"
    program.write_bytes(b"harness")
    monkeypatch.setattr(build, "for_host", lambda: program)

    def put(*phones: Phone) -> Mapping[str, Phone]:
        found = {phone.id: phone for phone in phones}
        monkeypatch.setattr("tflconv.device.find", lambda name, **_: found[name])
        return found

    return put


def measure(phones: Mapping[str, Phone], *files: Path) -> Any:
    config = BenchmarkConfig(rate_hz=0, profile_runs=0)
    return bench(BenchRequest(files=files or FILES, devices=tuple(phones), config=config))


def test_phones_are_measured_at_the_same_time(farm: Callable[..., Mapping[str, Phone]]) -> None:
    """Each waits until all are at work: one after the other would wait for ever."""
    together = threading.Barrier(4)

    def answer(flags: fake.Flags) -> list[dict[str, Any]]:
        together.wait(SECONDS)
        return fake.ordinary(flags)

    phones = farm(*(Phone(serial, answer) for serial in "abcd"))
    results, failures = measure(phones)
    assert failures == []
    assert len(results.runs) == 8


def test_a_lost_phone_costs_its_own_runs(farm: Callable[..., Mapping[str, Phone]]) -> None:
    calls: list[str] = []

    def lost(flags: fake.Flags) -> list[dict[str, Any]]:
        calls.append(flags["graph"])
        if len(calls) > 10:  # four blocks of each file, and memory and outputs of the first
            raise DeviceError("device 'b' was lost: closed.")
        return fake.ordinary(flags)

    phones = farm(Phone("a"), Phone("b", lost), Phone("c"))
    results, failures = measure(phones)
    measured = sorted((run.device.id, run.model.recipe) for run in results.runs)
    assert [device for device, _ in measured] == ["adb:a", "adb:a", "adb:b", "adb:c", "adb:c"]
    (failure,) = failures
    assert failure.error.exit_code == 3
    assert failure.cell.endswith("on adb:b")


def test_a_phone_lost_for_a_moment_costs_one_run(
    farm: Callable[..., Mapping[str, Phone]],
) -> None:
    calls: list[str] = []

    def lost(flags: fake.Flags) -> list[dict[str, Any]]:
        calls.append(flags["graph"])
        if len(calls) == 3:
            raise DeviceError("device 'a' was lost: closed.")
        return fake.ordinary(flags)

    phones = farm(Phone("a", lost))
    results, failures = measure(phones, *FILES, GOLDEN / "ops" / "relu.tflite")
    assert [failure.error.exit_code for failure in failures] == [3]
    first, second = results.runs
    assert first.schedule is not None
    assert second.schedule is not None
    assert first.schedule.id == second.schedule.id
    assert first.schedule.files == 2
    assert phones["adb:a"].reservations == ["taken", "left"] * 2


def test_a_phone_is_kept_while_it_is_measured_and_left_when_it_is_lost(
    farm: Callable[..., Mapping[str, Phone]],
) -> None:
    def lost(_: fake.Flags) -> list[dict[str, Any]]:
        raise DeviceError("device 'b' was lost: closed.")

    phones = farm(Phone("a"), Phone("b", lost))
    measure(phones)
    assert phones["adb:a"].reservations == ["taken", "left"]
    assert phones["adb:b"].reservations == ["taken", "left"] * 2


def test_a_phone_in_use_costs_its_own_runs(farm: Callable[..., Mapping[str, Phone]]) -> None:
    class Busy(Phone):
        @contextlib.contextmanager
        def reserved(self) -> Iterator[None]:
            raise DeviceError("adb:b is in use by ann at lab2, process 7, since 15:04 UTC.")
            yield

    phones = farm(Phone("a"), Busy("b"))
    results, failures = measure(phones)
    assert {run.device.id for run in results.runs} == {"adb:a"}
    assert {str(failure.error) for failure in failures} == {
        "adb:b is in use by ann at lab2, process 7, since 15:04 UTC."
    }


# The lock, by the lines of shell that a phone runs


@contextlib.contextmanager
def holder(
    folder: Path, name: str, path: str = os.environ["PATH"]
) -> Iterator[tuple[subprocess.Popen[str], list[str]]]:
    """A process that asks for the lock, and what it said until it was told."""
    command = ["sh", "-c", reserving.HOLD, str(folder), name]
    env = os.environ | {"PATH": path}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=env) as process:
        said: list[str] = []
        assert process.stdout is not None
        for line in process.stdout:
            said.append(line.strip())
            if said[-1] == reserving.AWAITED:
                break
        try:
            yield process, said[:-1]
        finally:
            process.kill()


def test_the_lock_has_one_holder_and_says_who(tmp_path: Path) -> None:
    with holder(tmp_path, "ann at lab1") as (_, said):
        assert said == ["=== taken"]
        with holder(tmp_path, "bob at lab2") as (_, other):
            assert other == ["=== held", "ann at lab1"]


def test_a_holder_that_was_killed_leaves_no_lock(tmp_path: Path) -> None:
    with holder(tmp_path, "ann") as (first, _):
        first.kill()
        first.wait()
        with holder(tmp_path, "bob") as (_, said):
            assert said == ["=== taken"]
    assert (tmp_path / "holder").read_text() == "bob\n"


def test_where_there_is_no_flock_nobody_waits(tmp_path: Path) -> None:
    (tmp_path / "flock").write_text("#!/bin/sh\nexit 127\n")
    (tmp_path / "flock").chmod(0o755)
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    with holder(tmp_path, "ann", path), holder(tmp_path, "bob", path) as (_, said):
        assert said == ["=== taken"]


class Told:
    """A phone whose program says ``text``."""

    id, folder = "adb:b", "/tmp"

    def __init__(self, text: str) -> None:
        self.text = text

    @contextlib.contextmanager
    def background(self, text: str, *arguments: str, awaited: str = "") -> Iterator[list[str]]:
        yield [self.text]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("=== held\nann at lab1\x1b[2J, process 7\n=== told\n", "in use by ann at lab1"),
        ("=== held\n=== told\n", "in use by another process"),
        ("", "did not answer"),
        ("sh: flock: bad\n", "did not answer"),
    ],
)
def test_a_phone_that_cannot_be_had_is_said_in_one_line(text: str, words: str) -> None:
    with pytest.raises(DeviceError, match=words) as error, reserving.hold(Told(text)):
        pytest.fail("it was had")
    assert error.value.exit_code == 3
    assert error.value.message.isprintable()


# Servers


@given(port=st.integers(1, 65535), host=st.sampled_from(["lab", "10.0.0.7", "phones.example.org"]))
def test_a_server_is_named_as_adb_takes_it(port: int, host: str) -> None:
    for text in (f"{host}:{port}", f"tcp:{host}:{port}"):
        assert server_words(text) == ["-H", host, "-P", str(port)]


@pytest.mark.parametrize(
    "text", ["", ":5037", "lab:0", "lab:65536", "lab:x", "-H", "a b:1", "[::1", "lab:1:2"]
)
def test_what_names_no_server_is_refused_before_anything_is_asked(text: str) -> None:
    with pytest.raises(UsageError, match="names no adb server"):
        BenchRequest(files=FILES, adb_servers=(text,))
