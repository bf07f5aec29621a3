"""The one line from a request or a plan to files and results; every door calls it.

A door (the command line, the Python functions, a study) parses what it is told into a request of
``requests`` and calls one function here. What is decided is decided below the doors. A stage is
imported when it is first used, so that ``verify`` waits for nothing that converts or measures.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tflconv.pipeline.comparing import compare
    from tflconv.pipeline.comparison_request import ComparisonRequest
    from tflconv.pipeline.compression import compress
    from tflconv.pipeline.conversion import convert
    from tflconv.pipeline.inspecting import inspect_files, inspect_keras
    from tflconv.pipeline.measuring import bench
    from tflconv.pipeline.requests import (
        BenchRequest,
        CompressionRequest,
        ConversionRequest,
        TrainingRequest,
    )
    from tflconv.pipeline.training import train
    from tflconv.pipeline.verification import verify
    from tflconv.pipeline.verification_request import VerificationRequest

__all__ = [
    "BenchRequest",
    "ComparisonRequest",
    "CompressionRequest",
    "ConversionRequest",
    "TrainingRequest",
    "VerificationRequest",
    "bench",
    "compare",
    "compress",
    "convert",
    "inspect_files",
    "inspect_keras",
    "train",
    "verify",
]

_HOMES = {
    "BenchRequest": "requests",
    "CompressionRequest": "requests",
    "ComparisonRequest": "comparison_request",
    "ConversionRequest": "requests",
    "TrainingRequest": "requests",
    "VerificationRequest": "verification_request",
    "bench": "measuring",
    "compress": "compression",
    "compare": "comparing",
    "convert": "conversion",
    "inspect_files": "inspecting",
    "inspect_keras": "inspecting",
    "train": "training",
    "verify": "verification",
}


def __getattr__(name: str) -> Any:
    """Import a stage or its request when it is first used."""
    if name not in _HOMES:
        raise AttributeError(f"module 'tflconv.pipeline' has no attribute '{name}'")
    return getattr(importlib.import_module(f"tflconv.pipeline.{_HOMES[name]}"), name)
