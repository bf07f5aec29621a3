"""A device is prepared once, however many files are measured on it and whatever stands beside."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fakes import device as fake
from fakes.device import FakeDevice
from tflconv.benchmark import BenchmarkConfig, Laboratory, bench, build, identify, outline, testset
from tflconv.benchmark.testset import PackedSet
from tflconv.data import Split
from tflconv.device.interface import Counted, Device, Runtime
from tflconv.errors import DeviceError
from tflconv.model.normalization import Normalization
from tflconv.pipeline import study
from tflconv.pipeline.plan import Plan
from tflconv.pipeline.plan_parts import ModelPlan
from tflconv.pipeline.prepared import Candidate, Prepared
from tflconv.results import Accuracy, Instructions

GOLDEN = Path(__file__).parents[1] / "golden" / "models"
FILES = [GOLDEN / "tiny_float32.tflite", GOLDEN / "tiny_int8.tflite"]
CONFIG = BenchmarkConfig()
HARNESS = "harness"


@pytest.fixture(autouse=True)
def program(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """No harness is built: the fake devices run none."""
    path = tmp_path / HARNESS
    path.write_bytes(b"harness")
    monkeypatch.setattr(build, "for_host", lambda: path)
    return path


@pytest.fixture
def pictures(tmp_path: Path) -> PackedSet:
    images = np.zeros((2, 8, 8, 1), np.uint8)
    split = Split(images=images, labels=np.array([0, 1], np.int64), ids=("p0", "p1"))
    classes = ("cat", "dog", "emu")
    return testset.pack(tmp_path / "set", split, Normalization(), dataset="zoo", classes=classes)


def classifying(flags: fake.Flags) -> list[dict[str, Any]]:
    if "test_set" not in flags:
        return fake.ordinary(flags)
    line = fake.accuracy(0, 1, labels=(0, 1), classes=3)
    return [fake.HELLO, fake.INIT, line, fake.MEMORY, fake.END]


class Core(FakeDevice):
    """An emulated core."""

    def count(self, argv: Sequence[str], *, timeout: float | None = None) -> Counted:
        completed = self.shell(argv, timeout=timeout)
        return Counted(completed=completed, inferences=(Instructions(total=7),))


def installs(device: FakeDevice) -> tuple[int, int]:
    """How often LiteRT was brought to ``device``, and how often the harness."""
    return device.installed, device.pushed.count(HARNESS)


def test_a_bench_alone_prepares_its_device_once() -> None:
    host = FakeDevice(kind="host")
    bench(FILES[0], host, CONFIG, identity=identify(FILES[0]))
    assert installs(host) == (1, 1)


def test_outlines_and_runs_of_many_files_share_one_preparation() -> None:
    host, laboratory = FakeDevice(kind="host"), Laboratory()
    for file in FILES:
        outline(host, CONFIG, identity=identify(file), laboratory=laboratory)
        bench(file, host, CONFIG, identity=identify(file), laboratory=laboratory)
    assert installs(host) == (1, 1)


def test_a_phone_its_host_and_its_core_are_prepared_once_each(pictures: PackedSet) -> None:
    phone, host = FakeDevice(classifying), FakeDevice(classifying, kind="host")
    core, asked = Core(kind="emulator"), list[str]()

    def find_core(name: str) -> Device:
        asked.append(name)
        return core

    laboratory = Laboratory(host=host, find_core=find_core)
    for file in FILES:
        about = {"identity": identify(file), "test_set": pictures, "laboratory": laboratory}
        run = bench(file, phone, CONFIG, **about)
        assert run.conditions.instructions_emulated is not None
        assert run.conditions.outputs_vs_host is not None
        assert run.accuracy is not None
    assert [installs(device) for device in (phone, host, core)] == [(1, 1)] * 3
    assert asked == ["cortex-a53"]


def test_the_cells_of_a_study_share_one_preparation(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    host = FakeDevice(kind="host")
    accuracy = Accuracy(dataset="zoo", correct=1, total=2)
    candidates = tuple(
        Candidate(model=identify(file), path=file, accuracy=accuracy) for file in FILES
    )
    prepared = Prepared(candidates=candidates, failures=())
    monkeypatch.setattr(study, "run_in_processes", lambda *_, **__: [prepared])
    monkeypatch.setattr("tflconv.device.find", lambda *_, **__: host)
    plan = Plan(
        name="p", dataset="mnist-sample", models=(ModelPlan(model="vit"),), recipes=("fp32",)
    )
    outcome = study.run(plan, tmp_path / "study")
    assert len(outcome.results.runs) == 2
    assert installs(host) == (2, 1), "the plan was checked before anything is trained"


def test_a_session_runs_on_the_device_that_it_was_asked_for() -> None:
    """A phone that was connected again is another object with the same id."""
    laboratory = Laboratory()
    before, after = FakeDevice(), FakeDevice()
    laboratory.harness(before)
    laboratory.session(FILES[0], after, CONFIG).latency()
    assert (len(before.commands), len(after.commands)) == (0, 1)
    assert installs(after) == (0, 0)


def test_devices_of_other_names_are_prepared_for_themselves() -> None:
    laboratory, first, second = Laboratory(), FakeDevice(), FakeDevice()
    second.id = "adb:OTHER"
    assert laboratory.harness(first).device is first
    assert laboratory.harness(second).device is second
    assert (installs(first), installs(second)) == ((1, 1), (1, 1))


def test_a_preparation_that_failed_is_tried_again() -> None:
    class Shy(FakeDevice):
        def runtime(self) -> Runtime:
            runtime = super().runtime()
            if self.installed == 1:
                raise DeviceError("lost")
            return runtime

    laboratory, phone = Laboratory(), Shy()
    with pytest.raises(DeviceError, match="lost"):
        laboratory.harness(phone)
    assert laboratory.harness(phone).device is phone


def test_threads_wait_for_the_same_device_and_not_for_each_others() -> None:
    """The slow one is being prepared by two threads while the quick one is done."""
    reached, free = threading.Event(), threading.Event()

    class Slow(FakeDevice):
        def runtime(self) -> Runtime:
            reached.set()
            assert free.wait(30)
            return super().runtime()

    laboratory, slow, quick = Laboratory(), Slow(), FakeDevice(kind="host")
    with ThreadPoolExecutor(2) as pool:
        waiting = [pool.submit(laboratory.harness, slow) for _ in range(2)]
        assert reached.wait(30)
        laboratory.harness(quick)
        free.set()
        assert {each.result().path for each in waiting} == {"/fake/harness"}
    assert installs(slow) == (1, 1)


def test_laboratories_share_nothing() -> None:
    host = FakeDevice(kind="host")
    for _ in range(2):
        Laboratory().harness(host)
    assert installs(host) == (2, 2)
