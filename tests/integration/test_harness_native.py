"""The harness's own C tests, as a developer runs them with CMake, plain and with sanitizers."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tflconv.core import resources

Require = Callable[[str, bool, str], None]


@pytest.mark.slow
@pytest.mark.parametrize("preset", ["host", "host-sanitized"])
def test_ctest(preset: str, tmp_path: Path, require: Require) -> None:
    require("cmake", shutil.which("cmake") is not None, "no cmake on PATH")
    sources = tmp_path / "android-benchmark"
    shutil.copytree(resources.harness_dir(), sources, ignore=shutil.ignore_patterns("build"))
    for command in (
        ["cmake", "--preset", preset],
        ["cmake", "--build", "--preset", preset],
        ["ctest", "--preset", preset],
    ):
        done = subprocess.run(command, cwd=sources, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
