"""What becomes of the harness's lines, and what is measured where."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fakes import device as fake
from fakes.device import FakeDevice
from tflconv.benchmark import BenchmarkConfig, Laboratory, bench, build, testset
from tflconv.benchmark.testset import PackedSet
from tflconv.data import Split
from tflconv.device import watching
from tflconv.device.interface import Counted, Device, Watch
from tflconv.errors import DeviceError, TflconvError, UsageError
from tflconv.model.normalization import Normalization
from tflconv.results import (
    BenchmarkRun,
    Conditions,
    EmulatedInstructions,
    Instructions,
    MeasuredModel,
    Moment,
    SustainedSecond,
)

TINY = Path(__file__).parents[1] / "golden" / "models" / "tiny_float32.tflite"
IDENTITY = MeasuredModel(slug="tiny", name="tiny", recipe="fp32", sha256="0" * 64, bytes=1)
CLASSES = ("cat", "dog", "emu")
LABELS = (0, 1, 2, 0)


@pytest.fixture(autouse=True)
def no_compiler(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No harness is built: the fake device runs none."""
    program = tmp_path / "harness"
    program.write_bytes(b"harness")
    monkeypatch.setattr(build, "for_host", lambda: program)


@pytest.fixture
def pictures(tmp_path: Path) -> PackedSet:
    images = np.zeros((4, 8, 8, 1), np.uint8)
    ids = ("p0", "p1", "p2", "p3")
    split = Split(images=images, labels=np.array(LABELS, np.int64), ids=ids)
    return testset.pack(
        tmp_path / "set", split, Normalization(), dataset="zoo", classes=CLASSES, subset=True
    )


def measured(
    device: Any,
    pictures: PackedSet | None = None,
    laboratory: Laboratory | None = None,
    **settings: Any,
) -> BenchmarkRun:
    """A run of the tiny model; unless told otherwise host and emulated cores agree with it."""
    laboratory = laboratory or Laboratory(
        host=FakeDevice(kind="host"), find_core=lambda _: CountingDevice(kind="emulator")
    )
    config = BenchmarkConfig(**settings)
    return bench(TINY, device, config, identity=IDENTITY, test_set=pictures, laboratory=laboratory)


def test_each_figure_comes_from_a_process_of_its_own() -> None:
    device = FakeDevice(kind="host")
    run = measured(device, profile_runs=7, rate_hz=5.0)
    purposes = [
        (c.get("run_frequency"), c.get("enable_op_profiling"), c["num_runs"])
        for c in device.commands
    ]
    assert purposes == [
        (None, None, "50"), ("5.0", None, "1"), (None, None, "1"), (None, "true", "7"),
        (None, None, "1"),
    ]  # fmt: skip
    assert run.latency is not None
    assert run.latency.samples_ns == (1_000_000,) * 4
    assert run.latency.warmup_ns == (3_000_000,)
    assert run.cpu is not None
    assert run.cpu.ms_per_inference == pytest.approx(0.99)
    assert run.cpu.percent_closed_loop == pytest.approx(99)
    assert run.cpu.percent_at_rate == pytest.approx(10)
    assert run.memory is not None
    assert run.memory.peak_bytes == 4096
    assert run.graph is not None
    assert [(op.kind, op.delegate) for op in run.graph.ops] == [
        ("Convolution", "XNNPACK"),
        ("SOFTMAX", None),
    ]
    assert run.instructions == Instructions(total=100, source="perf_event")
    assert run.verdict == "clean"


def test_what_is_not_wanted_is_not_measured() -> None:
    device = FakeDevice(kind="host")
    run = measured(device, rate_hz=0, memory=False, profile_runs=0)
    assert len(device.commands) == 2  # latency, and whether outputs are numbers
    assert run.memory is None
    assert run.graph is None
    assert run.cpu is not None
    assert run.cpu.percent_at_rate is None


