"""``tflconv compare`` and ``tflconv.compare`` can say the same."""

from __future__ import annotations

import inspect

import click

from tflconv import api, cli
from tflconv.cli import LazyGroup

OF_THE_DOOR = {"as_json", "export_markdown", "export_junit"}
SHORT = {"serials", "no_history"}
"""Short for a value of another option."""


def options() -> dict[str, click.Parameter]:
    command = LazyGroup().get_command(click.Context(cli.group), "compare")
    assert command is not None
    return {str(parameter.name): parameter for parameter in command.params}


def test_both_have_the_same_words_and_defaults() -> None:
    parameters = dict(inspect.signature(api.compare).parameters)
    said = {name for name in options() if name not in OF_THE_DOOR and name not in SHORT}
    assert said == parameters.keys() - {"progress"}
    context = click.Context(cli.group)
    for name, option in options().items():
        if name in parameters and isinstance(parameters[name].default, int | float):
            assert option.get_default(context) == parameters[name].default, name
