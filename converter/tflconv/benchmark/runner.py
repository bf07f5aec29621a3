"""Measure one model on one device.

Latency, CPU use at a given rate, memory, the profile of operators and accuracy come from separate
processes, because each would disturb the others: profiling alone quadruples the memory of a small
model. A device whose clock is meaningless counts instructions instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Literal

from tflconv.benchmark import agreement, cold_start, gpu, parts, precision, schedule, verdict
from tflconv.benchmark import harness as harnesses
from tflconv.benchmark.config import BenchmarkConfig
from tflconv.benchmark.cooling import REST_SECONDS, Cooling
from tflconv.benchmark.laboratory import Laboratory
from tflconv.benchmark.protocol import HarnessOutput
from tflconv.benchmark.schedule import MeasuredFile
from tflconv.benchmark.session import Session
from tflconv.benchmark.testset import PackedSet
from tflconv.core import doubts
from tflconv.core.files import sha256_file
from tflconv.core.jsonvalue import JsonValue
from tflconv.core.progress import Callback, silent
from tflconv.device import watching
from tflconv.device.arm64 import cores
from tflconv.device.interface import CountsInstructions, Device
from tflconv.errors import DeviceError, UsageError
from tflconv.inspection import estimating, runnable
from tflconv.results import (
    BenchmarkRun,
    EmulatedInstructions,
    MeasuredModel,
    Moment,
    SustainedSecond,
)
from tflconv.tflite import lifetimes, reading
from tflconv.tflite.contents import TfliteModel


def bench(
    model: Path,
    device: Device,
    config: BenchmarkConfig,
    *,
    identity: MeasuredModel,
    test_set: PackedSet | None = None,
    laboratory: Laboratory | None = None,
    blocks: MeasuredFile | None = None,
    progress: Callback = silent,
) -> BenchmarkRun:
    """Measure a model file on a device and compare its outputs with those of this computer.

    Args:
        model: The ``.tflite`` file.
        device: Where to measure it.
        config: How to measure it.
        identity: What the file is called in results.
        test_set: Pictures to measure accuracy with, on the device.
        laboratory: Devices that were prepared by earlier runs of the same command.
        blocks: Its latency, where that was measured together with other files; by default it is
            measured now.
        progress: Is told which part of the measurement is at work.

    Returns:
        The run, with its figures and conditions.

    Raises:
        DeviceError: The device was lost, the runtime crashed or ran too long.
        TflconvError: The model cannot run.
        UsageError: The input file of ``config`` does not exist.

    Example:
        >>> run = bench(path, host, BenchmarkConfig(), identity=identify(path))  # doctest: +SKIP
        >>> run.latency.median_ms  # doctest: +SKIP
        1.84

    """
    laboratory = laboratory or Laboratory()
    session = replace(ready(model, device, config, laboratory), progress=progress)
    pictures = device.push(test_set.path) if test_set else None
    run = outline(device, config, identity=identity, test_set=test_set, laboratory=laboratory)
    if config.accelerator == "gpu" and (reason := gpu.reason_to_withhold(session, pictures)):
        return gpu.withhold(run, reason)
    cooling = laboratory.cooling(device) if config.sustained_secs else None
    run = _measured(run, session, blocks, cooling)
    whole = reading.read(model)
    conditions = replace(run.conditions, estimate=estimating.of(whole))
    troubles = (*runnable.open_sides(whole), *runnable.broken_weights(whole))
    run = replace(run, conditions=conditions, warnings=(*run.warnings, *troubles))
    if test_set and pictures:
        run = _evaluated(run, session, test_set, pictures, laboratory)
    if run.device.kind == "phone" and run.instructions:
        run = _with_emulated(run, session, laboratory)
    return _compared(run, session, laboratory)


def ready(model: Path, device: Device, config: BenchmarkConfig, laboratory: Laboratory) -> Session:
    """Push a file to a device that can run it, and return what measures it there.

    Raises:
        DeviceError: The device was lost, or lacks what ``config`` asks for.
        TflconvError: The file cannot run.
        UsageError: The input file of ``config`` does not exist.
    """
    _check_inputs(config)
    check(model, config)
    precision.check(model, device, config)
    session = laboratory.session(model, device, config)
    if config.accelerator == "gpu":
        gpu.require_accelerator(session)
    return session


def check(model: Path, config: BenchmarkConfig) -> TfliteModel:
    """Return the content of a file; raise ``TflconvError`` where it can be told that it cannot run.

    A damaged one gets its own message here, where LiteRT may just crash. What a GPU takes over
    from the CPU is not known.
    """
    whole = reading.read(model)
    lifetimes.check_memory(whole)
    if config.accelerator == "cpu":
        runnable.check(whole)
    return whole


def outline(
    device: Device,
    config: BenchmarkConfig,
    *,
    identity: MeasuredModel,
    test_set: PackedSet | None = None,
    laboratory: Laboratory | None = None,
) -> BenchmarkRun:
    """Return the run that ``bench`` would make, with its settings but without figures.

    Harness and LiteRT are pushed to the device.

    Args:
        device: Where to measure.
        config: How to measure.
        identity: What the file is called in results.
        test_set: Pictures to measure accuracy with.
        laboratory: Devices that were prepared by earlier runs of the same command.

    Raises:
        DeviceError: The device was lost or has no LiteRT.
        UsageError: The input file of ``config`` does not exist.

    """
    harness = (laboratory or Laboratory()).harness(device)
    return BenchmarkRun(
        model=identity,
        device=device.info(),
        harness=harness.software,
        runtime=harness.runtime.software,
        config=recorded_settings(config, test_set),
        started=datetime.now(timezone.utc).isoformat(timespec="seconds"),
    )


def recorded_settings(
    config: BenchmarkConfig, test_set: PackedSet | None = None
) -> dict[str, JsonValue]:
    """Return ``config`` as results keep it, with short content hashes of the files that it names.

    Example:
        >>> recorded_settings(BenchmarkConfig(num_threads=4))["num_threads"]
        4

    """
    _check_inputs(config)
    digests: dict[str, JsonValue] = {}
    if config.input_file:
        digests["input_sha256"] = sha256_file(Path(config.input_file))[:16]
    if test_set:
        digests["test_set_sha256"] = test_set.digest[:16]
    return {**config.to_json(), **digests}


def _measured(
    run: BenchmarkRun, session: Session, blocks: MeasuredFile | None, cooling: Cooling | None
) -> BenchmarkRun:
    """Return ``run`` with times, or instructions where no clock is meaningful, and the profile."""
    config = session.config
    timed = not isinstance(session.harness.device, CountsInstructions)
    run = _timed(run, session, blocks, cooling) if timed else _counted(run, session)
    if config.profile_runs and config.accelerator == "cpu":  # LiteRT cannot profile a GPU
        profile = session.profile(config.profile_runs if timed else 1)
        run = replace(run, graph=parts.graph(profile, timed=timed))
    return run


def _check_inputs(config: BenchmarkConfig) -> None:
    if config.input_file and not Path(config.input_file).is_file():
        raise UsageError(
            f"there is no input file {config.input_file}.",
            hint="It holds the raw bytes of all inputs. Leave it out, and they are drawn.",
        )


def _timed(
    run: BenchmarkRun, session: Session, blocks: MeasuredFile | None, cooling: Cooling | None
) -> BenchmarkRun:
    """Return ``run`` with latency, CPU use, memory and the conditions of the measurement."""
    config = session.config
    if blocks is None and config.blocks > 1:
        blocks = schedule.measure([session], blocks=config.blocks, seed=config.seed).of(0)
    with session.watched() as watch:
        steady = blocks.outputs if blocks else (session.latency(),)
        at_rate = session.at_rate() if config.rate_hz else None
        memory = session.memory() if config.memory else None
        cool = cooling is None or cooling.wait()
        series, trace = _sustained(session) if cooling else (None, None)
    starts = cold_start.measure(session) if config.weight_cache else None
    watched = blocks.conditions if blocks else watch.conditions
    latency, cpu = parts.latency(steady), parts.cpu(steady, at_rate)
    judgement, reasons = verdict.judge(latency, cpu, watching.reasons(watched))
    conditions = replace(
        watched,
        cpu_mask=parts.mask(steady[0]),
        sustained=series,
        trace=trace,
        instructions_not_counted=steady[0].cpu.why_not_counted,
    )
    return replace(
        run,
        latency=latency,
        cpu=cpu,
        memory=parts.memory(memory) if memory else None,
        cold_start=starts,
        instructions=parts.instructions(steady),
        conditions=conditions,
        verdict=judgement,
        reasons=reasons,
        warnings=(*_warnings(steady), *(() if cool else (_BEGAN_HOT,))),
        schedule=blocks.schedule if blocks else None,
    )


_BEGAN_HOT = (
    f"the sustained run began on a device that was still hot after {REST_SECONDS:.0f} s of rest"
)


def _warnings(steady: Sequence[HarnessOutput]) -> dict[str, None]:
    return dict.fromkeys(text for each in steady for text in parts.warnings(each))


def _sustained(
    session: Session,
) -> tuple[tuple[SustainedSecond, ...], tuple[Moment, ...] | None]:
    """Return the seconds of a long run, and the looks at the device meanwhile."""
    with session.looked_at() as looks:
        output = session.sustained()
    return parts.series(output), tuple(looks) or None


def _counted(run: BenchmarkRun, session: Session) -> BenchmarkRun:
    """Return ``run`` with the instructions per inference after warm-up."""
    device = session.harness.device
    assert isinstance(device, CountsInstructions)
    with session.harness.patience(session.subject, session.timeout):
        counted = device.count(session.minimal_argv(), timeout=session.timeout)
    harnesses.read_output(counted.completed, subject=session.subject)
    last = counted.inferences[-1] if counted.inferences else None
    return replace(run, instructions=last, warnings=(counted.obstacle,) if counted.obstacle else ())


def _with_emulated(run: BenchmarkRun, session: Session, laboratory: Laboratory) -> BenchmarkRun:
    """Return ``run`` with the file's instructions on the emulated core nearest to the phone's."""
    core = cores.nearest(run.device.cpu, run.device.features)
    try:
        beside = laboratory.session(session.model, laboratory.core(core.name), session.config)
        counted = _counted(run, beside)
    except DeviceError as error:
        obstacle = f"no emulated instructions beside the measured ones: {error.message}"
        return replace(run, warnings=(*run.warnings, f"{obstacle} {error.hint or ''}".rstrip()))
    conditions = run.conditions
    if counted.instructions is not None:
        emulated = EmulatedInstructions(core=core.name, **asdict(counted.instructions))
        conditions = replace(conditions, instructions_emulated=emulated)
    return replace(run, conditions=conditions, warnings=(*run.warnings, *counted.warnings))


def _evaluated(
    run: BenchmarkRun, session: Session, test_set: PackedSet, pictures: str, laboratory: Laboratory
) -> BenchmarkRun:
    """Return ``run`` with its accuracy and the pictures that this computer classifies differently.

    ``pictures`` is the path of the test set on the device.
    """
    output = session.accuracy(pictures)
    line = output.accuracy
    if line.not_finite:
        raise doubts.not_finite(session.model.name, line.not_finite, line.total)
    where: Literal["host", "device"] = "host" if _is_host(run) else "device"
    run = replace(
        run,
        accuracy=parts.accuracy(output, test_set, where),
        conditions=replace(run.conditions, pictures_digest=line.digest),
        warnings=(*run.warnings, *parts.doubts_of(line, test_set)),
    )
    if _is_host(run) and session.config.precision == "fp32":
        return run
    host_output = _on_host(session, laboratory).accuracy(str(test_set.path))
    return agreement.add_disagreements(run, output, host_output, test_set)


def _compared(run: BenchmarkRun, session: Session, laboratory: Laboratory) -> BenchmarkRun:
    """Return ``run`` with what its outputs tell, and how they differ from this computer's."""
    outputs = session.outputs()
    run = replace(run, warnings=(*run.warnings, *agreement.no_numbers(outputs)))
    if _is_host(run) and session.config.precision == "fp32":
        return run
    comparison = agreement.compare_outputs(outputs, _on_host(session, laboratory).outputs())
    conditions = replace(run.conditions, outputs_vs_host=comparison)
    warnings = (*run.warnings, *agreement.output_warnings(comparison))
    return replace(run, conditions=conditions, warnings=warnings)


def _on_host(session: Session, laboratory: Laboratory) -> Session:
    config = replace(session.config, accelerator="cpu", cpu_mask="", precision="fp32")
    return laboratory.session(session.model, laboratory.host, config)


def _is_host(run: BenchmarkRun) -> bool:
    return run.device.kind == "host"
