"""``tflconv.bench``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from tflconv import data, pipeline
from tflconv.benchmark import BenchmarkConfig
from tflconv.benchmark.config import Precision
from tflconv.core import given
from tflconv.core.given import AnyPath
from tflconv.core.parameters import suggests_parameters
from tflconv.core.progress import Callback, silent
from tflconv.model.pictures import Resize
from tflconv.pipeline.measuring import results_of
from tflconv.results import Results

_BENCH = BenchmarkConfig()


@suggests_parameters
def bench(
    files: AnyPath | Iterable[AnyPath],
    devices: str | Sequence[str] = "host",
    *,
    dataset: AnyPath | Any = None,
    pictures: int | None = None,
    reference: AnyPath | None = None,
    normalize: str | None = None,
    resize: Resize | None = None,
    labels: AnyPath | Sequence[str] | None = None,
    blocks: int = _BENCH.blocks,
    num_runs: int = _BENCH.num_runs,
    min_secs: float = _BENCH.min_secs,
    max_secs: float = _BENCH.max_secs,
    run_delay: float = _BENCH.run_delay,
    warmup_runs: int = _BENCH.warmup_runs,
    warmup_min_secs: float = _BENCH.warmup_min_secs,
    num_threads: int = _BENCH.num_threads,
    cpu_mask: str = _BENCH.cpu_mask,
    use_gpu: bool = False,
    precision: Precision = _BENCH.precision,
    memory: bool = _BENCH.memory,
    weight_cache: bool = _BENCH.weight_cache,
    rate_hz: float = _BENCH.rate_hz,
    rate_secs: float = _BENCH.rate_secs,
    profile_runs: int = _BENCH.profile_runs,
    sustained_secs: float = _BENCH.sustained_secs,
    duty_cycle: float = _BENCH.duty_cycle,
    burst_secs: float = _BENCH.burst_secs,
    input_file: AnyPath = _BENCH.input_file,
    seed: int = _BENCH.seed,
    timeout: float = _BENCH.timeout,
    adb: str | None = None,
    adb_servers: str | Sequence[str] = (),
    runtime: AnyPath | None = None,
    history: AnyPath | None = None,
    golden: AnyPath | None = None,
    record: AnyPath | None = None,
    again: bool = False,
    progress: Callback = silent,
) -> Results:
    """Measure files on devices; the float file of a model is the baseline of its others.

    A device or file that fails does not stop the others: its error is raised at the end, unless
    something was measured, when it is a warning.

    Args:
        files: One ``.tflite`` file or several.
        devices: ``host``, ``arm64:CORE`` or ``adb:SERIAL``, one or several.
        dataset: Measure accuracy on its test split, on the device; or on samples of your own, as
            ``verify`` takes them, if they are uint8 pictures with one class each.
        pictures: Number of test pictures, drawn by class; by default all.
        reference: Compare each file with this model on the test split, on this computer instead.
        normalize: How pixels become inputs, where a file does not say it.
        resize: How pictures are brought to the size of the model.
        labels: Names of the outputs, in their order, or a file with one per line.
        blocks: Process starts per file, interleaved with those of the other files; ``compare``
            needs 20. Runs and seconds are those of one block; 0 shares them among four where there
            are several files, and leaves a file alone one.
        num_runs: Runs at least.
        min_secs: Seconds of runs at least; 20 000 runs end them sooner.
        max_secs: Seconds of runs at most.
        run_delay: Seconds of rest after each run.
        warmup_runs: Warmup runs at least.
        warmup_min_secs: Seconds of warmup runs at least.
        num_threads: Threads that LiteRT may use.
        cpu_mask: CPU cores: ``big``, ``all`` or hex; empty leaves it to the system.
        use_gpu: Run on the GPU; needs ``dataset``, by which its answers are checked.
        precision: ``fp32``, or ``fp16`` for half precision in place of floats.
        memory: Measure peak memory in a process of its own.
        weight_cache: Measure start-up and memory with XNNPACK's weight cache and without, too.
        rate_hz: Inferences per second at which CPU use is measured; 0 leaves that out.
        rate_secs: Seconds at that rate.
        profile_runs: Runs under the profiler of ops; 0 leaves that out.
        sustained_secs: Seconds of a sustained run with a time series, after the others.
        duty_cycle: Share of the time that the sustained run is at work.
        burst_secs: Seconds of work in a row before it rests, for as long as ``duty_cycle`` asks; 0
            rests after each run.
        input_file: Raw bytes of all inputs, instead of numbers drawn from ``seed``.
        seed: Seed of the numbers that go into the model.
        timeout: Seconds beyond its expected time after which a process is ended.
        adb: The adb program; by default that of ``$ADB`` or the path.
        adb_servers: adb servers as ``HOST:PORT``, one or several; by default that of
            ``$ADB_SERVER_SOCKET``, else this computer's.
        runtime: LiteRT for a phone: its ``.aar`` or ``libLiteRt.so`` for arm64.
        history: A history that each run is kept in, too; by default that of
            ``$TFLCONV_HISTORY``, or the user's own; ``off`` keeps none.
        golden: A golden contract (``convert(..., golden=8)``) whose exact inputs are run on each
            device; other outputs than it allows are an error.
        record: A results file that is written after each run; what stands in it is not repeated.
        again: Measure it again all the same.
        progress: Is told which file is being measured.

    Returns:
        One run per file and device, with raw samples.

    Raises:
        DeviceError: Nothing could be measured.
        UsageError: A file, the pictures or a setting do not fit.

    Example:
        >>> results = bench(["models/mobilenet_v2-mnist-sample-static_wi8_ai8.tflite"], num_runs=10)
        >>> results.runs[0].device.id
        'host'
    """
    config = BenchmarkConfig(
        blocks=blocks,
        num_runs=num_runs,
        min_secs=min_secs,
        max_secs=max_secs,
        run_delay=run_delay,
        warmup_runs=warmup_runs,
        warmup_min_secs=warmup_min_secs,
        num_threads=num_threads,
        cpu_mask=cpu_mask,
        accelerator="gpu" if use_gpu else "cpu",
        precision=precision,
        memory=memory,
        weight_cache=weight_cache,
        rate_hz=rate_hz,
        rate_secs=rate_secs,
        profile_runs=profile_runs,
        sustained_secs=sustained_secs,
        duty_cycle=duty_cycle,
        burst_secs=burst_secs,
        input_file=str(input_file),
        seed=seed,
        timeout=timeout,
    )
    request = pipeline.BenchRequest(
        files=given.paths(files, "files"),
        devices=given.names(devices, "devices"),
        config=config,
        dataset=given.source(dataset),
        pictures=pictures,
        reference=given.path(reference),
        normalize=normalize,
        resize=resize,
        labels=data.named_labels(labels),
        adb=adb,
        adb_servers=given.names(adb_servers, "adb_servers"),
        runtime=given.path(runtime),
        history=given.path(history),
        golden=given.path(golden),
    )
    record_path = given.path(record)
    results, failures = pipeline.bench(request, record=record_path, again=again, progress=progress)
    return results_of(results, failures)
