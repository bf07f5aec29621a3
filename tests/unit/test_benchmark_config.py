"""Settings are checked when they are built, and the message names the one that is wrong."""

from __future__ import annotations

from typing import Any

import pytest

from tflconv.benchmark.config import BenchmarkConfig
from tflconv.errors import UsageError


def test_defaults_are_those_of_benchmark_model() -> None:
    config = BenchmarkConfig()
    assert (config.num_runs, config.min_secs, config.max_secs) == (50, 1.0, 150.0)
    assert (config.warmup_runs, config.warmup_min_secs, config.num_threads) == (1, 0.5, 1)


@pytest.mark.parametrize("mask", ["", "big", "all", "0xf0"])
def test_masks(mask: str) -> None:
    assert BenchmarkConfig(cpu_mask=mask).cpu_mask == mask


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("num_runs", 0),
        ("min_secs", -1),
        ("max_secs", 0.5),
        ("num_threads", 0),
        ("rate_hz", -1),
        ("duty_cycle", 0),
        ("duty_cycle", 1.1),
        ("accelerator", "npu"),
        ("cpu_mask", "f0"),
        ("cpu_mask", "0xg"),
        ("min_secs", float("nan")),
        ("timeout", 0),
    ],
)
def test_nonsense_is_refused_by_name(name: str, value: Any) -> None:
    with pytest.raises(UsageError, match=rf"{name} must be .*Received: {name}="):
        BenchmarkConfig(**{name: value})
