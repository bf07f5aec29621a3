"""Options and output shared by the commands, so that one name means one thing everywhere."""

from __future__ import annotations

import contextlib
import functools
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast, get_args

import click

from tflconv.cli import completing, units
from tflconv.cli.console import print_json, say, standard_output
from tflconv.compression import QatConfig
from tflconv.compression.config import Engine
from tflconv.compression.settings import Settings, parse
from tflconv.core import outputs
from tflconv.core.files import write_text
from tflconv.core.terminal import cell
from tflconv.errors import gravest
from tflconv.history import OFF
from tflconv.model.pictures import Resize

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    from tflconv.pipeline.measuring import Failure

STDOUT = Path("-")

F = TypeVar("F", bound=Callable[..., Any])


def json_output(function: F) -> F:
    """``--json``, handed over as ``as_json``."""
    help_text = "Print JSON instead of a table."
    return click.option("--json", "as_json", is_flag=True, help=help_text)(function)


def export_json(help_text: str) -> Callable[[F], F]:
    """``--export-json``, a file that gets the whole result."""
    return click.option("--export-json", type=OutputFile(), metavar="FILE", help=help_text)


def seed(function: F) -> F:
    """``--seed``."""
    return click.option(
        "--seed",
        default=0,
        show_default=True,
        metavar="NUMBER",
        help="Seed of everything that is drawn at random.",
    )(function)


def settings(
    kind: type[DataclassInstance],
    texts: Mapping[str, str],
    *,
    prefix: str = "",
    name: str = "config",
) -> Callable[[F], F]:
    """Add an option for each setting of a configuration, and hand it over built and checked.

    Args:
        kind: The configuration, a dataclass whose fields all have defaults.
        texts: Help by name of the field, in the order in which help shows them. Fields that are
            not among them are taken from options of their names, where a command has those.
        prefix: What stands before the name of each option.
        name: The parameter that gets the configuration.
    """
    defaults = {field.name: field.default for field in fields(kind)}

    def decorated(function: F) -> F:
        @functools.wraps(function)
        def with_config(*args: Any, **values: Any) -> Any:
            chosen = {key: values.pop(prefix + key) for key in defaults if prefix + key in values}
            return function(*args, **{name: kind(**chosen)}, **values)

        for key, text in reversed(list(texts.items())):
            _setting(prefix + key, defaults[key], text)(with_config)
        return cast(F, with_config)

    return decorated


def _setting(name: str, default: Any, text: str) -> Callable[[F], F]:
    flag = f"--{name.replace('_', '-')}"
    if isinstance(default, bool):
        flag = f"{flag}/--no-{name.replace('_', '-')}"
    unit = None if isinstance(default, bool) else units.of(name)
    return click.option(
        flag,
        default=default,
        show_default=default != "",
        metavar=unit,
        shell_complete=completing.files if unit == "FILE" else None,
        help=text,
    )


def qat(function: F) -> F:
    """``--qat-engine`` and the other settings of ``QatConfig``, handed over as ``qat``."""
    texts = {
        "epochs": "Number of passes of qat_ recipes over the training pictures.",
        "batch_size": "Number of pictures per step of qat_ recipes.",
        "learning_rate": "Highest learning rate of qat_ recipes.",
        "ema_decay": "Decay of the moving average of activation ranges (engine tflconv).",
        "bits": "Bits of the weights while they are trained (engine tflconv).",
    }
    engine = click.option(
        "--qat-engine",
        type=click.Choice(get_args(Engine)),
        default=QatConfig().engine,
        show_default=True,
        help="Who trains: tflconv, or tensorflow-model-optimization (tfmot, Keras 2 only).",
    )
    return engine(settings(QatConfig, texts, prefix="qat_", name="qat")(function))


def step_settings(function: F) -> F:
    """``--setting``, handed over as ``settings``, read and checked."""

    def read(_: click.Context, __: click.Parameter, texts: tuple[str, ...]) -> Settings:
        return parse(texts)

    return click.option(
        "--setting",
        "settings",
        multiple=True,
        metavar="STEP.NAME=VALUE",
        callback=read,
        help="Setting of a step of the recipe, such as finetune.epochs=5; may be repeated."
        " docs/compression.md lists them.",
    )(function)


class OutputFile(click.Path):
    """A file to write, tried when the command line is read; ``-`` is standard output."""

    name = "file"

    def __init__(self) -> None:
        super().__init__(path_type=Path, allow_dash=True)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """Return the path. Raises ``TflconvError`` if it cannot be written."""
        path = cast(Path, super().convert(value, param, ctx))
        if path != STDOUT:
            outputs.try_files(path)
        return path


