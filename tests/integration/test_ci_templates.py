"""The CI templates gate a repository of models: each step is run in order, as a runner does.

The packages are there already: ``apt-get`` and ``pip`` stand in and note what is asked of them, and
the cache holds LiteRT for arm64. ``tests/nightly/test_ci_install.py`` installs everything.
"""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest

from fakes import runners
from fakes.runners import CI, Runner, git
from tflconv.core.files import cache_dir

GOLDEN = Path(__file__).parents[1] / "golden" / "models"
FLOAT, INT8 = GOLDEN / "tiny_float32.tflite", GOLDEN / "tiny_int8.tflite"
FROM_CACHE = "pip install --quiet --no-index --find-links WHEELS tflconv==0.1.0"
KEYS = {"github": "tflconv-X64-tflconv==0.1.0", "gitlab": "tflconv-tflconv==0.1.0"}
STAND_IN = """#!/bin/sh
echo "$(basename "$0") $*" >>"{folder}/asked"
case "$(basename "$0") $1" in
"pip wheel") mkdir -p "$4" ;;
"pip install") [ -d "$5" ] ;;
esac
"""
"""Notes what it is asked for; packages can be installed where their folder is."""


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A shallow clone of a repository that has two models, as a runner makes it."""
    origin, clone = tmp_path / "origin", tmp_path / "clone"
    (origin / "models").mkdir(parents=True)
    shutil.copy(INT8, origin / "models" / "one.tflite")
    shutil.copy(FLOAT, origin / "models" / "other.tflite")
    for words in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-qm", "Models"]):
        git(origin, *words)
    git(tmp_path, "clone", "-q", "--depth=1", f"file://{origin}", str(clone))
    (clone / "ci").mkdir()
    for name in ("gate.sh", "install.sh"):
        shutil.copy(CI / name, clone / "ci")
    return clone


def stand_in(tools: Path, name: str) -> None:
    (tools / name).unlink(missing_ok=True)
    (tools / name).write_text(STAND_IN.format(folder=tools.parent))
    (tools / name).chmod(0o755)


def asked(folder: Path) -> list[str]:
    """What the stand-ins were asked for, with the folder of packages as ``WHEELS``."""
    lines = (folder / "asked").read_text().splitlines()
    return [re.sub(r"\S+/wheels", "WHEELS", line) for line in lines]


@pytest.fixture
def runner(tmp_path: Path, repository: Path) -> Runner:
    """A runner whose caches hold what an earlier job left."""
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("apt-get", "pip"):
        stand_in(tools, name)
    (tools / "tflconv").symlink_to(Path(sys.executable).parent / "tflconv")
    for place in (f"{KEYS['github']}/0", f"{KEYS['gitlab']}/0/tflconv"):
        kept = tmp_path / "stored" / place
        (kept / "wheels").mkdir(parents=True)
        for part in cache_dir("").iterdir():
            (kept / part.name).symlink_to(part)
    return Runner(
        home=tmp_path / "home",
        workspace=repository,
        stored=tmp_path / "stored",
        tools=tools,
        env={"PIP_NO_INDEX": "1", "GITHUB_STEP_SUMMARY": str(tmp_path / "summary")},
    )


def on_github(runner: Runner, **inputs: str) -> int:
    base = git(runner.workspace, "rev-parse", "origin/main")
    event = {"pull_request.base.sha": base, "before": ""}
    return runners.github(runner, event=event, inputs={"package": "tflconv==0.1.0"} | inputs)


def on_gitlab(runner: Runner, **inputs: str) -> int:
    base = git(runner.workspace, "rev-parse", "origin/main")
    named = {f"TFLCONV_{name.upper()}": value for name, value in inputs.items()}
    return runners.gitlab(
        runner,
        predefined={"CI_MERGE_REQUEST_DIFF_BASE_SHA": base},
        changes={"TFLCONV_PACKAGE": "tflconv==0.1.0"} | named,
    )


TEMPLATES = {"github": on_github, "gitlab": on_gitlab}
Template = Callable[..., int]


@pytest.fixture(params=TEMPLATES)
def template(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.mark.usefixtures("arm64")
def test_a_model_that_grew_fails_the_gate(template: str, runner: Runner, tmp_path: Path) -> None:
    shutil.copy(FLOAT, runner.workspace / "models" / "one.tflite")
    assert TEMPLATES[template](runner) == 5, runner.output
    assert runner.restored == [KEYS[template]]
    assert "1 changed models compared with" in runner.output
    assert "on arm64:cortex-a76" in runner.output
    suite = ElementTree.parse(runner.workspace / "tflconv-reports" / "1.xml").getroot()
    assert [case.get("name") for case in suite] == ["instructions:1%", "bytes:1%"]
    assert int(suite.get("failures", 0)) >= 1
    assert asked(tmp_path) == [FROM_CACHE]
    if template == "github":
        assert "instructions" in (tmp_path / "summary").read_text()
    else:
        assert all([*runner.workspace.glob(path)] for path in runners.artifacts())


@pytest.mark.usefixtures("arm64")
def test_models_that_did_not_change_pass(template: str, runner: Runner) -> None:
    assert TEMPLATES[template](runner) == 0, runner.output
    assert "0 changed models" in runner.output


def test_what_is_no_regression_but_an_error_ends_the_gate(
    template: str, runner: Runner, tmp_path: Path
) -> None:
    """On the core of a server nothing of an emulator is installed."""
    (runner.workspace / "models" / "one.tflite").write_bytes(b"nothing")
    assert TEMPLATES[template](runner, device="host", options="--blocks 1") == 1
    assert "one.tflite" in runner.output
    assert asked(tmp_path) == [FROM_CACHE]


def test_a_machine_that_has_nothing_gets_everything_and_keeps_it(
    template: str, runner: Runner, tmp_path: Path
) -> None:
    """Of the path only the stand-ins are left, and links to what a step calls beside them."""
    shutil.rmtree(runner.stored)
    for name in ("sh", "bash", "git", "mkdir", "basename", "cat", "mktemp", "rm"):
        program = shutil.which(name)
        assert program is not None
        (runner.tools / name).symlink_to(program)
    stand_in(runner.tools, "tflconv")
    runner.env = {**runner.env, "PATH": str(runner.tools)}
    assert TEMPLATES[template](runner) == 0, runner.output
    assert asked(tmp_path) == [
        FROM_CACHE,
        "pip wheel --quiet --wheel-dir WHEELS tflconv==0.1.0",
        FROM_CACHE,
        "apt-get update -qq",
        "apt-get install -y -qq --no-install-recommends qemu-user",
        "tflconv devices setup arm64",
    ]
    assert [*runner.stored.glob(f"{KEYS[template]}/**/wheels")]


@pytest.mark.usefixtures("arm64")
def test_the_container_is_made_by_the_same_script(runner: Runner, tmp_path: Path) -> None:
    variables, (command,) = runners.dockerfile()
    assert variables.pop("TFLCONV_CACHE_DIR") == "/var/cache/tflconv"
    assert variables == {"PACKAGE": "tflconv"}
    kept = runner.stored / KEYS["github"] / "0"
    here = {"PACKAGE": "tflconv==0.1.0", "TFLCONV_CACHE_DIR": str(kept)}
    command = command.replace("/tmp/install.sh", str(runner.workspace / "ci" / "install.sh"))
    assert runner.run(["sh", "-c"], command, here) == 0, runner.output
    assert asked(tmp_path) == [FROM_CACHE]
    assert (kept / "arm64").exists()
    assert not (kept / "wheels").exists()
