"""Report figures of a GPU only if the GPU did all the work and its results are right.

LiteRT falls back to the CPU silently where a graphics driver or an operator is missing, and some
drivers compute wrong results quickly. So the runtime must confirm that the whole graph runs on the
accelerator, and on real pictures the accelerator must predict the same classes as the CPU. (The
harness also waits until the outputs can be read: without that, runs of a software GPU seemed to
take a sixth of their time.)
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tflconv.benchmark.protocol import HarnessOutput
from tflconv.benchmark.session import Session
from tflconv.errors import DeviceError
from tflconv.results import BenchmarkRun

AGREEMENT = 0.99
"""Share of pictures that GPU and CPU must classify alike; half precision may decide a tie."""


def require_accelerator(session: Session) -> None:
    """Raise ``DeviceError`` if the LiteRT on the device has no GPU accelerator."""
    runtime = session.harness.runtime
    if not runtime.accelerators:
        raise DeviceError(
            f"{session.subject}: there is no GPU accelerator beside LiteRT"
            f" ({runtime.software.source or runtime.path}).",
            hint="Pass LiteRT's own .aar with --runtime; it contains one for Android phones.",
        )


def reason_to_withhold(session: Session, test_set: str | None) -> str | None:
    """Return why the figures of the GPU must not be reported, or None if they may be.

    Args:
        session: The measurement with ``accelerator="gpu"``.
        test_set: Path on the device of a packed test set.

    """
    if test_set is None:
        return "pass --dataset, so that the GPU's classes can be compared with the CPU's"
    on_gpu = session.accuracy(test_set)
    if not on_gpu.init.on_accelerator:
        return "the runtime does not confirm that the whole graph runs on the GPU"
    on_cpu = _on_cpu(session).accuracy(test_set)
    share = agreement(on_gpu, on_cpu)
    if share < AGREEMENT:
        return f"GPU and CPU predict the same class on only {100 * share:.1f} % of the pictures"
    return None


def agreement(on_gpu: HarnessOutput, on_cpu: HarnessOutput) -> float:
    """Return the share of pictures that two evaluations of a test set classify alike."""
    pairs = zip(on_gpu.accuracy.predicted, on_cpu.accuracy.predicted, strict=True)
    return float(np.mean([a == b for a, b in pairs]))


def withhold(run: BenchmarkRun, reason: str) -> BenchmarkRun:
    """Return ``run`` without its figures and with a warning that gives ``reason``."""
    warnings = (*run.warnings, f"no GPU numbers: {reason}")
    return replace(run, latency=None, cpu=None, memory=None, graph=None, warnings=warnings)


def _on_cpu(session: Session) -> Session:
    return replace(session, config=replace(session.config, accelerator="cpu"))
