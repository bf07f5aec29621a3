"""Files measured together are interleaved, and each sample keeps its block."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes import device as fake
from fakes.device import FakeDevice
from tflconv import pipeline, results
from tflconv.benchmark import BenchmarkConfig, Laboratory, bench, build, identify, schedule
from tflconv.benchmark.cooling import ALL_SECONDS, ROUND_SECONDS, Cooling
from tflconv.core.progress import silent
from tflconv.device import watching
from tflconv.device.interface import Completed, Heat
from tflconv.errors import DeviceError, TflconvError, UsageError
from tflconv.pipeline import interleaving
from tflconv.report import columns, method
from tflconv.results import BenchmarkRun, Block, Latency, Results, Schedule

MODELS = Path(__file__).parents[1] / "golden" / "models"
TINY, INT8 = MODELS / "tiny_float32.tflite", MODELS / "tiny_int8.tflite"


@pytest.fixture(autouse=True)
def no_compiler(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No harness is built: the fake device runs none."""
    program = tmp_path / "harness"
    program.write_bytes(b"harness")
    monkeypatch.setattr(build, "for_host", lambda: program)


@given(files=st.integers(1, 6), blocks=st.integers(1, 12), seed=st.integers(0, 2**32 - 1))
def test_every_round_has_every_file_once_and_is_followed_by_its_reverse(
    files: int, blocks: int, seed: int
) -> None:
    order = schedule.order(files, blocks, seed)
    rounds = [order[start : start + files] for start in range(0, len(order), files)]
    assert len(rounds) == blocks
    assert all(sorted(each) == list(range(files)) for each in rounds)
    pairs = itertools.zip_longest(rounds[::2], rounds[1::2])
    assert all(second is None or second == first[::-1] for first, second in pairs)
    assert order == schedule.order(files, blocks, seed)


def test_both_orders_of_two_files_come_up() -> None:
    firsts = Counter(schedule.order(2, 2, seed)[0] for seed in range(100))
    assert 30 < firsts[0] < 70


class Crowded(FakeDevice):
    """A computer on which other programs disturb the first process starts."""

    def __init__(self, disturbed: int = 0, **settings: Any) -> None:
        super().__init__(self._answer, kind="host", **settings)
        self.left = disturbed
        self.latencies: list[str] = []

    def _answer(self, flags: fake.Flags) -> list[dict[str, Any]]:
        lines = fake.ordinary(flags)
        if "run_frequency" in flags or flags.get("enable_op_profiling") or flags["num_runs"] == "1":
            return lines
        self.latencies.append(Path(flags["graph"]).stem)
        if self.left > 0:
            self.left -= 1
            slow = {"cpu_ns": 1_000_000}
            return [line | slow if line["type"] == "cpu" else line for line in lines]
        return lines


def together(device: Any, *files: Path, **settings: Any) -> list[BenchmarkRun | TflconvError]:
    config = BenchmarkConfig(**settings)
    laboratory = Laboratory(host=device)
    answers = interleaving.measure(files, device, config, laboratory, silent)

    def run(file: Path, answer: interleaving.Answer) -> BenchmarkRun | TflconvError:
        try:
            return bench(
                file, device, config, identity=identify(file), laboratory=laboratory,
                blocks=answer(),
            )  # fmt: skip
        except TflconvError as error:
            return error

    return list(itertools.starmap(run, zip(files, answers, strict=True)))


def test_two_files_are_measured_in_turns_and_keep_their_blocks() -> None:
    device = Crowded()
    first, second = together(device, TINY, INT8, blocks=4, profile_runs=0)
    assert isinstance(first, BenchmarkRun)
    assert isinstance(second, BenchmarkRun)
    expected = [(TINY, INT8)[number].stem for number in schedule.order(2, 4, seed=0)]
    assert device.latencies == expected
    assert first.schedule is not None
    assert second.schedule is not None
    assert first.schedule.id == second.schedule.id
    assert first.latency is not None
    assert len(first.latency.samples_ns) == 16
    assert [block.runs for block in first.schedule.blocks] == [4] * 4
    assert first.schedule.rounds == second.schedule.rounds == (0, 1, 2, 3)
    places = {block.place for run in (first.schedule, second.schedule) for block in run.blocks}
    assert places == set(range(8))
    assert first.cpu is not None
    assert first.cpu.ms_per_inference == pytest.approx(0.99)


