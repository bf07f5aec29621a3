"""The command ``tflconv``: a lazy click group, one thin file per command.

A command's module is imported when the command runs, so ``tflconv --help`` starts at once. Every
``TflconvError`` becomes one message on stderr and the exit code of its kind. Anything else is a
fault of ours: one message as well, exit code 1, and a report file to send (``core.unexpected``).
"""

from __future__ import annotations

import difflib
import importlib
import io
import sys

import click

from tflconv._version import __version__
from tflconv.cli import streams, wall
from tflconv.cli.console import say
from tflconv.cli.interrupts import Interrupts
from tflconv.core import unexpected
from tflconv.core.private import temporary_files
from tflconv.errors import TflconvError

COMMANDS = {
    "demo": "Train, convert, verify, measure and report two small models.",
    "train": "Train a model of the registry on a dataset.",
    "compress": "Make a smaller Keras model of a trained one.",
    "convert": "Make .tflite files of a trained model.",
    "verify": "Compare a converted model with its reference, picture by picture.",
    "bench": "Measure .tflite files on a device.",
    "serve": "Answer pictures over HTTP with their classes.",
    "compare": "Say whether a model or its results differ, and fail on regressions.",
    "inspect": "Show what is inside a .tflite file.",
    "history": "Keep runs in one file: list, show, export, merge, trend.",
    "report": "Turn results into tables, plots and one HTML file.",
    "study": "Run a plan from data to report.",
    "models": "List the models that can be trained.",
    "recipes": "List the ways to quantize a model.",
    "datasets": "List or fetch datasets.",
    "devices": "List, set up or clean devices.",
    "doctor": "Show what is missing on this computer and how to install it.",
}

EXIT_CODES = """\b
Exit codes: 0 success, 1 failure, 2 usage, 3 device missing or lost,
4 verification failed, 5 regression found, 130 interrupted."""


class LazyGroup(click.Group):
    """Lists commands from a table and imports a command only to run it."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Commands in the order of the work, not of the alphabet."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import ``tflconv.cli.<cmd_name>`` and return its ``command``."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"tflconv.cli.{cmd_name}")
        command = module.command
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that ``args`` begin with; a misspelt one is told its neighbours."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            near = difflib.get_close_matches(args[0], COMMANDS, n=1)
            hint = f" Did you mean '{near[0]}'?" if near else f" Known: {', '.join(COMMANDS)}."
            ctx.fail(f"No such command '{args[0]}'.{hint}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the table of commands without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(
    cls=LazyGroup, epilog=EXIT_CODES, context_settings={"help_option_names": ["-h", "--help"]}
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
    interrupts = Interrupts()
    with interrupts.handled():
        try:
            code = _run(args, interrupts)
            if args is None:
                interrupts.ignore()  # the process is the command, and its work is done
        except (KeyboardInterrupt, click.Abort) as error:
            code = _end_interrupted(error, interrupts)
    sys.exit(code)


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
