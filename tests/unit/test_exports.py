"""What packages export, and that their examples run."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
from pathlib import Path
from types import ModuleType

import pytest

import tflconv

PACKAGES = sorted(
    info.name
    for info in pkgutil.walk_packages(tflconv.__path__, "tflconv.")
    if info.ispkg and not info.name.startswith(("tflconv.android_benchmark", "tflconv.datasets"))
)
HEAVY = (
    "tflconv.__main__", "tflconv.android_benchmark", "tflconv.api", "tflconv.compression",
    "tflconv.conversion", "tflconv.core.tensorflow", "tflconv.datasets", "tflconv.models.layers",
    "tflconv.network.keras", "tflconv.training",
)  # fmt: skip
"""What needs TensorFlow for its examples (``tests/tf/test_api_examples.py``), or has none."""

LIGHT = sorted(
    info.name
    for info in pkgutil.walk_packages(tflconv.__path__, "tflconv.")
    if not info.name.startswith(HEAVY)
)


@pytest.mark.parametrize("name", ["tflconv", *PACKAGES])
def test_no_exported_name_hides_a_module(name: str) -> None:
    package = importlib.import_module(name)
    inside = {info.name for info in pkgutil.iter_modules(package.__path__)}
    hidden = {
        exported
        for exported in inside & set(getattr(package, "__all__", ()))
        if not isinstance(getattr(package, exported), ModuleType)
    }
    assert not hidden


@pytest.mark.parametrize("name", ["tflconv", *PACKAGES])
def test_what_is_exported_is_there(name: str) -> None:
    package = importlib.import_module(name)
    for exported in getattr(package, "__all__", ()):
        assert getattr(package, exported) is not None


def test_the_names_of_the_package_are_these() -> None:
    assert sorted(tflconv.__all__) == [
        "__version__",
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


@pytest.mark.parametrize("name", LIGHT)
def test_examples_run(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert doctest.testmod(importlib.import_module(name)).failed == 0


def test_there_are_examples_to_run() -> None:
    finder = doctest.DocTestFinder()
    modules = [importlib.import_module(name) for name in LIGHT]
    assert sum(len(found.examples) > 0 for m in modules for found in finder.find(m)) > 60
