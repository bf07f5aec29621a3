"""A CI runner that does what GitHub and GitLab say that theirs do, for the templates in ``ci/``.

It reads the YAML, fills in inputs and variables, restores and saves caches, and runs each step in
order in a shell of its own, as the runners call it. What a step needs of the system comes from
``tools``, a folder that stands first on the path.
"""

from __future__ import annotations

import os
import re
import shutil
import string
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

CI = Path(__file__).parents[2] / "ci"
GITHUB, GITLAB = CI / "github" / "action.yml", CI / "gitlab" / "gate.yml"


@dataclass(kw_only=True)
class Runner:
    """A machine that runs one job.

    Attributes:
        home: Home of its user; what is there before comes of the cache alone.
        workspace: The checkout.
        stored: What caches keep between jobs.
        tools: A folder that stands first on the path.
        env: Further variables of the machine, which no template may set.
        restored: The keys of caches that were there.
        output: What the steps printed.
    """

    home: Path
    workspace: Path
    stored: Path
    tools: Path
    env: Mapping[str, str] = field(default_factory=dict)
    restored: list[str] = field(default_factory=list)
    output: str = ""

    def run(self, words: Sequence[str], script: str, variables: Mapping[str, str]) -> int:
        """Run ``script`` in the shell ``words`` and return its exit code."""
        machine = {"HOME": str(self.home), "CI": "true", "LANG": "C.UTF-8"}
        path = {"PATH": f"{self.tools}{os.pathsep}{os.environ['PATH']}"}
        self.home.mkdir(exist_ok=True)
        done = subprocess.run(
            [*words, script],
            cwd=self.workspace,
            env=machine | dict(variables) | path | dict(self.env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.output += done.stdout
        return done.returncode

    def restore(self, key: str, paths: Sequence[Path]) -> None:
        """Put what was saved under ``key`` where it was."""
        if not (self.stored / key).exists():
            return
        self.restored.append(key)
        for number, path in enumerate(paths):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.symlink_to(self.stored / key / str(number))

    def save(self, key: str, paths: Sequence[Path]) -> None:
        """Keep ``paths`` under ``key``, unless there is something already."""
        if (self.stored / key).exists():
            return
        for number, path in enumerate(paths):
            (self.stored / key).mkdir(parents=True, exist_ok=True)
            shutil.move(path, self.stored / key / str(number))


def github(runner: Runner, *, event: Mapping[str, str], inputs: Mapping[str, str]) -> int:
    """Run the composite action; return the exit code of the first step that fails, or 0.

    Args:
        runner: The machine.
        event: What the event says, by the names of ``github.event``.
        inputs: What the workflow gives.
    """
    action: dict[str, Any] = yaml.safe_load(GITHUB.read_text())
    context = {"github.action_path": str(GITHUB.parent), "runner.arch": "X64"}
    context |= {f"github.event.{name}": value for name, value in event.items()}
    for name, declared in action["inputs"].items():
        assert declared["description"]
        context[f"inputs.{name}"] = inputs.get(name) or _filled(declared["default"], context)
    caches: list[tuple[str, list[Path]]] = []
    for step in action["runs"]["steps"]:
        if step.get("uses", "").startswith("actions/cache@"):
            paths = [Path(p.replace("~", str(runner.home))) for p in step["with"]["path"].split()]
            caches.append((_filled(step["with"]["key"], context), paths))
            runner.restore(*caches[-1])
            continue
        assert step["shell"] == "bash", "a composite action must name the shell of each step"
        shell = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c"]
        variables = {name: _filled(value, context) for name, value in step["env"].items()}
        if code := runner.run(shell, _filled(step["run"], context), variables):
            return code
    for key, paths in caches:
        runner.save(key, paths)
    return 0


def gitlab(
    runner: Runner, *, predefined: Mapping[str, str], changes: Mapping[str, str] | None = None
) -> int:
    """Run the job of the template; return its exit code.

    Args:
        runner: The machine.
        predefined: The variables ``CI_...`` of the pipeline.
        changes: Variables that the job which extends the template sets.
    """
    document: dict[str, Any] = yaml.safe_load(GITLAB.read_text())
    ((_, job),) = document.items()
    variables = dict(predefined) | {"CI_PROJECT_DIR": str(runner.workspace)}
    for name, value in (job["variables"] | (changes or {})).items():
        variables[name] = string.Template(value).substitute(variables)
    key = string.Template(job["cache"]["key"]).substitute(variables)
    paths = [runner.workspace / path for path in job["cache"]["paths"]]
    runner.restore(key, paths)
    script = "\n".join(["set -eo pipefail", *job["before_script"], *job["script"]])
    code = runner.run(["bash", "-c"], script, variables)
    if code == 0:
        runner.save(key, paths)
    return code


def artifacts() -> list[str]:
    """The paths that GitLab keeps of a job, reports included."""
    (job,) = yaml.safe_load(GITLAB.read_text()).values()
    kept: list[str] = job["artifacts"]["paths"]
    return [*kept, job["artifacts"]["reports"]["junit"]]


def dockerfile() -> tuple[dict[str, str], list[str]]:
    """The variables and the commands of the container, in their order."""
    text = re.sub(r"\\\n\s*", "", (CI / "Dockerfile").read_text())
    lines = [line.partition(" ") for line in text.splitlines()]
    pairs = [rest.partition("=") for word, _, rest in lines if word in ("ARG", "ENV")]
    named = {name: value for name, _, value in pairs}
    return named, [rest for word, _, rest in lines if word == "RUN"]


def _filled(text: str, context: Mapping[str, str]) -> str:
    """Fill in ``${{ ... }}``: names of contexts, of which the first that is set counts."""

    def value(found: re.Match[str]) -> str:
        return next(filter(None, (context[name] for name in found[1].split(" || "))), "")

    return re.sub(r"\$\{\{ (.*?) \}\}", value, text)


def git(folder: Path, *words: str) -> str:
    """Run git in ``folder``, as somebody, and return what it printed."""
    who = ["-c", "user.name=t", "-c", "user.email=t@t"]
    return subprocess.run(
        ["git", *who, *words], cwd=folder, check=True, stdout=subprocess.PIPE, text=True
    ).stdout.strip()
