"""Measuring one model on one device.

Latency, CPU at a given rate, memory, the profile of ops and accuracy come from processes of their
own, because each would disturb the others: profiling alone quadruples the memory of a small model.
A device whose clock means nothing counts instructions instead.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import asdict, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Literal

from tflconv.benchmark import agreement, gpu, parts, verdict
from tflconv.benchmark import harness as harnesses
from tflconv.benchmark.config import BenchmarkConfig
from tflconv.benchmark.session import Session
from tflconv.benchmark.testset import PackedSet
from tflconv.core.files import sha256_file
from tflconv.device import conditions as phone_conditions
from tflconv.device import emulator
from tflconv.device.arm64 import cores
from tflconv.device.host import Host
from tflconv.device.interface import CountsInstructions, Device, WatchesConditions
from tflconv.errors import DeviceError, UsageError
from tflconv.results import BenchmarkRun, Model
from tflconv.tflite import reading


def bench(
    model: Path,
    device: Device,
    config: BenchmarkConfig,
    *,
    identity: Model,
    test_set: PackedSet | None = None,
) -> BenchmarkRun:
    """Measure the file ``model`` on ``device``; ``identity`` says what it is in the results.

    With a ``test_set`` accuracy is measured on the device as well. A device that is not this
    computer must compute what this computer computes. Raises ``DeviceError`` if the device was
    lost, the runtime crashed or the time was up, and ``TflconvError`` for a model that cannot run.
    """
    _check_inputs(config)
    reading.read(model)  # a damaged file gets its own message here, where LiteRT may just crash
    session = _session(model, device, config)
    if config.accelerator == "gpu":
        gpu.require(session)
    pictures = device.push(test_set.path) if test_set else None
    run = outline(device, config, identity=identity, test_set=test_set)
    if config.accelerator == "gpu" and (reason := gpu.objection(session, pictures)):
        return gpu.withheld(run, reason)
    timed = not isinstance(device, CountsInstructions)
    run = (_time if timed else _count)(run, session)
    if config.profile_runs and config.accelerator == "cpu":  # LiteRT cannot profile a GPU
        profile = session.profile(config.profile_runs if timed else 1)
        run = replace(run, graph=parts.graph(profile, timed=timed))
    if test_set and pictures:
        run = _evaluated(run, session, model, test_set, pictures)
    if run.device.kind == "phone" and run.instructions:
        run = _beside_emulated(run, model, config)
    return run if _is_host(run) else _compared(run, session, model)


def outline(
    device: Device, config: BenchmarkConfig, *, identity: Model, test_set: PackedSet | None = None
) -> BenchmarkRun:
    """The run that ``bench`` makes, before anything is measured: what is measured, where and how.

    Harness and LiteRT are brought to the device. Raises as ``bench`` does.
    """
    harness = harnesses.install(device)
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
) -> dict[str, object]:
    """``config`` as results keep it, with short content hashes of the files that it names."""
    _check_inputs(config)
    digests: dict[str, object] = {}
    if config.input_file:
        digests["input_sha256"] = sha256_file(Path(config.input_file))[:16]
    if test_set:
        digests["test_set_sha256"] = test_set.digest[:16]
    return {**config.to_json(), **digests}


def _check_inputs(config: BenchmarkConfig) -> None:
    if config.input_file and not Path(config.input_file).is_file():
        raise UsageError(f"there is no input file {config.input_file}.")


def _session(model: Path, device: Device, config: BenchmarkConfig) -> Session:
    harness = harnesses.install(device)
    inputs = device.push(Path(config.input_file)) if config.input_file else None
    return Session(harness, model, device.push(model), config, inputs)


def _time(run: BenchmarkRun, session: Session) -> BenchmarkRun:
    """Latency, CPU and memory, with the conditions under which they came about."""
    config = session.config
    with _watching(session.harness.device) as conditions:
        steady = session.latency()
        at_rate = session.at_rate() if config.rate_hz else None
        memory = session.memory() if config.memory else None
        sustained = session.sustained() if config.sustained_secs else None
    latency, cpu = parts.latency(steady), parts.cpu(steady, at_rate)
    found = phone_conditions.findings(conditions)
    judgement, reasons = verdict.judge(latency, cpu, found)
    conditions |= {"cpu_mask": parts.mask(steady)}
    if sustained:
        conditions |= {"sustained": parts.series(sustained)}
    if reason := steady["cpu"]["why_not_counted"]:
        conditions |= {"instructions_not_counted": reason}
    return replace(
        run,
        latency=latency,
        cpu=cpu,
        memory=parts.memory(memory) if memory else None,
        instructions=parts.instructions(steady),
        conditions=conditions,
        verdict=judgement,
        reasons=reasons,
        warnings=tuple(parts.warnings(steady)),
    )


def _count(run: BenchmarkRun, session: Session) -> BenchmarkRun:
    """Instructions of an inference once everything is warm."""
    device = session.harness.device
    assert isinstance(device, CountsInstructions)
    counted = device.count(session.once(), timeout=session.timeout)
    harnesses.checked(counted.completed, subject=session.subject)
    last = counted.inferences[-1] if counted.inferences else None
    return replace(run, instructions=last, warnings=(counted.obstacle,) if counted.obstacle else ())


def _beside_emulated(run: BenchmarkRun, model: Path, config: BenchmarkConfig) -> BenchmarkRun:
    """``run`` with the same file's instructions on the emulated core nearest to the phone's."""
    core = cores.nearest(run.device.cpu, run.device.features)
    try:
        counted = _count(run, _session(model, emulator.find(core.name), config))
    except DeviceError as error:
        obstacle = f"no emulated instructions beside the measured ones: {error.message}"
        return replace(run, warnings=(*run.warnings, f"{obstacle} {error.hint or ''}".rstrip()))
    emulated = counted.instructions and {"core": core.name, **asdict(counted.instructions)}
    conditions = {**run.conditions, "instructions_emulated": emulated}
    return replace(run, conditions=conditions, warnings=(*run.warnings, *counted.warnings))


def _evaluated(
    run: BenchmarkRun, session: Session, model: Path, test_set: PackedSet, pictures: str
) -> BenchmarkRun:
    """Accuracy on the device, and the pictures that this computer sees otherwise."""
    said = session.accuracy(pictures)
    where: Literal["host", "device"] = "host" if _is_host(run) else "device"
    conditions = {**run.conditions, "pictures_digest": said["accuracy"]["digest"]}
    accuracy = parts.accuracy(said, test_set, where)
    run = replace(run, accuracy=accuracy, conditions=conditions)
    if _is_host(run):
        return run
    here = _on_host(session, model).accuracy(str(test_set.path))
    return agreement.with_pictures(run, said, here, test_set)


def _compared(run: BenchmarkRun, session: Session, model: Path) -> BenchmarkRun:
    """Whether the device's outputs are this computer's."""
    compared = agreement.outputs(session, _on_host(session, model))
    conditions = {**run.conditions, "outputs_vs_host": compared}
    warnings = (*run.warnings, *agreement.doubts(compared))
    return replace(run, conditions=conditions, warnings=warnings)


def _on_host(session: Session, model: Path) -> Session:
    return _session(model, Host(), replace(session.config, accelerator="cpu", cpu_mask=""))


def _is_host(run: BenchmarkRun) -> bool:
    return run.device.kind == "host"


@contextlib.contextmanager
def _watching(device: Device) -> Iterator[dict[str, Any]]:
    """The conditions of the block, from devices that can tell; they are complete at its end."""
    if isinstance(device, WatchesConditions):
        with device.conditions() as conditions:
            yield conditions
    else:
        yield {}
