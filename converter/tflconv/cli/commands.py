"""What every command has: options in groups, the options that all share, and the nearest word.

``groups`` knows to which group an option belongs. The shared options say how much a command tells;
``console`` reads them. They are no part of what a command does, so its function does not get them.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import click

from tflconv.cli import advice, groups, spelling
from tflconv.errors import SettingError


def _keep(context: click.Context, parameter: click.Parameter, value: bool) -> None:
    context.meta[f"tflconv.{parameter.name}"] = value or context.meta.get(
        f"tflconv.{parameter.name}", False
    )


def _flag(*words: str, text: str) -> click.Option:
    return click.Option(words, is_flag=True, expose_value=False, callback=_keep, help=text)


SHARED = (
    _flag("-q", "--quiet", text="Print results, warnings and errors only."),
    _flag("-v", "--verbose", text="Print every stage with the time that it took."),
    _flag("--no-progress", text="Print plain lines instead of live bars, on a terminal too."),
)


class Command(click.Command):
    """A command whose help has its options in groups.

    Attributes:
        shared: Options that it has besides its own.
    """

    shared: ClassVar[tuple[click.Option, ...]] = SHARED

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """Return the options of this command and those that all share, help last."""
        own = super().get_params(ctx)
        helps = [each for each in own if "--help" in each.opts]
        return [*(each for each in own if each not in helps), *self.shared, *helps]

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the words of a call; where one is wrong, say what to do."""
        try:
            return super().parse_args(ctx, args)
        except click.UsageError as error:
            raise advice.on(error, self, ctx) from None

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; a setting that makes no sense is called as its option."""
        try:
            return super().invoke(ctx)
        except SettingError as error:
            raise spelling.as_options(error, self.get_params(ctx)) from None

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options, group by group."""
        records: dict[str, list[tuple[str, str]]] = {title: [] for title in groups.TITLES}
        for option in self.get_params(ctx):
            record = option.get_help_record(ctx) if isinstance(option, click.Option) else None
            if record is not None:
                records[groups.of(option, self.name)].append(_with_default(option, record))
        for title, rows in records.items():
            if rows:
                with formatter.section(title):
                    formatter.write_dl(rows)


class Group(Command, click.Group):
    """A command of several, whose misspelt names are told their neighbours."""

    command_class = Command
    moved: ClassVar[Mapping[str, str]] = {}
    """What names that do not exist are called."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options, and then the commands."""
        Command.format_options(self, ctx, formatter)
        self.format_commands(ctx, formatter)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that ``args`` begin with."""
        known = self.list_commands(ctx)
        if args and args[0] not in known and not args[0].startswith("-"):
            ctx.fail(f"No such command '{args[0]}'.{self._hint(args[0], known)}")
        return super().resolve_command(ctx, args)

    def _hint(self, word: str, known: list[str]) -> str:
        if word in self.moved:
            return f" Say 'tflconv {self.moved[word]}'."
        near = difflib.get_close_matches(word, [*known, *self.moved], n=1)
        if near:
            return f" Did you mean '{self.moved.get(near[0], near[0])}'?"
        return f" Known: {', '.join(known)}."


def command(name: str) -> Callable[[Callable[..., Any]], Command]:
    """Make a command of a function."""
    return click.command(name=name, cls=Command)


def group(
    name: str, cls: type[Group] = Group, **settings: Any
) -> Callable[[Callable[..., Any]], Group]:
    """Make a command of several."""
    return click.group(name=name, cls=cls, **settings)


def _with_default(option: click.Parameter, record: tuple[str, str]) -> tuple[str, str]:
    """Say of an option that takes a value, but has no default, that it has none."""
    words, text = record
    takes_value = isinstance(option, click.Option) and not option.is_flag and not option.required
    if takes_value and "[default: " not in text:
        return words, f"{text}  [default: none]"
    return record
