"""A GPU's latency is reported only if it is the GPU's, and if the GPU is right.

LiteRT falls back to the CPU without a word where a graphics driver or an op is missing, and some
drivers compute nonsense quickly. So the runtime must confirm that the whole graph runs on the
accelerator, and on real pictures the accelerator must name the same classes as the CPU. (The
harness also waits until the outputs can be read: without that, runs of a software GPU seemed to
take a sixth of their time.)
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tflconv.benchmark.protocol import Conversation
from tflconv.benchmark.session import Session
from tflconv.errors import DeviceError
from tflconv.results import BenchmarkRun

AGREEMENT = 0.99
"""Share of pictures on which GPU and CPU must say the same; half precision may move a tie."""


def require(session: Session) -> None:
    """Raise ``DeviceError`` if the LiteRT on the device cannot use a GPU at all."""
    runtime = session.harness.runtime
    if not runtime.accelerators:
        raise DeviceError(
            f"{session.subject}: there is no GPU accelerator beside LiteRT"
            f" ({runtime.software.source or runtime.path}).",
            hint="Give LiteRT's own .aar with --runtime; it holds one for Android phones.",
        )


def objection(session: Session, test_set: str | None) -> str | None:
    """Why the GPU's numbers may not be shown, or None if they may."""
    if test_set is None:
        return "a GPU is believed only after it classified real pictures: name a --dataset"
    on_gpu = session.accuracy(test_set)
    if not on_gpu.init.on_accelerator:
        return "the runtime does not confirm that the whole graph runs on the GPU"
    on_cpu = _on_cpu(session).accuracy(test_set)
    share = agreement(on_gpu, on_cpu)
    if share < AGREEMENT:
        return f"GPU and CPU name the same class on only {100 * share:.1f} % of the pictures"
    return None


def agreement(on_gpu: Conversation, on_cpu: Conversation) -> float:
    """Share of pictures on which two evaluations of a test set say the same."""
    pairs = zip(on_gpu.accuracy.predicted, on_cpu.accuracy.predicted, strict=True)
    return float(np.mean([a == b for a, b in pairs]))


def withheld(run: BenchmarkRun, reason: str) -> BenchmarkRun:
    """``run`` without the numbers that cannot be believed."""
    warnings = (*run.warnings, f"no GPU numbers: {reason}")
    return replace(run, latency=None, cpu=None, memory=None, graph=None, warnings=warnings)


def _on_cpu(session: Session) -> Session:
    return replace(session, config=replace(session.config, accelerator="cpu"))
