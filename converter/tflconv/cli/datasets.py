"""``tflconv datasets``: list datasets, show what is in them, and fetch them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tflconv import data
from tflconv.cli import options
from tflconv.cli.console import print_json, say
from tflconv.core.text import clean_name
from tflconv.data import cache, duplicates
from tflconv.data.fetch import Fetched, adopt
from tflconv.data.fetch import fetch as fetch_files
from tflconv.data.locating import Location, data_dir, find

if TYPE_CHECKING:
    from rich.progress import TaskID


@click.group(invoke_without_command=True)
@options.json_output
@click.pass_context
def command(context: click.Context, as_json: bool) -> None:
    """List the datasets and whether they are on this computer.

    Full datasets are looked for in $TFLCONV_DATA_DIR, by default the user's data folder; samples
    are part of tflconv. Where a full dataset is not on this computer, its sample stands in for it,
    with a warning.

    Any command that takes a dataset also takes pictures of your own:

    \b
      DIR               a folder or archive with one subfolder per class; folders of splits
                        above the classes are recognized by their names (train, seg_test,
                        validation_set, dev)
      train=DIR,test=DIR,validation=DIR
                        folders or archives that are the splits, whatever they are called;
                        only train is needed, the others are drawn from it
      DIR/labels.csv    a table of file names and labels beside the pictures
      FILE.npz          arrays x and y, or x_test and y_test (verify, bench; convert
                        calibrates on x or x_train)

    \b
    Examples:
      tflconv datasets show pets
      tflconv train mobilenet_v2 --dataset train=pets/photos,test=pets/held-out
      tflconv verify reference.keras model.tflite --dataset pets/labels.csv
    """
    if context.invoked_subcommand is None:
        details = _details if as_json else _row
        options.print_rows([details(find(name)) for name in data.names()], as_json=as_json)


def _row(location: Location) -> dict[str, object]:
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


def _details(location: Location) -> dict[str, object]:
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
@click.option(
    "--copies",
    "count_copies",
    is_flag=True,
    help="Also look for copies across the splits of datasets that are not folders.",
)
@options.json_output
def show(name: str, seed: int, count_copies: bool, as_json: bool) -> None:
    """Show what is in the dataset NAME, or in the folder or archive at that path.

    It counts pictures per class and split, unreadable pictures, and copies across the splits. In
    folders, copies are always looked for.

    \b
    Examples:
      tflconv datasets show mnist-sample
      tflconv datasets show photos/ --json
    """
    dataset = data.load(name, seed=seed)
    copies = duplicates.across(dataset.splits) if count_copies else ()
    if as_json:
        print_json(_description(dataset, copies))
        return
    size = "x".join(map(str, dataset.train.images.shape[1:]))
    say(f"{dataset.name}: {dataset.card.title}{' (subset)' if dataset.subset else ''}")
    say(f"{size} pixels, digest {dataset.digest[:16]}\n{dataset.card.split_rule}\n")
    options.print_rows(_class_rows(dataset), as_json=False)
    for warning in dict.fromkeys([*dataset.warnings, *map(str, copies)]):
        say(f"Warning: {dataset.name}: {warning}", err=True)


def _class_rows(dataset: data.Dataset) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = [
        {"class": label}
        | {name: int((split.labels == index).sum()) for name, split in dataset.splits.items()}
        for index, label in enumerate(dataset.classes)
    ]
    total = {name: len(split) for name, split in dataset.splits.items()}
    return [*rows, {"class": "all", **total}]


def _description(dataset: data.Dataset, copies: tuple[duplicates.Copies, ...]) -> dict[str, object]:
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
        "copies": [vars(pair) for pair in copies],
    }


@command.command()
@click.argument("name")
@click.option(
    "--from",
    "source",
    type=click.Path(path_type=Path),
    help="File or folder to take the dataset from instead of the network.",
)
def fetch(name: str, source: Path | None) -> None:
    """Download the full dataset NAME and check its hashes.

    The same command resumes an interrupted download. A dataset behind a login must be downloaded in
    a browser first and is then passed with --from.

    \b
    Examples:
      tflconv datasets fetch cifar-10
      tflconv datasets fetch asl-alphabet --from archive.zip
    """
    if source is not None:
        fetched = adopt(name, source)
    else:
        with _progress() as advance:
            fetched = fetch_files(name, advance)
    for file in fetched:
        say(_outcome(file))
    say(f"{name} in {data_dir() / name}: {find(name).state}.")


def _outcome(file: Fetched) -> str:
    if file.first:
        return f"{file.path.name}: its sha256 was not known; recorded {file.sha256}."
    return f"{file.path.name}: {'fetched' if file.fresh else 'already here'}, sha256 is right."


@command.command()
def clean() -> None:
    """Delete decoded pictures from the user's cache; fetched datasets stay.

    Decoded pictures save time when a dataset is used again; they are made again when needed.

    \b
    Examples:
      tflconv datasets clean
    """
    say(f"{cache.clear():,} bytes freed.")


@contextmanager
def _progress() -> Iterator[Callable[[str, int, int | None], None]]:
    """Show one progress bar per file on a terminal, and nothing elsewhere."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), DownloadColumn())
    with Progress(
        *columns, TransferSpeedColumn(), console=console, disable=not console.is_terminal
    ) as bars:
        tasks: dict[str, TaskID] = {}

        def advance(name: str, done: int, total: int | None) -> None:
            if name not in tasks:
                tasks[name] = bars.add_task(clean_name(name))
            bars.update(tasks[name], completed=done, total=total)

        yield advance
