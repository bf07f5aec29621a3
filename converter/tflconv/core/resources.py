"""The only reader of the data that travels inside the wheel."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path


def datasets_dir() -> Path:
    """Folder of the bundled dataset cards and samples, one subfolder a dataset."""
    return _package_dir("tflconv.datasets")


def harness_dir() -> Path:
    """Folder of the native harness: its sources and what was prebuilt of it."""
    return _package_dir("tflconv.android_benchmark")


def demo_plan() -> Path:
    """The plan that ``tflconv demo`` runs."""
    return _package_dir("tflconv") / "demo.toml"


def _package_dir(package: str) -> Path:
    return Path(str(files(package)))
