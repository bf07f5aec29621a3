"""``tflconv list``."""

from __future__ import annotations

from typing import ClassVar

from tflconv.cli import commands, datasets, models, recipes


class _Lists(commands.Group):
    moved: ClassVar = {"devices": "devices", "runs": "history list"}


@commands.group(name="list", cls=_Lists)
def command() -> None:
    """List models that can be trained, recipes, or datasets.

    \b
    Examples:
      tflconv list models
      tflconv list recipes --json
    """


for each in (models.command, recipes.command, datasets.listing):
    command.add_command(each)
