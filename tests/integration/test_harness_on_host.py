"""The real harness and the real LiteRT on this computer, and everything that can go wrong there."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tflconv.benchmark import BenchmarkConfig, bench, build, harness, testset
from tflconv.benchmark.session import Session
from tflconv.core import resources
from tflconv.data import Split
from tflconv.device import compiler
from tflconv.device.host import Host
from tflconv.device.interface import Runtime
from tflconv.errors import DeviceError, TflconvError
from tflconv.model.interpreter import Interpreter
from tflconv.model.normalization import Normalization
from tflconv.results import BenchmarkRun, MeasuredModel

GOLDEN = Path(__file__).parents[1] / "golden" / "models"
TINY = GOLDEN / "tiny_float32.tflite"
QUICK = BenchmarkConfig(
    num_runs=20, min_secs=0.0, warmup_min_secs=0.0, rate_secs=0.2, rate_hz=50.0, profile_runs=3
)
IDENTITY = MeasuredModel(slug="tiny", name="tiny", recipe="fp32", sha256="0" * 64, bytes=1)


def measured(model: Path, config: BenchmarkConfig = QUICK) -> BenchmarkRun:
    return bench(model, Host(), config, identity=IDENTITY)


def test_everything_that_the_table_shows_is_measured() -> None:
    run = measured(TINY)
    assert run.latency is not None
    assert len(run.latency.samples_ns) == 20
    assert run.latency.init_ns
    assert run.latency.first_inference_ns
    assert run.cpu is not None
    assert run.cpu.rate_hz == 50
    assert run.cpu.percent_at_rate is not None
    assert 0 < run.cpu.percent_at_rate < 50
    assert run.memory is not None
    assert 1 << 20 < run.memory.peak_bytes < 1 << 27
    assert run.runtime is not None
    assert run.harness is not None


def test_a_model_of_a_microsecond_does_not_fill_the_memory() -> None:
    run = measured(TINY, replace(QUICK, num_runs=5, min_secs=30.0))
    assert run.latency is not None
    assert len(run.latency.samples_ns) == 20_000
    asked = measured(TINY, replace(QUICK, num_runs=20_010, min_secs=30.0))
    assert asked.latency is not None
    assert len(asked.latency.samples_ns) == 20_010


def test_the_profile_says_who_executes_what() -> None:
    float_graph, int8_graph = (
        measured(GOLDEN / name).graph for name in ("tiny_float32.tflite", "tiny_int8.tflite")
    )
    assert float_graph is not None
    assert int8_graph is not None
    assert (float_graph.delegated, float_graph.partitions) == (float_graph.nodes, 1)
    assert int8_graph.delegated == int8_graph.nodes - 1  # the softmax
    assert [op.kind for op in int8_graph.ops if op.delegate is None] == ["SOFTMAX"]


@pytest.mark.parametrize("name", ["tiny_float32.tflite", "tiny_int8.tflite"])
def test_accuracy_is_what_the_python_interpreter_finds(name: str, tmp_path: Path) -> None:
    random = np.random.default_rng(5)
    images = random.integers(0, 256, (64, 8, 8, 1), np.uint8)
    labels = random.integers(0, 3, 64)
    split = Split(images=images, labels=labels, ids=tuple(map(str, range(64))))
    packed = testset.pack(
        tmp_path / "set", split, Normalization(), dataset="noise", classes=("0", "1", "2")
    )
    run = bench(GOLDEN / name, Host(), QUICK, identity=IDENTITY, test_set=packed)
    predicted = Interpreter(GOLDEN / name).predict(images).argmax(axis=1)
    assert run.accuracy is not None
    assert run.accuracy.correct == int((predicted == labels).sum())
    for label in range(3):
        mine = labels == label
        expected = (int((predicted[mine] == label).sum()), int(mine.sum()))
        assert run.accuracy.per_class[str(label)] == expected


def test_fixed_numbers_give_fixed_bits(tmp_path: Path) -> None:
    installed = harness.install(Host())
    raw = np.linspace(0, 1, 64, dtype=np.float32)
    (tmp_path / "input").write_bytes(raw.tobytes())
    argv = installed.argv(
        graph=TINY, num_runs=1, min_secs=0, warmup_min_secs=0, input_file=tmp_path / "input",
        output_filepath=tmp_path / "output",
    )  # fmt: skip
    said = installed.run(argv, subject="tiny", timeout=30)
    outputs = np.frombuffer((tmp_path / "output").read_bytes(), np.float32)
    expected = Interpreter(TINY).predict(raw.reshape(1, 8, 8, 1))
    np.testing.assert_allclose(outputs, expected[0], atol=1e-6)
    again = installed.run(argv, subject="tiny", timeout=30)
    assert said.init.output_digest == again.init.output_digest


def test_a_wrong_input_file_is_named(tmp_path: Path) -> None:
    installed = harness.install(Host())
    (tmp_path / "short").write_bytes(bytes(12))
    argv = installed.argv(graph=TINY, input_file=tmp_path / "short")
    with pytest.raises(
        TflconvError, match=r"short: the model's inputs take 256 bytes. Received: 12"
    ):
        installed.run(argv, subject="tiny", timeout=30)


def test_a_sustained_run_reports_as_it_goes() -> None:
    run = measured(TINY, replace(QUICK, sustained_secs=2.5, duty_cycle=0.5))
    series = run.conditions.sustained
    assert series is not None
    assert 2 <= len(series) <= 3  # a busy computer may oversleep one
    assert series[1].at_s >= 1


class WithRuntime(Host):
    """The host with another library in LiteRT's place."""

    def __init__(self, library: Path) -> None:
        super().__init__()
        object.__setattr__(self, "library", library)

    def runtime(self) -> Runtime:
        library: Path = self.__dict__["library"]
        return replace(super().runtime(), path=str(library))


