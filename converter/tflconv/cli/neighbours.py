"""What somebody may have meant by an option or a word that a command does not have."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator

import click

SYNONYMS = {
    "--quantize": "--recipe",
    "--quantization": "--recipe",
    "--optimization": "--recipe",
    "--optimize": "--rewrite",
    "--representative-dataset": "--calibration",
    "--lr": "--learning-rate",
    "--data": "--dataset",
    "--gpu": "--use-gpu",
    "--serial": "-s",
    "--out": "--output",
    "--folder": "--output",
    "--tolerance": "--max-drop",
    "--threshold": "--fail-on",
}
"""Options of other tools, and what they are called here."""

_CUTOFF = 0.65


def options(word: str, known: Iterable[str]) -> list[str]:
    """Return the options that are nearest to ``word``: by meaning, by first letter, by spelling.

    Example:
        >>> options("--lr", ["--learning-rate"]), options("-r", ["--recipe", "--rewrite", "-o"])
        (['--learning-rate'], ['--recipe', '--rewrite'])
    """
    names = list(known)
    if SYNONYMS.get(word) in names:
        return [SYNONYMS[word]]
    if len(word) == 2:
        return [name for name in names if name.startswith(f"-{word}")]
    parts = [name for name in names if name.endswith(word.removeprefix("-"))]
    return parts or difflib.get_close_matches(word, names, n=3, cutoff=_CUTOFF)


def taking(command: click.Command, context: click.Context, word: str) -> Iterator[str]:
    """Yield the options of ``command`` that ``word`` is a value of."""
    for option in command.get_params(context):
        if not isinstance(option, click.Option) or option.is_flag or option.name == "serials":
            continue
        offered = option.shell_complete(context, word)
        if any(each.value == word and each.type == "plain" for each in offered):
            yield max(option.opts, key=len)


def words_of(command: click.Command, context: click.Context) -> list[str]:
    """Return every word that an option of ``command`` is said by."""
    return [
        word
        for option in command.get_params(context)
        if isinstance(option, click.Option)
        for word in (*option.opts, *option.secondary_opts)
    ]
