"""``tflconv list recipes``."""

from __future__ import annotations

from tflconv import recipe
from tflconv.cli import commands, options
from tflconv.cli.console import say_next
from tflconv.compression import technique


@commands.command(name="recipes")
@options.json_output
def command(as_json: bool) -> None:
    """List the ways to quantize a model, and what can be trained before.

    A technique that trains goes before the name: qat_static_wi8_ai8, for which qat is short.

    \b
    Examples:
      tflconv list recipes
      tflconv list recipes --json
    """
    short = {full: alias for alias, full in recipe.ALIASES.items()}
    rows = [
        {
            "recipe": each.scheme,
            "alias": short.get(each.scheme),
            "weights": each.weights,
            "activations": each.activations,
            "calibration": "yes" if each.needs_ranges else "no",
            "what it does": each.summary,
        }
        for each in recipe.SCHEMES.values()
    ]
    rows += [
        {
            "recipe": f"{row.name}{'' if row.amount is None else 'N'}_...",
            "alias": None,
            "weights": "–",
            "activations": "–",
            "calibration": "no" if row.trains_ranges else "–",
            "what it does": row.summary,
        }
        for row in technique.TECHNIQUES.values()
    ]
    options.print_rows(rows, as_json=as_json)
    say_next("tflconv", "convert", "MODEL", "--recipe", "int8")