@pytest.fixture(scope="module")
def fakes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The fake runtimes of the harness's own tests."""
    folder = tmp_path_factory.mktemp("fakes")
    sources = resources.harness_dir()
    command = compiler.find()
    assert command is not None
    for name in ("fake_litert", "old_litert"):
        flags = ["-D_GNU_SOURCE", "-shared", "-fPIC", f"-I{sources / 'src'}"]
        output = ["-o", str(folder / f"{name}.so"), str(sources / "tests" / f"{name}.c")]
        build.run([*command, *flags, *output])
    return folder


def test_a_runtime_that_crashes_is_one_message(
    fakes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_LITERT", "crash")
    device = WithRuntime(fakes / "fake_litert.so")
    with pytest.raises(TflconvError, match=r"tiny_float32.tflite on host: .* ended by SIGABRT"):
        bench(TINY, device, QUICK, identity=IDENTITY)


def test_a_runtime_that_hangs_is_given_up(fakes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_LITERT", "hang")
    device = WithRuntime(fakes / "fake_litert.so")
    config = replace(QUICK, timeout=1, max_secs=0.5)
    with pytest.raises(
        TflconvError, match=r"tiny_float32.tflite on host: it did not end within 1.5 s"
    ):
        bench(TINY, device, config, identity=IDENTITY)


def test_an_old_runtime_is_refused(fakes: Path) -> None:
    with pytest.raises(DeviceError, match=r"is older than LiteRT 2.1.6"):
        bench(TINY, WithRuntime(fakes / "old_litert.so"), QUICK, identity=IDENTITY)


def test_a_missing_runtime_is_named(tmp_path: Path) -> None:
    with pytest.raises(DeviceError, match="cannot load the LiteRT runtime"):
        bench(TINY, WithRuntime(tmp_path / "none.so"), QUICK, identity=IDENTITY)


def test_output_on_a_full_disk_is_an_error() -> None:
    installed = harness.install(Host())
    argv = installed.argv(graph=TINY, num_runs=1, min_secs=0, warmup_min_secs=0)
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(argv, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 14
    assert "cannot write to stdout: No space left on device" in done.stderr


def test_without_any_compiler_the_message_says_how_to_get_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CC", raising=False)
    monkeypatch.setattr(compiler, "has_zig", lambda: False)
    with pytest.raises(TflconvError, match="no C compiler") as caught:
        measured(TINY)
    assert "pip install" in str(caught.value)


def test_ziglang_builds_the_harness_where_there_is_no_compiler(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, require: object
) -> None:
    assert callable(require)
    require("ziglang", compiler.has_zig(), "the package ziglang is not installed")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CC", raising=False)
    monkeypatch.setenv("TFLCONV_CACHE_DIR", str(tmp_path))
    run = measured(TINY)
    assert run.latency is not None
    assert len(list(tmp_path.glob("harness/*/harness"))) == 1


def test_a_harness_is_built_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TFLCONV_CACHE_DIR", str(tmp_path))
    first = harness.binary(Host().info().abi)
    changed = first.stat().st_mtime_ns
    assert harness.binary(Host().info().abi) == first
    assert first.stat().st_mtime_ns == changed


def test_the_command_line_prints_a_table_and_writes_results(tmp_path: Path) -> None:
    target = tmp_path / "results.json"
    command = [sys.executable, "-m", "tflconv", "bench", str(TINY), "--num-runs", "5"]
    quick = ["--min-secs", "0", "--warmup-min-secs", "0", "--rate-hz", "0"]
    done = subprocess.run(
        [*command, *quick, "--export-json", str(target)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "tiny" in done.stdout
    (run,) = json.loads(target.read_text())["runs"]
    assert len(run["latency"]["samples_ns"]) == 5
    assert run["model"]["name"] == "tiny"


def test_the_command_line_ends_with_the_right_code(tmp_path: Path) -> None:
    broken = tmp_path / "broken.tflite"
    shutil.copy(TINY, broken)
    broken.write_bytes(broken.read_bytes()[:800])
    for arguments, code in (([str(broken)], 1), ([str(TINY), "--device", "moon"], 2)):
        command = [sys.executable, "-m", "tflconv", "bench", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == code
        assert "Traceback" not in done.stderr


COUNTED = """
import sys
import tempfile
opened = []
def note(event, arguments):
    if event == "open" and str(arguments[0]).endswith("libLiteRt.so"):
        opened.append(arguments[0])
sys.addaudithook(note)
from tflconv.cli import main
try:
    main(["bench", *sys.argv[1:], "--num-runs=2", "--min-secs=0", "--warmup-min-secs=0"])
finally:
    print(len(opened), "times opened", file=sys.stderr)
"""


def test_the_library_is_hashed_once_for_all_files() -> None:
    files = [str(TINY), str(GOLDEN / "tiny_int8.tflite")]
    command = [sys.executable, "-c", COUNTED, *files, "--rate-hz=0", "--profile-runs=2"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr.splitlines()[-1] == "1 times opened"


def test_a_harness_that_was_changed_in_the_cache_is_built_again_and_never_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TFLCONV_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    built = build.for_host().read_bytes()
    for harm in (b"", b"#!/bin/sh\ntouch ran\n"):
        build.for_host().write_bytes(harm)
        assert harness.install(Host()).device.shell([str(build.for_host()), "--help"]).stdout
        assert build.for_host().read_bytes() == built
    assert not (tmp_path / "ran").exists()


def test_what_the_harness_writes_here_is_gone_afterwards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TFLCONV_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    session = Session(harness.install(Host()), TINY, str(TINY), QUICK)
    assert session.outputs()[1]
    assert os.listdir(tmp_path) == ["cache"]
    assert sorted(path.name for path in (tmp_path / "cache").rglob("*") if path.is_file()) == [
        "harness",
        "manifest.json",
    ]
