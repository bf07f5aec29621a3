"""``tflconv demo``."""

from __future__ import annotations

from pathlib import Path

import click

from tflconv.cli import study


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

    The bundled digits, MobileNetV2 and a small ViT, four recipes each, measured on this computer:
    about five minutes on two cores, and seconds the second time.

    \b
    Examples:
      tflconv demo
      tflconv demo -o /tmp/demo --again
    """
    from tflconv.core import resources
    from tflconv.pipeline import plan

    study.run(plan.load(resources.demo_plan()), output, again=again)
