"""``tflconv doctor``."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import asdict
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version

import click

from tflconv.cli import options
from tflconv.core.diagnosis import Requirement

STAGES = {
    "tensorflow": "training and converting",
    "tf_keras": "training and converting",
    "tensorflow-model-optimization": "quantization-aware training with tfmot",
    "ai-edge-quantizer": "post-training quantization",
    "ai-edge-litert": "running models",
}
PARTS = ("tflconv.benchmark.harness", "tflconv.device.emulator", "tflconv.device.adb")


@click.command(name="doctor")
@options.json_output
def command(as_json: bool) -> None:
    """Tell what is missing on this machine and how to get it.

    What is missing for a phone or the emulator does not keep the rest from working.
    """
    findings = [finding for part in _all() for finding in part]
    if as_json:
        click.echo(json.dumps([asdict(finding) for finding in findings], indent=1))
        return
    for finding in findings:
        mark = (
            click.style("ok     ", fg="green") if finding.ok else click.style("missing", fg="red")
        )
        click.echo(f"{mark}  {finding.subject}: {finding.detail}")
        if not finding.ok:
            click.echo(f"         needed for {finding.needed_for}")
            click.echo(f"         {finding.hint}")


def _all() -> Iterator[list[Requirement]]:
    yield [_python(), *map(_package, STAGES)]
    for part in PARTS:
        yield import_module(part).diagnose()


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
        found, detail = True, version(name)
    except PackageNotFoundError:
        found, detail = False, "not installed"
    return Requirement(
        subject=name,
        ok=found,
        detail=detail,
        needed_for=STAGES[name],
        hint=f"python -m pip install {name}",
    )
