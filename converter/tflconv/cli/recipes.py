"""``tflconv recipes``."""

from __future__ import annotations

import click

from tflconv import recipe
from tflconv.cli import options


@click.command(name="recipes")
@options.json_output
def command(as_json: bool) -> None:
    """List the ways to quantize a model."""
    rows = [
        {
            "recipe": r.name,
            "weights": r.weights,
            "activations": r.activations,
            "calibration": "yes" if r.needs_calibration else "no",
            "what it does": r.summary,
        }
        for r in recipe.BUILT_IN.values()
    ]
    options.print_rows(rows, as_json=as_json)
