"""Write docs/cli-reference.md from the commands' own help: ``make docs``."""

from __future__ import annotations

from pathlib import Path

import click

from tflconv.cli import COMMANDS, group

TARGET = Path(__file__).with_name("cli-reference.md")
HEADER = """# Command line reference

Written by `make docs` from `tflconv COMMAND --help`; a test keeps it true.
"""


def reference() -> str:
    """The whole page as Markdown."""
    return "\n".join([HEADER, section("tflconv", group), *map(command_section, COMMANDS)])


def command_section(name: str) -> str:
    """The section of one command, with the sections of its subcommands."""
    command = group.get_command(click.Context(group), name)
    assert command is not None
    parts = [section(f"tflconv {name}", command)]
    if isinstance(command, click.Group):
        parts += [section(f"tflconv {name} {sub}", c) for sub, c in command.commands.items()]
    return "\n".join(parts)


def section(title: str, command: click.Command) -> str:
    """A heading and the help text, wrapped at 90 columns whatever the terminal."""
    context = click.Context(
        command,
        info_name=title,
        terminal_width=90,
        max_content_width=90,
        **group.context_settings,
    )
    return f"## {title}\n\n```text\n{command.get_help(context)}\n```\n"


if __name__ == "__main__":
    TARGET.write_text(reference(), encoding="utf-8")