class OutputFolder(click.Path):
    """A folder to write into, tried when the command line is read."""

    name = "folder"

    def __init__(self) -> None:
        super().__init__(path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """Return the path. Raises ``TflconvError`` if nothing can be written there."""
        path = cast(Path, super().convert(value, param, ctx))
        outputs.try_folder(path)
        return path


def write_or_print(target: Path, text: str) -> None:
    """Write ``text`` to the file ``target``, or as UTF-8 to standard output for ``-``."""
    if target == STDOUT:
        click.echo(text.encode(), nl=False)
    else:
        write_text(target, text)


def output(help_text: str) -> Callable[[F], F]:
    """``-o``, ``--output``, a path that the pipeline tries."""
    return click.option("-o", "--output", type=click.Path(path_type=Path), help=help_text)


def preprocessing(function: F) -> F:
    """``--normalize``, ``--resize`` and ``--labels``: what a file of others does not say."""
    click.option(
        "--labels",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="File that names the outputs of the model, one per line, in their order.",
    )(function)
    click.option(
        "--resize",
        type=click.Choice(get_args(Resize)),
        help="How pictures are brought to the model's size.  [default: as the dataset says]",
    )(function)
    return normalize(function)


def normalize(function: F) -> F:
    """``--normalize``: what pixels become."""
    return click.option(
        "--normalize",
        metavar="HOW",
        help="How pixels become inputs: 0..1, -1..1, caffe, in-model or MEAN,STD (in pixels)."
        "  [default: what the file says]",
    )(function)


def pictures(function: F) -> F:
    """``--pictures``, a number of test pictures."""
    return click.option(
        "--pictures",
        type=click.IntRange(1),
        metavar="COUNT",
        help="Number of test pictures, drawn by class with --seed.  [default: all]",
    )(function)


def custom_objects(function: F) -> F:
    """``--custom-objects``, a Python file."""
    help_text = "Python file with layers the model uses. It is run: only name one that you trust."
    return click.option(
        "--custom-objects", type=click.Path(path_type=Path, exists=True), help=help_text
    )(function)


def signature(function: F) -> F:
    """``--signature``, a function of a SavedModel."""
    return click.option(
        "--signature",
        metavar="NAME",
        help="Function of a SavedModel.  [default: serving_default, or the only one]",
    )(function)


def devices(default: str) -> Callable[[F], F]:
    """``--device`` and ``-s``: where files are measured, handed over as one."""

    def decorate(function: F) -> F:
        @functools.wraps(function)
        def with_devices(
            *args: Any, devices: tuple[str, ...], serials: tuple[str, ...], **values: Any
        ) -> Any:
            named = (*devices, *(f"adb:{serial}" for serial in serials))
            return function(*args, devices=named, **values)

        click.option(
            "-s",
            "serials",
            multiple=True,
            metavar="SERIAL",
            shell_complete=completing.serials,
            help="Short for adb:SERIAL.",
        )(with_devices)
        named = click.option(
            "--device",
            "devices",
            multiple=True,
            metavar="DEVICE",
            shell_complete=completing.devices,
            help="host, arm64:CORE (cortex-a76, cortex-a55, cortex-a53, neoverse-n2) or"
            f" adb:SERIAL; may be repeated.  [default: {default}]",
        )
        return cast(F, named(with_devices))

    return decorate


def adb_servers(function: F) -> F:
    """``--adb-server``, where phones of other computers are."""
    return click.option(
        "--adb-server",
        "adb_servers",
        multiple=True,
        metavar="HOST:PORT",
        help="adb server that knows the phone; may be repeated.  [default: $ADB_SERVER_SOCKET, or"
        " this computer's]",
    )(function)


def phone(function: F) -> F:
    """``--adb``, ``--adb-server`` and ``--runtime``: how a phone is reached, and what it runs."""
    click.option(
        "--runtime",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="LiteRT for a phone: its .aar or libLiteRt.so for arm64.  [default: the .aar fetched"
        " once]",
    )(function)
    adb_servers(function)
    return click.option(
        "--adb",
        metavar="PROGRAM",
        shell_complete=completing.files,
        help="The adb to use.  [default: $ADB, PATH, the wheel adbutils]",
    )(function)


def history(function: F) -> F:
    """``--history`` and ``--no-history``: where finished runs are kept, too, handed over as one."""

    @functools.wraps(function)
    def with_history(*args: Any, no_history: bool, history: Path | None, **values: Any) -> Any:
        chosen = Path(OFF) if no_history else history
        return function(*args, history=chosen, **values)

    click.option("--no-history", is_flag=True, help="Keep the runs in no history.")(with_history)
    named = click.option(
        "--history",
        type=click.Path(path_type=Path, dir_okay=False),
        metavar="FILE",
        help="Keep each run in this history.  [default: $TFLCONV_HISTORY, or your own]",
    )
    return cast(F, named(with_history))


def read_by(
    parse: Callable[[str], float],
) -> Callable[[click.Context, click.Parameter, str | None], float | None]:
    """Return a callback that reads the text of an option by ``parse``."""
    return lambda _, __, value: None if value is None else parse(value)


def raise_gravest(failures: Sequence[Failure]) -> None:
    """Print every failure, equal ones once; the gravest ends the command with its exit code."""
    if not failures:
        return
    worst = gravest(failure.error for failure in failures)
    texts = {str(failure.error): failure for failure in failures}
    for text, failure in texts.items():
        if text != str(worst):
            say(f"Error: {failure.cell}: {failure.error}", err=True)
    raise worst


@contextlib.contextmanager
def warnings_on_stderr() -> Iterator[None]:
    """Print Python warnings of ours as one line each, equal ones once."""
    shown: set[str] = set()

    def tell(message: Warning | str, *_: Any, **__: Any) -> None:
        if str(message) not in shown:
            shown.add(str(message))
            say(f"Warning: {message}", err=True)

    with warnings.catch_warnings():
        warnings.showwarning = tell
        warnings.simplefilter("always", UserWarning)
        yield


def print_rows(rows: Sequence[Mapping[str, Any]], *, as_json: bool) -> None:
    """Print equal-keyed ``rows`` as a table, or as JSON."""
    if as_json:
        print_json(rows)
        return
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    names = list(rows[0]) if rows else []
    for name in names:
        numeric = all(isinstance(row[name], (int, float, type(None))) for row in rows)
        table.add_column(name, justify="right" if numeric else "left")
    for row in rows:
        table.add_row(*(cell("–" if row[name] is None else row[name]) for name in names))
    standard_output().print(table)
