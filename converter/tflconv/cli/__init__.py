"""The command ``tflconv``: a lazy click group, one thin file per command.

A command's module is imported when the command runs, so ``tflconv --help`` starts at once. Every
``TflconvError`` becomes one message on stderr and the exit code of its kind. Anything else is a
fault of ours: one message as well, exit code 1, and a report file to send (``core.unexpected``).
"""

from __future__ import annotations

import atexit
import contextlib
import importlib
import io
import os
import sys
from typing import ClassVar, NoReturn

import click
from click.shell_completion import CompletionItem

from tflconv._version import __version__
from tflconv.cli import shells, streams, wall
from tflconv.cli.commands import Group
from tflconv.cli.console import say, waiting
from tflconv.cli.interrupts import Interrupts
from tflconv.core import unexpected
from tflconv.core.private import temporary_files
from tflconv.errors import TflconvError

COMMANDS = {
    "train": "Train a model of the registry on a dataset.",
    "compress": "Make a smaller Keras model of a trained one.",
    "convert": "Make .tflite files of a trained model.",
    "verify": "Compare a converted model with its reference, picture by picture.",
    "bench": "Measure .tflite files on a device.",
    "compare": "Say whether a model or its results differ, and fail on regressions.",
    "inspect": "Show what is inside a .tflite file.",
    "report": "Turn results into tables, plots and one HTML file.",
    "history": "Keep runs in one file: list, show, export, merge, trend.",
    "study": "Run a plan from data to report: your own, or the demo.",
    "serve": "Classify pictures over HTTP.",
    "list": "List models, recipes and datasets.",
    "datasets": "Show what is in a dataset, or fetch it.",
    "devices": "List, set up or clean devices.",
    "doctor": "Show what is missing on this computer and how to install it.",
}

_MODULES = {"list": "lists"}
"""Files that are not called as their command; a module ``list`` would hide Python's."""

MOVED = {
    "demo": "study demo",
    "models": "list models",
    "recipes": "list recipes",
    "gate": "compare --fail-on",
    "init": "study init",
    "help": "--help",
}
"""What people look for under these names."""

EXIT_CODES = """\b
Exit codes: 0 success, 1 failure, 2 usage, 3 device missing or lost,
4 verification failed, 5 regression found, 130 interrupted."""

_MORE = """

\b
Completion of commands, options, recipes, datasets and devices:
  bash  eval "$(_TFLCONV_COMPLETE=bash_source tflconv)"   in ~/.bashrc
  zsh   eval "$(_TFLCONV_COMPLETE=zsh_source tflconv)"    in ~/.zshrc
  fish  _TFLCONV_COMPLETE=fish_source tflconv | source    in ~/.config/fish/config.fish

\b
Examples:
  tflconv study demo
  tflconv convert mine.keras --recipe int8 --calibration photos/
"""


class LazyGroup(Group):
    """Lists commands from a table and imports a command only to run it."""

    moved: ClassVar = MOVED
    shared: ClassVar = ()

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Commands in the order of the work, not of the alphabet."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import ``tflconv.cli.<cmd_name>`` and return its ``command``."""
        if cmd_name not in COMMANDS:
            return None
        with waiting():
            module = importlib.import_module(f"tflconv.cli.{_MODULES.get(cmd_name, cmd_name)}")
        command = module.command
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the table of commands without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Complete the names of commands without importing any."""
        matching = {name: text for name, text in COMMANDS.items() if name.startswith(incomplete)}
        if matching or not incomplete.startswith("-"):
            return [CompletionItem(name, help=text) for name, text in matching.items()]
        return super().shell_complete(ctx, incomplete)


@click.group(
    cls=LazyGroup,
    epilog=EXIT_CODES + _MORE,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(__version__, prog_name="tflconv")
def group() -> None:
    """Take an image classifier from Keras to a phone and prove what it does there."""


def main(args: list[str] | None = None) -> None:
    """Run the command line and leave the process with a documented exit code.

    Args:
        args: Words after ``tflconv``, by default those of the process.

    Raises:
        SystemExit: Always, with the exit code.

    """
    shells.register()
    interrupts = Interrupts()
    with interrupts.handled():
        try:
            code = _run(args, interrupts)
            if args is None:
                interrupts.ignore()  # the process is the command, and its work is done
        except (KeyboardInterrupt, click.Abort) as error:
            code = _end_interrupted(error, interrupts)
    if args is None and "tensorflow" in sys.modules:
        _leave(code)
    sys.exit(code)


def _leave(code: int) -> NoReturn:
    """End the process at once: taking TensorFlow apart, object by object, takes seconds."""
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)


def _run(args: list[str] | None, interrupts: Interrupts) -> int:
    try:
        if args is None:
            streams.prepare()
            wall.enter(sys.argv[1:])
        with temporary_files():
            code = group.main(args=args, prog_name="tflconv", standalone_mode=False)
        streams.flush()
    except click.Abort:
        raise
    except click.ClickException as error:
        shown = io.StringIO()
        error.show(shown)
        say(shown.getvalue().rstrip(), err=True)
        return error.exit_code
    except TflconvError as error:
        return _end_failed(error)
    except BrokenPipeError:
        streams.failure()  # whoever read has had enough
        return 1
    except Exception as error:
        if interrupts.received:  # an import turns an interrupt into any error
            return _end_interrupted(error, interrupts)
        unprinted = streams.failure() if isinstance(error, OSError) else None
        command = None if args is None else ["tflconv", *args]
        return _end_failed(unprinted or unexpected.explained(error, command))
    return code if isinstance(code, int) else 0


def _end_failed(error: TflconvError) -> int:
    say(f"Error: {error}", err=True)
    return error.exit_code


def _end_interrupted(error: BaseException, interrupts: Interrupts) -> int:
    interrupts.ignore()
    cause = error.__cause__ if isinstance(error, click.Abort) else None
    say(f"Interrupted. {cause or ''}".rstrip(), err=True)
    return 130
