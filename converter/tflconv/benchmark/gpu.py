"""Report figures of a GPU only if the GPU did all the work and its results are right.

LiteRT falls back to the CPU silently where a graphics driver or an operator is missing, and some
drivers compute wrong results quickly. So the runtime must confirm that the whole graph runs on the
accelerator, its outputs must be numbers, not all the same, and close to the CPU's, and on real
pictures it must predict the same classes. (The harness also waits until the outputs can be read:
without that, runs of a software GPU seemed to take a sixth of their time.)
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from tflconv.benchmark.agreement import NEAR, STEPS, share_of_range, tensors
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
    if reason := _wrong_outputs(session):
        return reason
    on_cpu = _on_cpu(session).accuracy(test_set)
    share = agreement(on_gpu, on_cpu)
    if share < AGREEMENT:
        return f"GPU and CPU predict the same class on only {100 * share:.1f} % of the pictures"
    return None


def _wrong_outputs(session: Session) -> str | None:
    """Return what is wrong with the GPU's outputs for one input, beside those of the CPU."""
    output, gpu_bytes = session.outputs()
    _, cpu_bytes = _on_cpu(session).outputs()
    types = [(tensor.type, tensor.bytes) for tensor in output.init.outputs]
    pairs = zip(types, tensors(gpu_bytes, types), tensors(cpu_bytes, types), strict=True)
    faults = (
        wrong_values(on_gpu, on_cpu, allowed=0 if dtype.startswith("float") else STEPS)
        for (dtype, _), on_gpu, on_cpu in pairs
    )
    return next(filter(None, faults), None)


def wrong_values(
    on_gpu: NDArray[np.float64], on_cpu: NDArray[np.float64], *, allowed: float = 0
) -> str | None:
    """Return why the values of an output are not believed: no numbers, constant, or far away.

    Args:
        on_gpu: What the GPU gives.
        on_cpu: What the CPU gives for the same input.
        allowed: Difference that rounding explains, whatever the range.

    Example:
        >>> wrong_values(np.array([0.5, 0.5, 0.5]), np.array([0.1, 0.7, 0.2]))
        'the GPU gives one value for all 3 outputs'
    """
    if np.isfinite(on_cpu).all() and not np.isfinite(on_gpu).all():
        return "the GPU's outputs are NaN or infinite, and the CPU's are numbers"
    spread = float(np.ptp(on_cpu)) if on_cpu.size else 0.0
    if on_gpu.size > 1 and np.ptp(on_gpu) == 0 and spread > 0:
        return f"the GPU gives one value for all {on_gpu.size} outputs"
    share = share_of_range(on_gpu, on_cpu)
    if share > NEAR and np.abs(on_gpu - on_cpu).max() > allowed:
        return f"outputs of GPU and CPU differ by up to {100 * share:.0f} % of their range"
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
