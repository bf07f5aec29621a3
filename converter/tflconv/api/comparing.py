"""``tflconv.compare``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tflconv import data, pipeline
from tflconv.benchmark.config import ComparisonConfig
from tflconv.comparison import CONFIDENCE, Comparison, Inconclusive, Limit, Settings
from tflconv.core import given
from tflconv.core.amounts import parse_share
from tflconv.core.given import AnyPath
from tflconv.core.parameters import suggests_parameters
from tflconv.core.progress import Callback, silent
from tflconv.model.pictures import Resize
from tflconv.results import Results

_CONFIG = ComparisonConfig()


@suggests_parameters
def compare(
    baseline: AnyPath | Results,
    contender: AnyPath | Results,
    *,
    fail_on: str | Sequence[str] = (),
    inconclusive: Inconclusive = "pass",
    max_blocks: int = 200,
    confidence: float = CONFIDENCE,
    threshold: str | float | None = None,
    force: bool = False,
    across_runtimes: bool = False,
    devices: str | Sequence[str] = "host",
    dataset: AnyPath | Any = None,
    pictures: int | None = None,
    normalize: str | None = None,
    resize: Resize | None = None,
    labels: AnyPath | Sequence[str] | None = None,
    blocks: int = _CONFIG.blocks,
    num_runs: int = _CONFIG.num_runs,
    min_secs: float = _CONFIG.min_secs,
    warmup_min_secs: float = _CONFIG.warmup_min_secs,
    run_delay: float = _CONFIG.run_delay,
    num_threads: int = _CONFIG.num_threads,
    cpu_mask: str = _CONFIG.cpu_mask,
    input_file: AnyPath = _CONFIG.input_file,
    seed: int = _CONFIG.seed,
    timeout: float = _CONFIG.timeout,
    adb: str | None = None,
    adb_servers: str | Sequence[str] = (),
    runtime: AnyPath | None = None,
    history: AnyPath | None = None,
    progress: Callback = silent,
) -> Comparison:
    """Say whether a contender differs from its baseline, and whether that breaks a limit.

    Two ``.tflite`` files are measured now, in turns; results are read. See ``docs/comparing.md``.

    Args:
        baseline: A ``.tflite`` file, a results file (``FILE#NAME`` for one model) or results.
        contender: Likewise.
        fail_on: Limits such as ``latency:5%``, ``cpu:5%``, ``memory:10%``, ``instructions:1%``,
            ``bytes:1%`` and ``accuracy:0.5pt``; ``check`` of the comparison raises for them.
        inconclusive: What an open limit does: ``pass``, ``fail`` or ``extend`` the measurement.
        max_blocks: Blocks per file at most, where it is extended.
        confidence: That of verdicts, and of all limits together.
        threshold: Smallest change of times and memory that matters, such as ``2%``.
        force: Compare what was not measured alike, or not together.
        across_runtimes: Compare although LiteRT or the harness differ.
        devices: ``host``, ``arm64:CORE`` or ``adb:SERIAL``, one or several.
        dataset: Pictures that both files classify, on the device.
        pictures: Number of test pictures, drawn by class; by default all.
        normalize: How pixels become inputs, where a file does not say it.
        resize: How pictures are brought to the size of the model.
        labels: Names of the outputs, in their order, or a file with one per line.
        blocks: Process starts per file.
        num_runs: Runs per block at least.
        min_secs: Seconds of runs per block at least; 20 000 runs end them sooner.
        warmup_min_secs: Seconds of warmup runs per block at least.
        run_delay: Seconds of rest after each run.
        num_threads: Threads that LiteRT may use.
        cpu_mask: CPU cores: ``big``, ``all`` or hex; empty leaves it to the system.
        input_file: Raw bytes of all inputs, instead of numbers drawn from ``seed``.
        seed: Seed of the order of blocks and of the numbers that go into the models.
        timeout: Seconds beyond its expected time after which a process is ended.
        adb: The adb program; by default that of ``$ADB`` or the path.
        adb_servers: adb servers as ``HOST:PORT``, one or several; by default that of
            ``$ADB_SERVER_SOCKET``, else this computer's.
        runtime: LiteRT for a phone: its ``.aar`` or ``libLiteRt.so`` for arm64.
        history: A history that each run is kept in, too; by default that of
            ``$TFLCONV_HISTORY``, or the user's own; ``off`` keeps none.
        progress: Is told what is being measured.

    Returns:
        A verdict per figure and a decision per limit; its ``check`` raises ``RegressionFound``.

    Raises:
        UsageError: The sides were not measured alike, or a limit is not understood.
        DeviceError: A device was lost.

    Example:
        >>> file = "models/mobilenet_v2-mnist-sample-static_wi8_ai8.tflite"
        >>> compare(file, file, blocks=2, fail_on="bytes:0%").check().decisions[0].state
        'kept'
    """
    request = pipeline.ComparisonRequest(
        baseline=given.source(baseline),
        contender=given.source(contender),
        settings=Settings(
            limits=tuple(map(Limit.parse, given.names(fail_on, "fail_on"))),
            inconclusive=inconclusive,
            confidence=confidence,
            threshold=parse_share(threshold) if isinstance(threshold, str) else threshold,
            force=force,
            across_runtimes=across_runtimes,
        ),
        config=ComparisonConfig(
            blocks=blocks,
            num_runs=num_runs,
            min_secs=min_secs,
            warmup_min_secs=warmup_min_secs,
            run_delay=run_delay,
            num_threads=num_threads,
            cpu_mask=cpu_mask,
            input_file=str(input_file),
            seed=seed,
            timeout=timeout,
        ),
        max_blocks=max_blocks,
        devices=given.names(devices, "devices"),
        dataset=given.source(dataset),
        pictures=pictures,
        normalize=normalize,
        resize=resize,
        labels=data.named_labels(labels),
        adb=adb,
        adb_servers=given.names(adb_servers, "adb_servers"),
        runtime=given.path(runtime),
        history=given.path(history),
    )
    return pipeline.compare(request, progress=progress)
