"""``tflconv history``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tflconv.cli import commands, completing, options
from tflconv.cli.console import print_json, say, say_next, standard_output, waiting
from tflconv.comparison import METRICS, Metric
from tflconv.errors import TflconvError, UsageError
from tflconv.history import OFF, VARIABLE, History, place

if TYPE_CHECKING:
    from tflconv.history import Kept


def _named(_: click.Context, __: click.Parameter, path: Path | None) -> History:
    chosen = place(path)
    if chosen is None:
        raise UsageError(f"{VARIABLE} is {OFF}.", hint="Name a history: --history FILE.")
    return History(chosen.path)


def file(function: Callable[..., Any]) -> Callable[..., Any]:
    """``--history``, which a command of this group needs."""
    return click.option(
        "--history",
        type=click.Path(path_type=Path, dir_okay=False),
        metavar="FILE",
        callback=_named,
        help=f"The history.  [default: ${VARIABLE}, or your own]",
    )(function)


def chosen(function: Callable[..., Any]) -> Callable[..., Any]:
    """``--model`` and ``--device``, which choose runs."""
    click.option(
        "--device",
        metavar="DEVICE",
        shell_complete=completing.devices,
        help="Only runs on this device.",
    )(function)
    return click.option("--model", metavar="NAME", help="Only runs of this model.")(function)


@commands.group(name="history")
def command() -> None:
    """Keep every run in one file: list, show, export, merge, and see trends.

    Each run of `tflconv bench`, `study` and `compare` is kept in your own history, in the one that
    --history or TFLCONV_HISTORY names, or with --no-history or TFLCONV_HISTORY=off in none. The
    file only grows; two of them merge without doubles.

    \b
    Examples:
      tflconv history list
      tflconv history trend --model vit-mnist-static_wi8_ai8 --figure latency
      tflconv history merge colleague.sqlite --history team.sqlite
    """


@command.command(name="list")
@file
@chosen
@options.json_output
def list_runs(history: History, model: str | None, device: str | None, as_json: bool) -> None:
    """List runs, in the order in which they came.

    \b
    Examples:
      tflconv history list --history runs.sqlite
      tflconv history list --device host --json
    """
    with waiting(f"reading {history.path}"):
        rows = [_row(entry) for entry in history.runs(slug=model, device=device)]
    options.print_rows(rows, as_json=as_json)
    if not rows and not as_json:
        say(f"{history.path} has no such runs.", err=True)
    elif not as_json:
        say_next("tflconv", "history", "show", rows[-1]["run"], "--history", history.path)


@command.command(name="show")
@click.argument("run")
@file
@options.json_output
def show(run: str, history: History, as_json: bool) -> None:
    """Show one RUN, by the beginning of its hash.

    \b
    Examples:
      tflconv history show 3f2a91c0 --history runs.sqlite
      tflconv history show 3f2a91c0 --json
    """
    from tflconv.report import tables
    from tflconv.results import Results

    with waiting(f"reading {history.path}"):
        entry = history.find(run)
    results = Results(runs=(entry.run,))
    if as_json:
        print_json(results.to_json())
        return
    say(f"{entry.hash}\n{entry.run.started or 'no time'}, kept by tflconv {entry.tflconv}")
    tables.print_results(results, standard_output())


@command.command(name="export")
@click.argument("target", type=options.OutputFile(), metavar="FILE")
@file
@chosen
def export(target: Path, history: History, model: str | None, device: str | None) -> None:
    """Write runs as a results FILE; - is stdout. Each is there, not only the last of its name.

    \b
    Examples:
      tflconv history export all.json --history runs.sqlite
      tflconv history export - --model vit-mnist-fp32
    """
    from tflconv.report import export as exports
    from tflconv.results import Results

    with waiting(f"reading {history.path}"):
        entries = history.runs(slug=model, device=device)
    if not entries:
        raise TflconvError(f"{history.path} has no such runs.")
    options.write_or_print(target, exports.to_json(Results(runs=tuple(k.run for k in entries))))


@command.command(name="merge")
@click.argument(
    "others", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE..."
)
@file
def merge(others: tuple[Path, ...], history: History) -> None:
    """Add the runs of other histories, or of results files (.json), without doubles.

    \b
    Examples:
      tflconv history merge theirs.sqlite --history runs.sqlite
      tflconv history merge phone.json host.json
    """
    for other in others:
        with waiting(f"reading {other}"):
            new = _merged(history, other)
        say(f"{other}: {new} new")


@command.command(name="trend")
@file
@chosen
@click.option(
    "--figure",
    type=click.Choice(METRICS),
    default="latency",
    show_default=True,
    help="Which figure.",
)
@options.json_output
def trend(
    history: History, model: str | None, device: str | None, figure: Metric, as_json: bool
) -> None:
    """Show how a figure went from run to run, and what else changed in between.

    Runs of a history were measured apart, so a change of a time may be the device's: measure both
    files in turns with `tflconv compare` to know.

    \b
    Examples:
      tflconv history trend --history runs.sqlite
      tflconv history trend --figure instructions --device arm64:cortex-a76
    """
    from tflconv.history import trend as trends

    series: dict[tuple[str, str], list[Kept]] = {}
    with waiting(f"reading {history.path}"):
        runs = history.runs(slug=model, device=device)
    for entry in runs:
        series.setdefault((entry.run.model.slug, entry.run.device.id), []).append(entry)
    points = [point for runs in series.values() for point in trends.of(runs, figure)]
    rows = [
        {
            "model": point.kept.run.model.slug,
            "device": point.kept.run.device.id,
            "started": point.kept.run.started,
            "run": point.kept.hash[:8],
            figure: point.value if as_json else f"{point.value:.4g}",
            "change": _change(point.change, as_json),
            "else": list(point.differences) if as_json else "; ".join(point.differences),
        }
        for point in points
    ]
    options.print_rows(rows, as_json=as_json)


def _change(share: float | None, as_json: bool) -> float | str | None:
    return share if as_json or share is None else f"{100 * share:+.2f} %"


def _row(entry: Kept) -> dict[str, Any]:
    run = entry.run
    return {
        "run": entry.hash[:8],
        "started": run.started,
        "model": run.model.slug,
        "device": run.device.id,
        "outcome": run.outcome,
        "verdict": run.verdict,
    }


def _merged(history: History, other: Path) -> int:
    from tflconv import results

    if other.suffix != ".json":
        return history.merge(History(other))
    if names := results.changed(other):
        raise TflconvError(
            f"{other}: {', '.join(names)} was changed after it was measured: its hash is another"
            " one.",
            hint="Merge the file as tflconv wrote it.",
        )
    return history.add(results.load(other).runs)