def test_instructions_that_may_not_be_counted_say_why() -> None:
    def forbidden(flags: fake.Flags) -> list[dict[str, Any]]:
        refusal = {"instructions": None, "why_not_counted": "perf_event_open: Permission denied"}
        return [line | refusal if line["type"] == "cpu" else line for line in fake.ordinary(flags)]

    run = measured(FakeDevice(forbidden, kind="host"))
    assert run.instructions is None
    assert "Permission denied" in str(run.conditions.instructions_not_counted)


def test_an_input_file_goes_to_the_device(tmp_path: Path) -> None:
    device = FakeDevice(kind="host")
    (tmp_path / "numbers").write_bytes(bytes(256))
    measured(device, input_file=str(tmp_path / "numbers"))
    assert {flags["input_file"] for flags in device.commands} == {"/fake/numbers"}
    with pytest.raises(UsageError, match="no input file /nowhere"):
        measured(device, input_file="/nowhere")


def test_cores_that_went_away_are_told() -> None:
    def other_cores(flags: fake.Flags) -> list[dict[str, Any]]:
        changed = {
            "init": {"cpu_mask": 0xC0, "cpu_mask_chosen_again": True},
            "end": {"cpu_mask_kept": False},
        }
        return [line | changed.get(line["type"], {}) for line in fake.ordinary(flags)]

    run = measured(FakeDevice(other_cores, kind="host"), cpu_mask="0xf00")
    assert run.conditions.cpu_mask == "0xc0"
    assert run.warnings[0].endswith("these were used: 6, 7")
    assert "went off" in run.warnings[1]


def test_a_sustained_run_becomes_a_time_series() -> None:
    def long(flags: fake.Flags) -> list[dict[str, Any]]:
        if "report_secs" not in flags:
            return fake.ordinary(flags)
        runs = [fake.samples(1_000_000, 3_000_000), fake.samples(4_000_000, at=10**9)]
        return [fake.HELLO, fake.INIT, *runs, fake.CPU, fake.MEMORY, fake.END]

    run = measured(FakeDevice(long, kind="host"), sustained_secs=2, duty_cycle=0.5)
    assert run.conditions.sustained == (
        SustainedSecond(at_s=0.0, runs=2, median_ms=2.0, mhz=(1000.0,)),
        SustainedSecond(at_s=1.0, runs=1, median_ms=4.0, mhz=(1000.0,)),
    )


class CountingDevice(FakeDevice):
    """An emulator: its time means nothing."""

    obstacle: str | None = None

    def count(self, argv: Sequence[str], *, timeout: float | None = None) -> Counted:
        counts = () if self.obstacle else (Instructions(total=9), Instructions(total=7, sdot=2))
        return Counted(
            completed=self.shell(argv, timeout=timeout), inferences=counts, obstacle=self.obstacle
        )


def test_an_emulator_counts_and_times_nothing() -> None:
    run = measured(CountingDevice(kind="emulator"))
    assert run.latency is None
    assert run.cpu is None
    assert run.instructions == Instructions(total=7, sdot=2)
    assert run.graph is not None
    assert run.graph.ops[0].mean_ns is None
    assert run.conditions.outputs_vs_host is not None
    assert run.conditions.outputs_vs_host.same_bits is True
    assert run.warnings == ()


def test_an_emulator_that_cannot_count_says_so_and_still_runs() -> None:
    device = CountingDevice(kind="emulator")
    device.obstacle = "this qemu has no plugins"
    run = measured(device)
    assert run.instructions is None
    assert run.warnings == ("this qemu has no plugins",)
    assert run.graph is not None


def test_outputs_are_compared_and_their_file_removed() -> None:
    there = np.array([0.5, 0, -0.25], np.float32).tobytes()
    device = FakeDevice(outputs=there)
    run = measured(device)
    compared = run.conditions.outputs_vs_host
    assert compared is not None
    assert (compared.same_bits, compared.max_difference) == (False, 0.5)
    assert "100 % of their range" in run.warnings[-1]
    assert len(device.removed) == 1


