"""The one line from a request or a plan to files and results; every door calls it.

A door (the command line, the Python functions, a study) parses what it is told into a request of
``requests`` and calls one function here. What is decided is decided below the doors.
"""

from tflconv.pipeline.conversion import convert
from tflconv.pipeline.measuring import bench
from tflconv.pipeline.requests import (
    BenchRequest,
    ConversionRequest,
    TrainingRequest,
    VerificationRequest,
)
from tflconv.pipeline.training import train
from tflconv.pipeline.verification import verify

__all__ = [
    "BenchRequest",
    "ConversionRequest",
    "TrainingRequest",
    "VerificationRequest",
    "bench",
    "convert",
    "train",
    "verify",
]
