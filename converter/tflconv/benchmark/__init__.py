"""Drive the native harness on a device and turn its output into runs."""

from __future__ import annotations

from tflconv.benchmark.config import BenchmarkConfig
from tflconv.benchmark.identity import identify, identify_all
from tflconv.benchmark.laboratory import Laboratory
from tflconv.benchmark.runner import bench, check, outline, ready, recorded_settings

__all__ = [
    "BenchmarkConfig",
    "Laboratory",
    "bench",
    "check",
    "identify",
    "identify_all",
    "outline",
    "ready",
    "recorded_settings",
]