def test_an_emulator_counts_one_thread_whatever_the_others_do() -> None:
    device = CountingDevice(kind="emulator")
    measured(device, num_threads=4, profile_runs=0)
    assert [flags["num_threads"] for flags in device.commands] == ["1", "4"]


def test_a_phone_that_counts_is_compared_with_an_emulated_core() -> None:
    asked: list[str] = []

    def find(core: str) -> CountingDevice:
        asked.append(core)
        return CountingDevice(kind="emulator")

    laboratory = Laboratory(host=FakeDevice(kind="host"), find_core=find)
    run = measured(FakeDevice(), laboratory=laboratory)
    assert asked == ["cortex-a53"]
    assert run.instructions == Instructions(total=100, source="perf_event")
    assert run.conditions.instructions_emulated == EmulatedInstructions(
        core="cortex-a53", total=7, sdot=2
    )


def test_a_phone_that_counts_needs_no_emulator() -> None:
    def missing(core: str) -> Device:
        raise DeviceError("the arm64 sysroot is missing.", hint="Run: tflconv devices setup arm64")

    laboratory = Laboratory(host=FakeDevice(kind="host"), find_core=missing)
    run = measured(FakeDevice(), laboratory=laboratory)
    assert run.instructions == Instructions(total=100, source="perf_event")
    assert run.conditions.instructions_emulated is None
    assert "sysroot is missing. Run: tflconv devices setup arm64" in run.warnings[0]


class PhoneWithConditions(FakeDevice):
    """A phone that got hot."""

    @contextlib.contextmanager
    def conditions(self) -> Iterator[Watch]:
        watch = Watch()
        yield watch
        watch.conditions = Conditions(thermal_status=(0, 3))


def test_a_hot_phone_gets_its_verdict() -> None:
    run = measured(PhoneWithConditions())
    assert run.verdict == "throttled"
    assert run.conditions.thermal_status == (0, 3)


def test_a_talkative_phone_fills_every_condition(pictures: PackedSet) -> None:
    """What can be said at once is said; only ``other`` has no place in a run of this version."""

    def talkative(flags: fake.Flags) -> list[dict[str, Any]]:
        lines = answering({"cpu": (0, 1, 1, 0)})(flags)
        reason = {"why_not_counted": "of both kinds"}
        return [line | reason if line["type"] == "cpu" else line for line in lines]

    class Watched(FakeDevice):
        @contextlib.contextmanager
        def conditions(self) -> Iterator[Watch]:
            look = watching.read_snapshot(LOOK)
            clocks = [{0: 1800.0}]
            yield Watch(
                watching.with_observations(watching.request_outcomes({}), look, clocks, look)
            )

        @contextlib.contextmanager
        def looks(self) -> Iterator[list[Moment]]:
            yield [Moment(at_s=0, charge_uah=3_000_000)]

    host = FakeDevice(talkative, kind="host")
    laboratory = Laboratory(host=host, find_core=lambda _: CountingDevice(kind="emulator"))
    run = measured(Watched(talkative), pictures, laboratory, sustained_secs=1)
    names = {field.name for field in fields(Conditions)}
    assert set(run.conditions.to_json()) == names - {"other", "golden"}  # cells add the contract


LOOK = """\
=== battery
  USB powered: true
  level: 85
  temperature: 301
=== thermal
Thermal Status: 0
=== power
mWakefulness=Awake
=== saver
0
=== clocks
/cpu0/cpufreq/scaling_cur_freq:1800000
=== limits
/cpu0/cpufreq/cpuinfo_max_freq:2200000
=== governor
schedutil
=== online
0-7
=== allowed
Cpus_allowed_list:\t0-7
"""


