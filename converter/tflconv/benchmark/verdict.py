"""Judge whether a measurement is reliable: ``clean``, ``throttled`` or ``noisy``, and why.

Figures of a machine that was busy with something else, or that grew hot and slow, look like any
others. So the samples are checked: did the process have its core to itself, do the samples scatter,
did the last ones take longer than the first? What a phone reports about its heat and clocks counts
as well.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from tflconv.core import stats
from tflconv.results import Cpu, Latency, Reason, Verdict, endurance

SCATTER = 0.15
"""Interquartile range, as a share of the median, above which samples are noisy."""

DRIFT = endurance.THROTTLED
"""Slowdown from the first to the last third of the samples above which a device throttles."""

OUTLIERS = 0.10
"""Share of outliers above which samples are noisy."""

SHARE_OF_CORE = 0.95
"""CPU time, as a share of one core, below which other programs disturbed the run."""


def judge(
    latency: Latency | None, cpu: Cpu | None, findings: Iterable[Reason] = ()
) -> tuple[Verdict, tuple[str, ...]]:
    """Return the verdict on a run and its reasons.

    Args:
        latency: Durations of the inferences, if they were measured.
        cpu: CPU use in a closed loop, if it was measured.
        findings: Reasons from the conditions of the device, which come first.

    Returns:
        ``clean``, ``throttled`` or ``noisy``, and one sentence per reason.

    """
    reasons = [*findings, *_share(cpu), *_samples(latency, cpu)]
    verdicts = {verdict for verdict, _ in reasons}
    verdict: Verdict = next((v for v in ("throttled", "noisy") if v in verdicts), "clean")
    return verdict, tuple(text for _, text in reasons)


def _share(cpu: Cpu | None) -> Iterable[Reason]:
    if cpu is not None and cpu.percent_closed_loop < 100 * SHARE_OF_CORE:
        yield (
            "noisy",
            f"other programs took CPU time: the runs got {cpu.percent_closed_loop:.0f} % of a core",
        )


def _samples(latency: Latency | None, cpu: Cpu | None) -> Iterable[Reason]:
    if latency is None or len(latency.samples_ns) < 10:
        return
    summary = latency.summary
    scatter = (summary["p75"] - summary["p25"]) / summary["median"]
    if scatter > SCATTER:
        yield "noisy", f"half of the samples spread over {100 * scatter:.0f} % of the median"
    if summary["outliers"] > OUTLIERS * summary["count"]:
        yield "noisy", f"{summary['outliers']} of {summary['count']} samples are outliers"
    slower = drift(latency.samples_ns)
    if slower > DRIFT and not tuple(_share(cpu)):
        yield "throttled", f"the last runs took {100 * slower:.0f} % longer than the first"


def drift(samples: Sequence[int]) -> float:
    """Return the slowdown from the first to the last third of the samples, as a share.

    0 unless the 95 % bootstrap interval of the ratio of medians lies above 1.
    """
    third = len(samples) // 3
    ratio, low, _ = stats.bootstrap_ratio(samples[-third:], samples[:third])
    return float(np.maximum(0, ratio - 1)) if low > 1 else 0.0