def test_one_file_alone_has_blocks_too() -> None:
    run = bench(
        TINY, Crowded(), BenchmarkConfig(blocks=3), identity=identify(TINY), laboratory=None
    )
    assert run.schedule is not None
    assert [block.place for block in run.schedule.blocks] == [0, 1, 2]


def test_a_disturbed_block_is_measured_again_within_a_bound() -> None:
    device = Crowded(disturbed=1)
    (run,) = together(device, TINY, blocks=8)
    assert isinstance(run, BenchmarkRun)
    assert run.schedule is not None
    assert [block.attempts for block in run.schedule.blocks] == [2, *[1] * 7]
    assert run.schedule.blocks[0].percent_closed_loop == pytest.approx(99)
    hopeless = Crowded(disturbed=1000)
    (run,) = together(hopeless, TINY, blocks=8)
    assert len(hopeless.latencies) == 8 + 8 // schedule.RETRIES


def test_a_file_that_cannot_run_leaves_the_others_in_peace(tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.tflite"
    damaged.write_bytes(b"nothing")
    broken, sound = together(Crowded(), damaged, TINY, blocks=2)
    assert isinstance(broken, TflconvError)
    assert isinstance(sound, BenchmarkRun)


class Leaving(Crowded):
    """A device that is pulled off after some process starts."""

    def shell(self, argv: Any, *, timeout: float | None = None) -> Completed:
        if len(self.latencies) == 3:
            raise DeviceError("the cable was pulled.")
        return super().shell(argv, timeout=timeout)


def test_a_device_lost_in_the_middle_of_a_block_ends_the_schedule() -> None:
    device = Leaving()
    with pytest.raises(DeviceError, match="the cable was pulled"):
        together(device, TINY, INT8, blocks=4)
    assert len(device.latencies) == 3


@given(
    files=st.integers(1, 9),
    num_runs=st.integers(1, 1000),
    seconds=st.lists(st.floats(0.001, 1000), min_size=3, max_size=3).map(sorted),
)
def test_blocks_that_nobody_asked_for_take_no_more_runs_and_seconds(
    files: int, num_runs: int, seconds: list[float]
) -> None:
    warmup, least, most = seconds
    whole = BenchmarkConfig(
        num_runs=num_runs, warmup_min_secs=warmup, min_secs=least, max_secs=most
    )
    block = whole.in_blocks(files)
    assert block.blocks == (4 if files > 1 else 1)
    assert num_runs <= block.blocks * block.num_runs < num_runs + block.blocks
    for name in ("warmup_min_secs", "min_secs", "max_secs"):
        shared = block.blocks * getattr(block, name)
        assert shared == pytest.approx(getattr(whole, name)) or most < 0.004
    asked = replace(whole, blocks=7)
    assert asked.in_blocks(files) == asked


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[Crowded, Results]]:
    """``measured(*files, setting=...)`` measures on a fake computer as ``tflconv bench`` does."""

    def measure(*files: Path, **settings: Any) -> tuple[Crowded, Results]:
        device = Crowded()
        monkeypatch.setattr("tflconv.device.find", lambda *_, **__: device)
        config = BenchmarkConfig(**settings)
        found, failures = pipeline.bench(pipeline.BenchRequest(files=files, config=config))
        assert failures == []
        return device, found

    return measure


def test_several_files_take_turns_without_being_asked(
    measured: Callable[..., tuple[Crowded, Results]],
) -> None:
    device, found = measured(TINY, INT8)
    assert device.latencies == [(TINY, INT8)[n].stem for n in schedule.order(2, 4, seed=0)]
    schedules = [run.schedule for run in found.runs if run.schedule]
    assert [len(each.blocks) for each in schedules] == [4, 4]
    assert len({each.id for each in schedules}) == 1
    steady = [flags for flags in device.commands if flags.get("num_runs") == "13"]
    assert {(flags["min_secs"], flags["warmup_min_secs"]) for flags in steady} == {
        ("0.25", "0.125")
    }
    assert {run.config["blocks"] for run in found.runs} == {0}
    (group,) = columns.groups(found)
    assert method.conditions(group)["blocks"] == "4"
    assert any("Files took turns" in sentence for sentence in method.sentences(group))


