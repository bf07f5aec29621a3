"""Paths of the data files inside the installed package."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path


def datasets_dir() -> Path:
    """Return the folder of the bundled dataset cards and samples, one subfolder per dataset."""
    return _package_dir("tflconv.datasets")


def harness_dir() -> Path:
    """Return the folder of the native harness: its sources and prebuilt programs."""
    return _package_dir("tflconv.android_benchmark")


def demo_plan() -> Path:
    """Return the path of the plan that ``tflconv study demo`` runs."""
    return _package_dir("tflconv") / "demo.toml"


def golden_check() -> Path:
    """Return the path of the Kotlin that checks an app against a golden contract."""
    return _package_dir("tflconv.model") / "GoldenCheck.kt"


def first_plan() -> Path:
    """Return the path of the plan with comments that ``tflconv study init`` prints."""
    return _package_dir("tflconv") / "plan.toml"


def _package_dir(package: str) -> Path:
    return Path(str(files(package)))
