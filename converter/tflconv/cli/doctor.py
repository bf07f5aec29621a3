"""``tflconv doctor``."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import asdict
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version

import click

from tflconv.cli import commands, options
from tflconv.cli.console import print_json, say, say_next, working
from tflconv.core.diagnosis import Requirement

STAGES = {
    "tensorflow": "training and converting",
    "tf_keras": "training and converting",
    "tensorflow-model-optimization": "quantization-aware training with tfmot",
    "litert-quantizer": "post-training quantization",
    "ai-edge-litert": "running models",
}
PARTS = ("tflconv.benchmark.harness", "tflconv.device.emulator", "tflconv.device.adb")


@commands.command(name="doctor")
@options.json_output
def command(as_json: bool) -> None:
    """Show what is missing on this computer and how to install it.

    Whatever is missing for phones or emulated cores affects nothing else.

    \b
    Examples:
      tflconv doctor
      tflconv doctor --json
    """
    with working("looking at what is installed"):
        requirements = list(_requirements())
    if as_json:
        print_json([asdict(requirement) for requirement in requirements])
        return
    for requirement in requirements:
        _print(requirement)
    say_next("tflconv", "study", "demo", why="data to report in some minutes")


def _print(requirement: Requirement) -> None:
    ok = requirement.ok
    mark = click.style("ok     ", fg="green") if ok else click.style("missing", fg="red")
    click.echo(mark, nl=False)
    say(f"  {requirement.subject}: {requirement.detail}")
    if not ok:
        say(f"         needed for {requirement.needed_for}")
        say(f"         {requirement.hint}")


def _requirements() -> Iterator[Requirement]:
    yield _python()
    yield from map(_package, STAGES)
    for part in PARTS:
        yield from import_module(part).diagnose()


def _python() -> Requirement:
    return Requirement(
        subject="Python",
        ok=(3, 10) <= sys.version_info < (3, 14),
        detail=sys.version.split()[0],
        needed_for="TensorFlow, which has wheels for 3.10 to 3.13",
        hint="Create the environment with another Python: make PYTHON=python3.12",
    )


def _package(name: str) -> Requirement:
    try:
        installed, detail = True, version(name)
    except PackageNotFoundError:
        installed, detail = False, "not installed"
    return Requirement(
        subject=name,
        ok=installed,
        detail=detail,
        needed_for=STAGES[name],
        hint=f"python -m pip install {name}",
    )
