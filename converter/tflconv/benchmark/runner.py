"""Measuring one model on one device.

Latency, CPU at a given rate, memory, the profile of ops and accuracy come from processes of their
own, because each would disturb the others: profiling alone quadruples the memory of a small model.
A device whose clock means nothing counts instructions instead.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from tflconv.benchmark import convert, gpu, outputs, verdict
from tflconv.benchmark import harness as harnesses
from tflconv.benchmark.config import BenchmarkConfig
from tflconv.benchmark.session import Session
from tflconv.benchmark.testset import PackedSet
from tflconv.device.protocol import CountsInstructions, Device, WatchesConditions
from tflconv.results import BenchmarkRun, Model


def bench(
    model: Path,
    device: Device,
    config: BenchmarkConfig,
    *,
    identity: Model,
    test_set: PackedSet | None = None,
) -> BenchmarkRun:
    """Measure the file ``model`` on ``device``; ``identity`` says what it is in the results.

    With a ``test_set`` accuracy is measured on the device as well, and its answers are compared
    with this computer's. Raises ``DeviceError`` if the device was lost, the runtime crashed or the
    time was up, and ``TflconvError`` if the model cannot be read or run.
    """
    harness = harnesses.install(device)
    session = Session(harness, device.push(model), config)
    run = BenchmarkRun(
        model=identity,
        device=device.info(),
        harness=harness.software,
        runtime=harness.runtime.software,
        config=config.to_json(),
        started=datetime.now(timezone.utc).isoformat(timespec="seconds"),
    )
    if isinstance(device, CountsInstructions):
        run = _counted(run, session, device)
    else:
        run = _timed(run, session, device)
    if config.profile_runs:
        run = replace(run, graph=convert.graph(session.profile()))
    run = _compared(run, session, model, test_set)
    return gpu.honest(run, session, model, test_set) if config.accelerator == "gpu" else run