def test_one_file_alone_is_one_process(measured: Callable[..., tuple[Crowded, Results]]) -> None:
    device, found = measured(TINY)
    assert device.latencies == [TINY.stem]
    assert found.runs[0].schedule is None
    (group,) = columns.groups(found)
    assert method.conditions(group)["blocks"] == "1"
    assert not any("turns" in sentence for sentence in method.sentences(group))
    _, found = measured(TINY, INT8, blocks=1)
    assert [run.schedule for run in found.runs] == [None, None]


def recorded(**changes: Any) -> BenchmarkRun:
    (run,) = together(Crowded(), TINY, blocks=2)
    assert isinstance(run, BenchmarkRun)
    return replace(run, **changes)


def test_a_results_file_keeps_the_blocks(tmp_path: Path) -> None:
    file = tmp_path / "results.json"
    run = recorded()
    Results(runs=(run,)).save(file)
    assert results.load(file).runs == (run,)


def test_a_file_from_before_there_were_blocks_is_read(tmp_path: Path) -> None:
    file = tmp_path / "results.json"
    text = results.exchange.to_text(Results(runs=(recorded(schedule=None),)))
    file.write_text(text.replace('"schedule": null', '"of_the_future": null'))
    assert results.load(file).runs[0].schedule is None


def test_blocks_and_samples_must_agree() -> None:
    block = Block(place=0, runs=2, cpu_ms=1.0, percent_closed_loop=99.0)
    with pytest.raises(UsageError, match="schedule must be of as many runs as there are samples"):
        recorded(
            latency=Latency(samples_ns=(1, 2, 3)),
            schedule=Schedule(id="x", files=1, seed=0, blocks=(block,)),
        )


class Warm(Crowded):
    """A phone that is hot for some questions after each round."""

    def __init__(self, heats: list[Heat]) -> None:
        super().__init__()
        self.heats = heats

    def heat(self) -> Heat:
        return self.heats.pop(0) if len(self.heats) > 1 else self.heats[0]


COOL, HOT, SLOW = (
    Heat(status=status, highest_mhz=mhz) for status, mhz in ((0, 2000), (2, 2000), (0, 1200))
)


@pytest.mark.parametrize("hot", [HOT, SLOW])
def test_a_hot_device_is_waited_for_until_it_is_as_cool_as_at_first(hot: Heat) -> None:
    slept = list[float]()
    cooling = Cooling(Warm([COOL, hot, hot, hot, COOL]), sleep=slept.append)
    cooling.wait()
    assert len(slept) == 3
    cooling.wait()
    assert len(slept) == 3


def test_what_stays_hot_is_waited_for_within_a_bound() -> None:
    slept = list[float]()
    cooling = Cooling(Warm([COOL, HOT]), sleep=slept.append)
    cooling.wait()
    assert sum(slept) == cooling.seconds == ROUND_SECONDS
    for _ in range(100):
        cooling.wait()
    assert sum(slept) == ALL_SECONDS


def test_each_round_begins_cool(monkeypatch: pytest.MonkeyPatch) -> None:
    slept = list[float]()
    monkeypatch.setattr("time.sleep", slept.append)
    device = Warm([COOL, HOT, COOL, COOL])
    assert all(isinstance(run, BenchmarkRun) for run in together(device, TINY, INT8, blocks=3))
    assert len(slept) == 1


def test_a_phone_tells_its_heat() -> None:
    said = "=== thermal\nThermal Status: 2\n=== limits\n" + "".join(
        f"/sys/devices/system/cpu/cpu{n}/cpufreq/scaling_max_freq:{khz}\n"
        for n, khz in enumerate((1_800_000, 2_400_000))
    )

    class Phone:
        folder = "/data/local/tmp"

        def script(self, text: str, *arguments: str) -> str:
            return said

    assert watching.heat(Phone()) == Heat(status=2, highest_mhz=2400)
