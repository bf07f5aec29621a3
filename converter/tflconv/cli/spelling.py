"""Messages call settings as Python and plans do; here those become the options of a command."""

from __future__ import annotations

import re
from collections.abc import Iterable

import click

from tflconv.errors import SettingError

_GIVEN = re.compile(r"(?P<received>Received: )?(?<![\w-])(?P<name>[a-z][a-z_0-9]*)=(?=\S)")
"""A setting with its value, ``duty_cycle=1``."""


def as_options(error: SettingError, parameters: Iterable[click.Parameter]) -> SettingError:
    """Return ``error`` in the words of a call.

    Args:
        error: What is wrong with which settings. One that no option is called like stays as it is.
        parameters: The options of the command that was called.

    Example:
        >>> from tflconv.errors import SettingError
        >>> wrong = SettingError("training", ["epochs"], "epochs must be odd. Received: epochs=2.")
        >>> print(as_options(wrong, [click.Option(["--epochs"])]))
        --epochs must be odd. Received: 2.
    """
    options = {each.name: each.opts[-1] for each in parameters if isinstance(each, click.Option)}

    def option(name: str) -> str | None:
        return options.get(f"{error.owner}_{name}") or options.get(name)

    def given(match: re.Match[str]) -> str:
        called = option(match["name"])
        if called is None:
            return match[0]
        return "Received: " if match["received"] else f"{called} "

    def spelled(text: str) -> str:
        for name in error.names:
            called = option(name)
            if called is not None:
                text = re.sub(rf"(?<![\w-]){name}(?= must | would | out)", called, text)
        return _GIVEN.sub(given, text).replace(f"{error.owner}: --", "--")

    error.message = spelled(error.message)
    error.hint = None if error.hint is None else spelled(error.hint)
    return error
