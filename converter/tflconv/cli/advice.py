"""What a wrong call is told besides what is wrong: the nearest word, what an option takes, a call.

click says which word it could not read and points to the help. Whoever typed it wants to go on: the
option's own line of help, or the first example of the command, stands in the message.
"""

from __future__ import annotations

import click

from tflconv.cli import neighbours

_EXAMPLES = "Examples:\n"
_PLAIN = {
    "a valid integer range": "a whole number",
    "a valid integer": "a whole number",
    "a valid float range": "a number",
    "a valid float": "a number",
}
"""What click says of types, and what a user says."""
_EXTRA = "Got unexpected extra argument"


def on(error: click.UsageError, command: click.Command, context: click.Context) -> click.UsageError:
    """Return ``error``, which ``command`` met in the words of its call, with what to do."""
    if isinstance(error, click.NoSuchOption):
        message = f"No such option '{error.option_name}'." + _meant(
            error.option_name, command, context
        )
        return click.NoSuchOption(error.option_name, message, ctx=context)
    message = _plain(error.format_message())
    if isinstance(error, click.MissingParameter):
        return click.UsageError(message + _for_example(command), context)
    if isinstance(error, click.BadOptionUsage):
        options = (each for each in command.get_params(context) if error.option_name in each.opts)
        return click.UsageError(message + _taken(next(options, None)), context)
    if isinstance(error, click.BadParameter):
        names_all = error.param is not None and isinstance(error.param.type, click.Choice)
        return click.UsageError(message + ("" if names_all else _valid(error, command)), context)
    if error.message.startswith(_EXTRA):
        words = error.message.removesuffix(")").rpartition("(")[2].split()
        return click.UsageError(message + _extra(command, context, words), context)
    return error


def example(command: click.Command) -> str | None:
    """Return the first example of the command's help."""
    _, _, examples = (command.help or "").partition(_EXAMPLES)
    lines = examples.strip().splitlines()
    return lines[0].strip() if lines else None


def owners(context: click.Context, option: str) -> str:
    """Name the commands that have an option; nothing if none has."""
    root = context.find_root().command
    if not isinstance(root, click.Group):
        return ""
    names = [
        name
        for name in root.list_commands(context)
        if (command := root.get_command(context, name)) is not None
        and option in neighbours.words_of(command, context)
    ]
    return ", ".join(names[:3]) + (" and others" if len(names) > 3 else "")


def _meant(option: str, command: click.Command, context: click.Context) -> str:
    near = neighbours.options(option, neighbours.words_of(command, context))
    if near:
        return " Did you mean " + " or ".join(f"'{each}'" for each in near) + "?"
    having = owners(context, option)
    if not having:
        return _for_example(command)
    where = "These commands have it" if context.parent else "Say it behind its command"
    return f" {where}: {having}."


def _plain(text: str) -> str:
    for words, plain in _PLAIN.items():
        text = text.replace(words, plain)
    return text


def _for_example(command: click.Command) -> str:
    shown = example(command)
    return f"\nFor example: {shown}" if shown else ""


def _valid(error: click.BadParameter, command: click.Command) -> str:
    """Say what may stand there: an option's help, or a call with a good argument."""
    if isinstance(error.param, click.Option):
        return _taken(error.param)
    return _for_example(command)


def _taken(option: click.Parameter | None) -> str:
    if not isinstance(option, click.Option) or not option.help:
        return ""
    metavar = option.metavar or option.type.name.upper()
    return f"\n{option.opts[-1]} {metavar}: {option.help}"


def _extra(command: click.Command, context: click.Context, words: list[str]) -> str:
    for word in words:
        for option in neighbours.taking(command, context, word):
            return f". Did you mean '{option} {word}'?"
    names = (
        each.metavar or each.human_readable_name
        for each in command.params
        if isinstance(each, click.Argument)
    )
    return f". It takes {' '.join(names) or 'no words'}, and options by their name."
