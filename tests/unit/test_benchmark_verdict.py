"""Clean, noisy or throttled: known series must get the known word."""

from __future__ import annotations

import numpy as np

from tflconv.benchmark import verdict
from tflconv.results import Cpu, Latency

QUIET = Cpu(ms_per_inference=1.0, percent_closed_loop=99.5)


def latency(*parts: float, count: int = 60, scatter: float = 0.01) -> Latency:
    random = np.random.default_rng(1)
    values = [1e6 * part * (1 + scatter * random.standard_normal(count)) for part in parts]
    return Latency(samples_ns=tuple(int(value) for value in np.concatenate(values)))


def test_steady_samples_are_clean() -> None:
    assert verdict.judge(latency(1, 1, 1), QUIET) == ("clean", ())


def test_a_slow_end_is_throttled() -> None:
    word, reasons = verdict.judge(latency(1, 1.1, 1.3, scatter=0.02), QUIET)
    assert word == "throttled"
    assert any("longer than the first" in reason for reason in reasons)


def test_a_fast_end_is_not() -> None:
    assert verdict.drift(latency(1.3, 1.1, 1).samples_ns) == 0


def test_scattered_samples_are_noisy() -> None:
    word, reasons = verdict.judge(latency(1, scatter=0.3), QUIET)
    assert word == "noisy"
    assert "spread over" in reasons[0]


def test_a_shared_core_is_noisy_even_if_the_end_is_slow() -> None:
    shared = Cpu(ms_per_inference=1.0, percent_closed_loop=60.0)
    word, reasons = verdict.judge(latency(1, 1.1, 1.3, scatter=0.02), shared)
    assert word == "noisy"
    assert "60 % of a core" in reasons[0]


def test_what_a_phone_says_counts_and_comes_first() -> None:
    word, reasons = verdict.judge(latency(1), QUIET, [("throttled", "it was hot")])
    assert (word, reasons) == ("throttled", ("it was hot",))


def test_a_handful_of_samples_is_not_judged() -> None:
    assert verdict.judge(Latency(samples_ns=(1, 100, 10_000)), QUIET) == ("clean", ())
    assert verdict.judge(None, None) == ("clean", ())
