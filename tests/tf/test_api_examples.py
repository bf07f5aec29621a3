"""The examples of the Python functions run one after the other, as a reader would type them."""

from __future__ import annotations

import doctest
import importlib
import inspect
import pkgutil
import re
from pathlib import Path

import pytest

import tflconv
from tflconv import api
from tflconv.compression import ChannelsConfig
from tflconv.results import Results

ORDER = (
    "train", "compress", "convert", "inspect", "verify", "bench", "compare", "serve", "study",
    "write_report", "load", "list_datasets", "list_devices", "list_models", "list_recipes",
)  # fmt: skip
"""Each example goes on with what the one before it left."""


def test_every_function_has_an_example() -> None:
    assert sorted(ORDER) == sorted(api.__all__)


def test_the_examples_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    runner, finder = doctest.DocTestRunner(), doctest.DocTestFinder(recurse=False)
    names = {name: getattr(api, name) for name in ORDER}
    names |= {"ChannelsConfig": ChannelsConfig, "Results": Results, "Path": Path}
    for name in ORDER:
        (example,) = finder.find(names[name], name, globs=dict(names))
        assert example.examples, f"tflconv.{name} has no example"
        runner.run(example)
    assert runner.summarize(verbose=False).failed == 0
    assert Path("empty.html").exists()


@pytest.mark.parametrize("name", ORDER)
def test_every_parameter_is_described(name: str) -> None:
    function = getattr(api, name)
    text = function.__doc__ or ""
    hints = inspect.unwrap(function).__annotations__
    parameters = hints.keys() - {"return"}
    arguments = ("Args:",) if parameters else ()
    says_what = hints["return"] == "None" or text.startswith("Return ")
    returns = () if says_what else ("Returns:",)
    for section in (*arguments, *returns, "Example:"):
        assert section in text, f"tflconv.{name}: no {section}"
    for parameter in parameters:
        assert re.search(rf"^        {parameter}: ", text, re.MULTILINE), f"{name}: {parameter}"


HEAVY = sorted(
    info.name
    for info in pkgutil.walk_packages(tflconv.__path__, "tflconv.")
    if info.name.startswith(
        ("tflconv.compression", "tflconv.conversion", "tflconv.network.keras", "tflconv.training")
    )
)


@pytest.mark.parametrize("name", HEAVY)
def test_examples_of_modules_run(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert doctest.testmod(importlib.import_module(name)).failed == 0
