"""``tflconv datasets``: what there is, what is in it, and how to get the rest."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from tflconv import data
from tflconv.cli import options
from tflconv.data import cache, duplicates
from tflconv.data.fetch import Fetched, adopt
from tflconv.data.fetch import fetch as fetch_files
from tflconv.data.locating import Location, data_dir, find


@click.group(invoke_without_command=True)
@options.json_output
@click.pass_context
def command(context: click.Context, as_json: bool) -> None:
    """List the datasets, with what of them is on this machine.

    Full sets are looked for in $TFLCONV_DATA_DIR, or in the user's data folder where that is not
    set; the samples travel with tflconv. Where a full set is not on this machine, its sample stands
    in for it, with a warning.

    Any command that takes a dataset also takes pictures of your own:

    \b
      DIR               a folder or archive with one subfolder per class; folders of splits
                        above the classes are recognized by their names (train, seg_test,
                        validation_set, dev)
      train=DIR,test=DIR,validation=DIR
                        folders or archives that are the splits, whatever they are called;
                        only train is needed, the others are drawn from it
      DIR/labels.csv    a table of file names and labels beside the pictures

    \b
    Examples:
      tflconv datasets show pets
      tflconv train mobilenet_v2 --dataset train=pets/photos,test=pets/held-out
      tflconv verify reference.keras model.tflite --dataset pets/labels.csv
    """
    if context.invoked_subcommand is None:
        details = _details if as_json else _row
        options.print_rows([details(find(name)) for name in data.names()], as_json=as_json)


def _row(location: Location) -> dict[str, Any]:
    card = location.card
    height, width, channels = card.shape
    return {
        "name": card.name,
        "state": location.state,
        "classes": len(card.classes),
        "shape": f"{height or '?'}x{width or '?'}x{channels}",
        "train": card.counts.get("train"),
        "test": card.counts.get("test"),
    }


def _details(location: Location) -> dict[str, Any]:
    card = location.card
    return _row(location) | {
        "title": card.title,
        "folder": str(location.folder),
        "manifest": location.manifest,
        "licence": card.licence,
        "source": card.source,
        "citation": card.citation,
        "split_rule": card.split_rule,
    }


@command.command()
@click.argument("name")
@options.seed
@click.option("--copies", "count_copies", is_flag=True, help="Look for copies in any dataset.")
@options.json_output
def show(name: str, seed: int, count_copies: bool, as_json: bool) -> None:
    """Read the dataset NAME (or the pictures at that path) and say what is in it.

    Counts pictures per class and split, pictures that cannot be read, and copies across the splits,
    which are always looked for among pictures in folders.
    """
    dataset = data.load(name, seed=seed)
    copies = duplicates.across(dataset.splits) if count_copies else ()
    if as_json:
        click.echo(json.dumps(_description(dataset, copies), indent=1, ensure_ascii=False))
        return
    size = "x".join(map(str, dataset.train.images.shape[1:]))
    click.echo(f"{dataset.name}: {dataset.card.title}{' (subset)' if dataset.subset else ''}")
    click.echo(f"{size} pixels, digest {dataset.digest[:16]}\n{dataset.card.split_rule}\n")
    options.print_rows(_class_rows(dataset), as_json=False)
    for warning in dict.fromkeys([*dataset.warnings, *map(str, copies)]):
        click.echo(f"Warning: {dataset.name}: {warning}", err=True)


def _class_rows(dataset: data.Dataset) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = [
        {"class": label}
        | {name: int((split.labels == index).sum()) for name, split in dataset.splits.items()}
        for index, label in enumerate(dataset.classes)
    ]
    total = {name: len(split) for name, split in dataset.splits.items()}
    return [*rows, {"class": "all", **total}]


def _description(dataset: data.Dataset, copies: tuple[duplicates.Copies, ...]) -> dict[str, Any]:
    return {
        "name": dataset.name,
        "title": dataset.card.title,
        "subset": dataset.subset,
        "digest": dataset.digest,
        "manifest": dataset.manifest,
        "shape": dataset.train.images.shape[1:],
        "split_rule": dataset.card.split_rule,
        "classes": _class_rows(dataset),
        "warnings": dataset.warnings,
        "copies": [vars(found) for found in copies],
    }


@command.command()
@click.argument("name")
@click.option(
    "--from",
    "source",
    type=click.Path(path_type=Path),
    help="Take the files from this file or folder instead of the network.",
)
def fetch(name: str, source: Path | None) -> None:
    """Bring the full dataset NAME to this machine and check its bytes.

    A download that breaks is resumed by the next call. A set behind a login is downloaded in a
    browser and handed over with --from.
    """
    if source is not None:
        fetched = adopt(name, source)
    else:
        with _progress() as advance:
            fetched = fetch_files(name, advance)
    for file in fetched:
        click.echo(_outcome(file))
    click.echo(f"{name} in {data_dir() / name}: {find(name).state}.")


def _outcome(file: Fetched) -> str:
    if file.first:
        return f"{file.path.name}: its sha256 was not known; recorded {file.sha256}."
    return f"{file.path.name}: {'fetched' if file.fresh else 'already here'}, sha256 is right."


@command.command()
def clean() -> None:
    """Remove decoded pictures from the user's cache folder; fetched datasets stay.

    They are kept because decoding takes longer than using them, and are decoded again when asked
    for.
    """
    click.echo(f"{cache.clear():,} bytes freed.")


@contextmanager
def _progress() -> Iterator[Callable[[str, int, int | None], None]]:
    """A bar a file on a terminal, nothing elsewhere."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    with Progress(
        *columns, TransferSpeedColumn(), console=console, disable=not console.is_terminal
    ) as bars:
        tasks: dict[str, Any] = {}

        def advance(name: str, done: int, total: int | None) -> None:
            if name not in tasks:
                tasks[name] = bars.add_task(name)
            bars.update(tasks[name], completed=done, total=total)

        yield advance