def answering(predicted: Mapping[str, Sequence[int]], *, confirmed: bool = True) -> fake.Answer:
    """A harness that classifies the four pictures like this on each accelerator."""

    def answer(flags: fake.Flags) -> list[dict[str, Any]]:
        init = fake.INIT | {"on_accelerator": confirmed and flags["accelerator"] == "gpu"}
        if "test_set" not in flags:
            return [init if line["type"] == "init" else line for line in fake.ordinary(flags)]
        classes = predicted[flags["accelerator"]]
        line = fake.accuracy(*classes, labels=LABELS, classes=3)
        return [fake.HELLO, init, line, fake.MEMORY, fake.END]

    return answer


def test_accuracy_comes_with_its_classes(pictures: PackedSet) -> None:
    device = FakeDevice(answering({"cpu": (0, 1, 1, 0)}), kind="host")
    accuracy = measured(device, pictures).accuracy
    assert accuracy is not None
    assert (accuracy.correct, accuracy.total, accuracy.where) == (3, 4, "host")
    assert accuracy.per_class == {"cat": (2, 2), "dog": (1, 1), "emu": (0, 1)}
    assert accuracy.subset


def test_pictures_seen_otherwise_than_on_the_host_are_listed(pictures: PackedSet) -> None:
    host = FakeDevice(answering({"cpu": (0, 1, 2, 0)}), kind="host")
    laboratory = Laboratory(host=host, find_core=lambda _: CountingDevice(kind="emulator"))
    run = measured(FakeDevice(answering({"cpu": (0, 1, 1, 0)})), pictures, laboratory)
    assert run.accuracy is not None
    assert run.accuracy.where == "device"
    assert run.conditions.pictures_vs_host == ("p2: device says dog, host says emu, it is emu",)
    assert "1 of 4 pictures" in run.warnings[-1]


def test_a_gpu_that_agrees_on_real_pictures_is_believed(pictures: PackedSet) -> None:
    answer = answering({"gpu": (0, 1, 1, 0), "cpu": (0, 1, 1, 0)})
    run = measured(FakeDevice(answer, kind="host"), pictures, accelerator="gpu")
    assert run.latency is not None
    assert not any("GPU" in each for each in run.warnings)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (answering({"gpu": (0, 1, 1, 2), "cpu": (0, 1, 1, 0)}), "same class on only 75.0 %"),
        (answering({"gpu": (0, 1, 1, 0)}, confirmed=False), "does not confirm"),
    ],
)
def test_a_gpu_is_not_believed_otherwise(
    pictures: PackedSet, answer: fake.Answer, reason: str
) -> None:
    run = measured(FakeDevice(answer, kind="host"), pictures, accelerator="gpu")
    assert run.latency is None
    assert run.cpu is None
    assert reason in run.warnings[0]


def test_a_gpu_without_pictures_is_not_believed() -> None:
    run = measured(FakeDevice(kind="host"), accelerator="gpu")
    assert run.latency is None
    assert "--dataset" in run.warnings[0]


def test_without_an_accelerator_nothing_is_tried() -> None:
    device = FakeDevice(accelerators=())
    with pytest.raises(DeviceError, match="no GPU accelerator beside LiteRT") as caught:
        measured(device, accelerator="gpu")
    assert "--runtime" in str(caught.value)
    assert device.commands == []


def test_a_damaged_file_is_named_before_any_device_sees_it(tmp_path: Path) -> None:
    half = tmp_path / "half.tflite"
    half.write_bytes(TINY.read_bytes()[:1000])
    device = FakeDevice()
    with pytest.raises(TflconvError, match=r"half.tflite is damaged or cut short"):
        bench(half, device, BenchmarkConfig(), identity=IDENTITY)
    assert device.commands == []


def test_an_error_names_file_and_device() -> None:
    def crash(flags: fake.Flags) -> list[dict[str, Any]]:
        return [fake.HELLO]

    with pytest.raises(TflconvError, match=r"tiny_float32.tflite on adb:FAKE: .* SIGSEGV"):
        measured(FakeDevice(crash, returncode=139))
