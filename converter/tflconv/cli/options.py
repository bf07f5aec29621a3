"""Options and output shared by the commands, so that one name means one thing everywhere."""

from __future__ import annotations

import contextlib
import functools
import json
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar, cast, get_args

import click

from tflconv.compression import QatConfig
from tflconv.compression.config import Engine

F = TypeVar("F", bound=Callable[..., Any])


def json_output(function: F) -> F:
    """``--json``, handed over as ``as_json``."""
    help_text = "Print JSON instead of a table."
    return click.option("--json", "as_json", is_flag=True, help=help_text)(function)


def seed(function: F) -> F:
    """``--seed``."""
    return click.option(
        "--seed", default=0, show_default=True, help="Seed of everything drawn at random."
    )(function)


def qat(function: F) -> F:
    """``--qat-engine`` and the other settings of ``QatConfig``, handed over as ``qat``."""
    defaults = QatConfig()

    @functools.wraps(function)
    def with_config(
        *args: Any,
        qat_engine: Engine,
        qat_epochs: int,
        qat_batch_size: int,
        qat_learning_rate: float,
        **others: Any,
    ) -> Any:
        config = QatConfig(
            engine=qat_engine,
            epochs=qat_epochs,
            batch_size=qat_batch_size,
            learning_rate=qat_learning_rate,
        )
        return function(*args, qat=config, **others)

    for name, default, text in (
        ("learning-rate", defaults.learning_rate, "Highest learning rate of qat recipes."),
        ("batch-size", defaults.batch_size, "Pictures a step of qat recipes."),
        ("epochs", defaults.epochs, "Looks of qat recipes at all pictures."),
    ):
        click.option(f"--qat-{name}", default=default, show_default=True, help=text)(with_config)
    click.option(
        "--qat-engine",
        type=click.Choice(get_args(Engine)),
        default=defaults.engine,
        show_default=True,
        help="Who trains: tflconv, or tensorflow-model-optimization (tfmot, Keras 2 only).",
    )(with_config)
    return cast(F, with_config)


def tell_epoch(epoch: int, loss: float) -> None:
    """Print a line for each epoch of a qat recipe."""
    click.echo(f"qat: epoch {epoch + 1}, loss {loss:.3f}", err=True)


def output(help_text: str) -> Callable[[F], F]:
    """``-o``, ``--output``, a path."""
    return click.option("-o", "--output", type=click.Path(path_type=Path), help=help_text)


def preprocessing(function: F) -> F:
    """``--normalize``, ``--resize`` and ``--labels``: what a file of others does not say."""
    click.option("--labels", type=click.Path(path_type=Path), help="File with one label a line.")(
        function
    )
    click.option(
        "--resize",
        type=click.Choice(["crop", "pad", "stretch"]),
        help="How pictures are brought to the model's size.",
    )(function)
    return click.option(
        "--normalize",
        metavar="HOW",
        help="How pixels become inputs: 0..1, -1..1, caffe, in-model or MEAN,STD.",
    )(function)


def custom_objects(function: F) -> F:
    """``--custom-objects``, a Python file."""
    help_text = "Python file with layers the model uses. It is run: only name one that you trust."
    return click.option(
        "--custom-objects", type=click.Path(path_type=Path, exists=True), help=help_text
    )(function)


@contextlib.contextmanager
def warnings_on_stderr() -> Iterator[None]:
    """Print Python warnings of ours as one line each, equal ones once."""
    told: set[str] = set()

    def tell(message: Warning | str, *_: Any, **__: Any) -> None:
        if str(message) not in told:
            told.add(str(message))
            click.echo(f"Warning: {message}", err=True)

    with warnings.catch_warnings():
        warnings.showwarning = tell
        warnings.simplefilter("always", UserWarning)
        yield


def print_rows(rows: Sequence[Mapping[str, Any]], *, as_json: bool) -> None:
    """Print equal-keyed ``rows`` as a table, or as JSON."""
    if as_json:
        click.echo(json.dumps(rows, indent=1, ensure_ascii=False))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in rows[0] if rows else ():
        numeric = all(isinstance(row[name], (int, float, type(None))) for row in rows)
        table.add_column(name, justify="right" if numeric else "left")
    for row in rows:
        table.add_row(*("–" if cell is None else str(cell) for cell in row.values()))
    Console(width=None if sys.stdout.isatty() else 400).print(table)
