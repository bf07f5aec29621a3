"""``tflconv demo``."""

from __future__ import annotations

from pathlib import Path

import click

from tflconv.cli import study
from tflconv.cli.console import say


@click.command(name="demo")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    default=Path("demo"),
    show_default=True,
    help="Folder for models, results, plots and report.",
)
@click.option("--again", is_flag=True, help="Measure again what was measured before.")
def command(output: Path, again: bool) -> None:
    """Train, convert, verify, measure and report two small models.

    The bundled digits; MobileNetV2, a plain ViT and one built for integers, each in the recipes
    that suit it, measured on this computer: about five minutes on two cores, and seconds the
    second time. Where qemu is installed, arm64 instructions are counted, too.

    \b
    Examples:
      tflconv demo
      tflconv demo -o /tmp/demo --again
    """
    from tflconv.pipeline import demonstration

    obstacle = demonstration.obstacle()
    if obstacle is not None:
        say(f"Without arm64 instructions: {obstacle}", err=True)
    study.run(demonstration.plan(counted=obstacle is None), output, again=again)
