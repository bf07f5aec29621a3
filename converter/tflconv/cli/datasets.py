"""``tflconv datasets`` and ``tflconv list datasets``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

import click

from tflconv import data
from tflconv.cli import commands, completing, options
from tflconv.cli.console import print_json, say, say_next, showing, working
from tflconv.core.progress import Callback, Progress
from tflconv.data import cache, duplicates
from tflconv.data.fetch import Fetched, adopt
from tflconv.data.fetch import fetch as fetch_files
from tflconv.data.locating import Location, data_dir, find


class _Datasets(commands.Group):
    moved: ClassVar = {"list": "list datasets", "download": "datasets fetch"}


@commands.group(name="datasets", cls=_Datasets)
def command() -> None:
    """Show what is in a dataset, fetch it, or clean up; `tflconv list datasets` names them.

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
      TABLE.csv         a row per picture: its label and its pixels (label,pixel0,pixel1,...); a
                        folder of such tables, or train=TABLE.csv,test=TABLE.csv, too
      FILE.npz          arrays x and y, or x_test and y_test (verify, bench; convert
                        calibrates on x or x_train)

    \b
    Examples:
      tflconv datasets show pets
      tflconv train mobilenet_v2 --dataset train=pets/photos,test=pets/held-out
      tflconv verify reference.keras model.tflite --dataset pets/labels.csv
    """


@commands.command(name="datasets")
@options.json_output
def listing(as_json: bool) -> None:
    """List the datasets and whether they are on this computer.

    \b
    Examples:
      tflconv list datasets
      tflconv list datasets --json
    """
    details = _details if as_json else _row
    options.print_rows([details(find(name)) for name in data.names()], as_json=as_json)
    say_next("tflconv", "datasets", "show", "mnist-sample")


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
@click.argument("name", shell_complete=completing.datasets)
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
    with working(f"reading {name}"):
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
    say_next("tflconv", "train", "mobilenet_v2", "--dataset", name)


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
@click.argument("name", shell_complete=completing.datasets)
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
        with showing() as progress:
            fetched = fetch_files(name, _telling(progress))
    for file in fetched:
        say(_outcome(file))
    say(f"{name} in {data_dir() / name}: {find(name).state}.")
    say_next("tflconv", "datasets", "show", name)


def _telling(progress: Callback) -> Callable[[str, int, int | None], None]:
    def tell(file: str, done: int, total: int | None) -> None:
        progress(Progress(stage=file, done=done, total=total or 0, unit="bytes", subject=file))

    return tell


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
      tflconv datasets clean && tflconv datasets show photos/
    """
    say(f"{cache.clear():,} bytes freed.")
