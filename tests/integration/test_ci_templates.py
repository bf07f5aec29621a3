"""The commands of the CI templates gate a repository of models, on this computer."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

CI = Path(__file__).parents[2] / "ci"
GOLDEN = Path(__file__).parents[1] / "golden" / "models"
FLOAT, INT8 = GOLDEN / "tiny_float32.tflite", GOLDEN / "tiny_int8.tflite"


def indented(text: str, key: str) -> list[str]:
    """The lines of the last block under ``key`` of a YAML file, without their indent."""
    block = re.split(rf"^ *{key}:.*\n", text, flags=re.M)[-1]
    lines = block.splitlines()
    depth = len(lines[0]) - len(lines[0].lstrip())
    inside = [line for line in lines if line.startswith(" " * depth)]
    return [line[depth:].removeprefix("- ") for line in inside[: _end(lines, depth)]]


def _end(lines: list[str], depth: int) -> int:
    ends = [n for n, line in enumerate(lines) if len(line) - len(line.lstrip()) < depth]
    return ends[0] if ends else len(lines)


def variables(text: str, key: str) -> dict[str, str]:
    pairs = (line.partition(":") for line in indented(text, key))
    return {name: value.partition(" #")[0].strip().strip(chr(34)) for name, _, value in pairs}


def of_github() -> tuple[str, dict[str, str]]:
    text = (CI / "github" / "action.yml").read_text()
    named = variables(text, "env")
    inputs = dict(re.findall(r"^  (\w+):\n    description: .*\n    default: (.*)$", text, re.M))
    filled = {
        name: re.sub(r"\$\{\{ inputs\.(\w+) \}\}", lambda m: inputs[m[1]].strip('"'), value)
        for name, value in named.items()
    }
    filled["GATE"] = filled["GATE"].replace("${{ github.action_path }}", str(CI / "github"))
    return "\n".join(indented(text, "run")), filled


def of_gitlab() -> tuple[str, dict[str, str]]:
    text = (CI / "gitlab" / "gate.yml").read_text()
    named = variables(text, "variables")
    return "\n".join(indented(text, "script")), named


TEMPLATES = {"github": of_github, "gitlab": of_gitlab}


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A clone of a repository that has two models."""
    origin, clone = tmp_path / "origin", tmp_path / "clone"
    (origin / "models").mkdir(parents=True)
    shutil.copy(INT8, origin / "models" / "one.tflite")
    shutil.copy(FLOAT, origin / "models" / "other.tflite")
    for words in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-qm", "Models"]):
        git(origin, *words)
    git(tmp_path, "clone", "-q", str(origin), str(clone))
    (clone / "ci").mkdir()
    shutil.copy(CI / "gate.sh", clone / "ci")
    return clone


def git(folder: Path, *words: str) -> None:
    who = ["-c", "user.name=t", "-c", "user.email=t@t"]
    subprocess.run(["git", *who, *words], cwd=folder, check=True)


def gated(repository: Path, template: str, **changes: str) -> subprocess.CompletedProcess[str]:
    script, named = TEMPLATES[template]()
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    named = named | {"TFLCONV_BASELINE": "main", "PATH": path} | changes
    named.pop("TFLCONV_CACHE_DIR", None)  # that of this computer has the emulator's parts
    return subprocess.run(
        ["bash", "-e", "-c", script],
        cwd=repository,
        env=os.environ | named,
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize("template", TEMPLATES)
@pytest.mark.usefixtures("arm64")
def test_a_model_that_grew_fails_the_gate(template: str, repository: Path) -> None:
    shutil.copy(FLOAT, repository / "models" / "one.tflite")
    done = gated(repository, template, GITHUB_STEP_SUMMARY=str(repository / "summary"))
    assert done.returncode == 5, done.stderr
    assert "1 changed models compared with main on arm64:cortex-a76" in done.stdout
    suite = ElementTree.parse(repository / "tflconv-reports" / "1.xml").getroot()
    assert [case.get("name") for case in suite] == ["instructions:1%", "bytes:1%"]
    assert int(suite.get("failures", 0)) >= 1
    assert "instructions" in (repository / "summary").read_text()


@pytest.mark.parametrize("template", TEMPLATES)
def test_models_that_did_not_change_pass(template: str, repository: Path) -> None:
    done = gated(repository, template)
    assert done.returncode == 0, done.stderr
    assert "0 changed models" in done.stdout


def test_what_is_no_regression_but_an_error_ends_the_gate(repository: Path) -> None:
    (repository / "models" / "one.tflite").write_bytes(b"nothing")
    done = gated(repository, "gitlab", TFLCONV_DEVICE="host", TFLCONV_OPTIONS="--blocks 1")
    assert done.returncode == 1
    assert "one.tflite" in done.stderr
