"""The stages as functions, for notebooks and scripts.

Each does what the command of the same name does, takes what the command takes, and returns values.
All build the same requests and call the same pipeline as the command line and studies do. One file
per function.
"""

from tflconv.api.comparing import compare
from tflconv.api.compression import compress
from tflconv.api.conversion import convert
from tflconv.api.inspecting import inspect
from tflconv.api.listing import list_datasets, list_devices, list_models, list_recipes
from tflconv.api.measuring import bench
from tflconv.api.reporting import write_report
from tflconv.api.serving import serve
from tflconv.api.studying import study
from tflconv.api.training import train
from tflconv.api.verification import verify
from tflconv.results import load

__all__ = [
    "bench",
    "compare",
    "compress",
    "convert",
    "inspect",
    "list_datasets",
    "list_devices",
    "list_models",
    "list_recipes",
    "load",
    "serve",
    "study",
    "train",
    "verify",
    "write_report",
]
