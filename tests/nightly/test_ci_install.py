"""The CI templates on machines that have nothing: everything is installed, and then cached."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from fakes import runners
from fakes.runners import CI, Runner, git

TREE = Path(__file__).parents[2]
MODELS = TREE / "tests" / "golden" / "models"
PACKAGE = "tflconv==0.1.0"
APT = """#!/bin/sh
case "$1" in
update | install) echo "apt-get $*" ;;
*) {rest} ;;
esac
"""
"""The machine keeps what it has installed; files are fetched as ever, or not at all."""


@pytest.fixture(scope="session")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel of this tree."""
    folder = tmp_path_factory.mktemp("wheels")
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    source = folder / "source"
    source.mkdir()
    files = subprocess.run(["git", "archive", "HEAD"], cwd=TREE, check=True, capture_output=True)
    subprocess.run(["tar", "-x"], cwd=source, input=files.stdout, check=True)
    subprocess.run([*pip, "--wheel-dir", folder, source], check=True)
    return folder


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    origin = tmp_path / "origin"
    (origin / "models").mkdir(parents=True)
    (origin / "ci").mkdir()
    shutil.copy(MODELS / "tiny_int8.tflite", origin / "models" / "one.tflite")
    for name in ("gate.sh", "install.sh"):
        shutil.copy(CI / name, origin / "ci")
    for words in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-qm", "Models"]):
        git(origin, *words)
    return origin


def machine(folder: Path, repository: Path, stored: Path, wheels: Path, *, rest: str) -> Runner:
    """A new machine with a Python of its own and a shallow clone."""
    subprocess.run([sys.executable, "-m", "venv", folder / "python"], check=True)
    tools = folder / "python" / "bin"
    (tools / "apt-get").write_text(APT.format(rest=rest))
    (tools / "apt-get").chmod(0o755)
    git(folder, "clone", "-q", "--depth=1", f"file://{repository}", "clone")
    env = {
        name: value
        for name, value in os.environ.items()
        if name.startswith(("PIP_", "SSL_", "REQUESTS_")) or name.endswith(("_proxy", "_PROXY"))
    }
    env |= {"PIP_FIND_LINKS": str(wheels), "GITHUB_STEP_SUMMARY": str(folder / "summary")}
    return Runner(
        home=folder / "home", workspace=folder / "clone", stored=stored, tools=tools, env=env
    )


def job(template: str, runner: Runner) -> int:
    base = git(runner.workspace, "rev-parse", "origin/main")
    if template == "github":
        event = {"pull_request.base.sha": base, "before": ""}
        return runners.github(runner, event=event, inputs={"package": PACKAGE})
    predefined = {"CI_MERGE_REQUEST_DIFF_BASE_SHA": base}
    return runners.gitlab(runner, predefined=predefined, changes={"TFLCONV_PACKAGE": PACKAGE})


@pytest.mark.parametrize("template", ["github", "gitlab"])
def test_a_second_job_downloads_nothing(
    template: str,
    tmp_path: Path,
    repository: Path,
    wheels: Path,
    tell: Callable[[str, str], None],
) -> None:
    apt = shutil.which("apt-get")
    assert apt is not None, "the C library of arm64 comes from Debian"
    (tmp_path / "first").mkdir()
    first = machine(tmp_path / "first", repository, tmp_path / "stored", wheels, rest=f'{apt} "$@"')
    assert job(template, first) == 0, first.output
    assert first.restored == []
    assert "0 changed models" in first.output
    fetched = sorted(path.name for path in (tmp_path / "stored").glob("**/wheels/*.whl"))
    assert "tflconv-0.1.0-py3-none-any.whl" in fetched
    (tmp_path / "second").mkdir()
    second = machine(tmp_path / "second", repository, tmp_path / "stored", wheels, rest="exit 100")
    second.env = {**second.env, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": ""}
    shutil.copy(MODELS / "tiny_float32.tflite", second.workspace / "models" / "one.tflite")
    assert job(template, second) == 5, second.output
    assert len(second.restored) == 1
    assert "1 changed models" in second.output
    tell(
        f"two jobs of the template for {template} on machines that have Python alone",
        f"the first fetched {len(fetched)} packages, the second none",
    )
