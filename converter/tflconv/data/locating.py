"""Finds a dataset on this machine and checks that its files are those of its card.

Full datasets are in ``$TFLCONV_DATA_DIR/<name>/``, or in the user's data folder where the variable
is not set; small samples are part of the package. A ``manifest.json`` in the data folder describes
what is really there and takes precedence over the card: so a subset of a published dataset can be
used under its name. A folder of one's own may also be told as its splits,
``train=DIR,test=DIR,validation=DIR``, or as the table of its labels, ``DIR/labels.csv``.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, TypedDict

import platformdirs

from tflconv.core.bounded import read_json
from tflconv.core.files import sha256_bytes, sha256_file
from tflconv.core.inputs import is_address, missing
from tflconv.core.shortening import shorten
from tflconv.core.structuring import Structure, faults
from tflconv.data import pixel_tables
from tflconv.data.archives import is_archive
from tflconv.data.arrays import is_array_file
from tflconv.data.csv_labels import SUFFIXES
from tflconv.data.dataset_card import DataFile, DatasetCard, card, names
from tflconv.data.sources import PictureSource, is_source
from tflconv.data.split_words import mentions_split
from tflconv.errors import TflconvError, UsageError

MANIFEST = "manifest.json"
RECORD = "fetched.json"
VARIABLE = "TFLCONV_DATA_DIR"

_PART = re.compile(r"(?:^|(?<!^),)(train|validation|val|test)=")
_ARCHIVES = ".zip, .tar, .tar.gz, .tgz, .tar.bz2 or .tar.xz"
_PATH_SIDE = 64
_PATH_RULE = (
    "train, validation and test folders where there are any; otherwise 20 % of each class are the"
    " test split and 10 % of each remaining class the validation split, drawn by file name."
)

_PATH_AUGMENTATION = {"zoom": 0.1}
"""Augmentation that keeps the meaning of any picture; mirroring and rotation may change it."""


class _ManifestFile(TypedDict):
    path: str
    sha256: str
    bytes: int


class _Manifest(TypedDict):
    """What ``manifest.json`` holds."""

    name: str
    classes: tuple[str, ...]
    image_shape: tuple[int | None, int | None, int]
    images: int
    split: dict[str, int]
    files: tuple[_ManifestFile, ...]
    licence: str


Availability = Literal["bundled", "full", "subset", "missing"]


@dataclass(frozen=True, kw_only=True)
class Location:
    """Where a dataset is.

    Attributes:
        card: Its card, with what a manifest in the folder says in place of it.
        folder: Folder of its files.
        state: Whether it is bundled, full, a subset, or missing.
        manifest: Hash of that manifest, if it describes other files than the card.
        parts: Folder or archive by split, where a user told them apart.
        table: Table of the labels of the pictures in ``folder``.
        tables: Tables of its pixels, each with the split that it is, if it is one as a whole.
        note: What is to be said of it wherever it is used.
    """

    card: DatasetCard
    folder: Path
    state: Availability
    manifest: str | None = None
    parts: Mapping[str, Path] = field(default_factory=dict)
    table: Path | None = None
    tables: Mapping[Path, str | None] = field(default_factory=dict)
    note: str | None = None

    @property
    def name(self) -> str:
        """What the dataset is called."""
        return self.card.name

    def __repr__(self) -> str:
        return f"Location({shorten(self.name)}: {self.state}, {shorten(self.card.title)})"

    @property
    def source(self) -> PictureSource:
        """Where its pictures lie: the archive of its card, or its folders."""
        archives = (self.folder / file.path for file in self.card.files)
        archive = next((path for path in archives if is_archive(path)), self.folder)
        return PictureSource(self.parts) if self.parts else PictureSource.of(archive)

    @property
    def subset(self) -> bool:
        """Whether it has fewer pictures than were published."""
        return self.state in ("bundled", "subset")

    def hashes(self) -> dict[str, str]:
        """Return the SHA-256 of every file; raise ``TflconvError`` where the card has another."""
        if not self.card.files:
            table = {} if self.table is None else {"table of labels": self.table.name}
            return self.source.hashes() | table
        return {file.path: self._checked(file) for file in self.card.files}

    def _checked(self, file: DataFile) -> str:
        received = sha256_file(self.folder / file.path)
        if file.sha256 not in (None, received):
            raise TflconvError(
                f"{self.folder / file.path} is not the file that {self.card.name} is made of:"
                f" sha256 {received[:16]}…, expected {str(file.sha256)[:16]}….",
                hint=f"Remove it and run `tflconv datasets fetch {self.card.name}`.",
            )
        return received


def data_dir() -> Path:
    """Return the folder of full datasets."""
    if folder := os.environ.get(VARIABLE):
        return Path(folder)
    return platformdirs.user_data_path("tflconv") / "datasets"


def find(name: str) -> Location:
    """Return where the dataset called ``name`` is, ``missing`` included."""
    published = card(name)
    if published.bundled:
        return Location(card=published, folder=published.folder, state="bundled")
    folder = data_dir() / name
    location = _described(published, folder) if (folder / MANIFEST).is_file() else None
    location = location or Location(card=recorded(published, folder), folder=folder, state="full")
    there = all(_is_file(folder / file.path) for file in location.card.files)
    return location if there and location.card.files else replace(location, state="missing")


def _is_file(path: Path) -> bool:
    """Whether there is such a file; a name that is too long for one names none."""
    try:
        return path.is_file()
    except OSError:
        return False


def locate(name: str) -> Location:
    """Return where a dataset is, in full or as its bundled sample.

    Raises ``TflconvError`` where neither is on this machine.
    """
    location = find(name)
    if location.state != "missing":
        return location
    if location.card.sample in names():  # the wheel leaves the larger sample out
        note = (
            f"{name} is not on this machine, so its bundled sample stands in for it"
            f" (`tflconv datasets fetch {name}` brings all of it)."
        )
        return replace(find(location.card.sample), note=note)
    raise TflconvError(
        f"dataset {name} is not on this machine (looked in {location.folder}).",
        hint=location.card.login or f"Run `tflconv datasets fetch {name}`.",
    )


def at_path(text: str) -> Location | None:
    """Return the pictures that a user means by ``text``, or None where it is no path.

    ``text`` is a folder, an archive, a table of labels, or ``train=DIR,test=DIR`` and the like.

    Raises:
        UsageError: A path is not there, or is none of these.
    """
    if _PART.match(text):
        return _of_parts(text)
    if is_address(text):
        raise missing(text)
    path = Path(text)
    if is_source(path):
        return of_path(path)
    if _is_table(path) and pixel_tables.form(path):
        return _of_tables(path, pixel_tables.splits_of([path]))
    if _is_table(path):
        folder = path.absolute().parent
        return replace(of_path(folder), folder=folder, table=path)
    if is_array_file(path) and path.exists():
        raise UsageError(
            f"{text} holds arrays, and no pictures in files.",
            hint="verify, bench and convert take it; give a folder or an archive here.",
        )
    if path.exists():
        raise UsageError(
            f"{text} is neither a folder nor an archive of pictures, nor a table of labels.",
            hint=f"Give a folder, an archive ({_ARCHIVES}), a .csv of labels beside its pictures,"
            " or train=DIR,test=DIR.",
        )
    return None


def _of_parts(text: str) -> Location:
    matches = list(_PART.finditer(text))
    ends = [*(match.start() for match in matches[1:]), len(text)]
    named_splits = [
        ("validation" if match[1] == "val" else match[1], Path(text[match.end() : end]))
        for match, end in zip(matches, ends, strict=True)
    ]
    parts = dict(named_splits)
    if len(parts) != len(named_splits) or "train" not in parts:
        raise UsageError(
            f"splits are told as train=DIR,test=DIR,validation=DIR, each once. Received: {text}.",
            hint="train is needed; what else is left out is drawn from it.",
        )
    for split, path in named_splits:
        if path == Path() or not (is_source(path) or _is_table(path)):
            raise UsageError(f"{split}={path}: there is no such folder or archive.")
    train = parts["train"].absolute()
    folder = train.parent if mentions_split(train.name) else train
    if any(map(_is_table, parts.values())):
        return _of_split_tables(folder, parts)
    order = [split for split in ("train", "validation", "test") if split in parts]
    return replace(of_path(folder), parts={split: parts[split] for split in order})


def _is_table(path: Path) -> bool:
    return path.suffix.lower() in SUFFIXES and path.is_file()


def _of_split_tables(source: Path, parts: Mapping[str, Path]) -> Location:
    for split, path in parts.items():
        form = pixel_tables.form(path) if _is_table(path) else None
        if form is None or form.label is None:
            raise UsageError(
                f"{split}={path} is no table of labels and pixels, as another split is.",
                hint="Give all splits as folders or archives, or all as tables of pixels.",
            )
    return _of_tables(source, {path: split for split, path in parts.items()})


def _of_tables(source: Path, tables: Mapping[Path, str | None]) -> Location:
    """Return the pictures in ``tables`` of pixels, which ``source`` names, as a dataset."""
    folder = source if source.is_dir() else source.parent
    side = pixel_tables.side_of([*tables])
    location = _of_pictures(source)
    card = replace(
        location.card,
        format="pixels",
        shape=(side, side, 1),
        resolution=None,
        files=tuple(DataFile(path=str(path.absolute())) for path in tables),
    )
    return replace(location, card=card, folder=folder, tables=tables)


def of_path(path: Path) -> Location:
    """Return a folder or archive of pictures, or of tables of pixels, as a dataset of its own."""
    tables = pixel_tables.below(path) if path.is_dir() else []
    if not tables:
        return _of_pictures(path)
    splits = pixel_tables.splits_of(tables)
    location = _of_tables(path, splits)
    unlabelled = ", ".join(each.name for each in tables if each not in splits)
    note = f"pictures left out: {unlabelled} has no labels." if unlabelled else None
    return replace(location, note=note)


def _of_pictures(path: Path) -> Location:
    name = re.sub(r"[^a-z0-9]+", "-", path.resolve().name.lower().split(".")[0]).strip("-")
    return Location(
        card=DatasetCard(
            name=name or "pictures",
            title=f"Pictures in {path}",
            format="pictures",
            classes=(),
            shape=(None, None, 3),
            resolution=_PATH_SIDE,
            split_rule=_PATH_RULE,
            augmentation=_PATH_AUGMENTATION,
        ),
        folder=path,
        state="full",
    )


def _described(published: DatasetCard, folder: Path) -> Location:
    """Return the dataset of the manifest in ``folder``; the card fills in what that leaves out."""
    content = (folder / MANIFEST).read_bytes()
    try:
        manifest = _STRUCTURE.of(read_json(content), _Manifest)
        merged = _merged(published, manifest)
    except (ValueError, RecursionError, UsageError) as error:
        reasons = "; ".join(faults(error)[:3])
        raise TflconvError(f"{folder / MANIFEST} is not a dataset manifest: {reasons}.") from error
    fewer = manifest["images"] < sum(published.counts.values())
    same = {file.path: file.sha256 for file in merged.files} == {
        file.path: file.sha256 for file in published.files
    }
    return Location(
        card=published if same else merged,
        folder=folder,
        state="subset" if fewer else "full",
        manifest=None if same else sha256_bytes(content),
    )


def _merged(published: DatasetCard, manifest: _Manifest) -> DatasetCard:
    height, width, channels = manifest["image_shape"]
    return replace(
        published,
        title=manifest["name"],
        classes=manifest["classes"],
        shape=(height, width, channels),
        counts=manifest["split"],
        files=tuple(
            DataFile(path=file["path"], sha256=file["sha256"], bytes=file["bytes"])
            for file in manifest["files"]
        ),
        licence=manifest["licence"],
    )


def checksums(folder: Path) -> dict[str, str]:
    """Return the checksums by file that downloads recorded in ``folder``; none if it is damaged."""
    try:
        return _STRUCTURE.of(read_json((folder / RECORD).read_text()), dict[str, str])
    except (OSError, ValueError, RecursionError):
        return {}


def recorded(published: DatasetCard, folder: Path) -> DatasetCard:
    """Return the card with the checksums that the first download recorded, where it has none."""
    record = checksums(folder)
    files = (replace(file, sha256=file.sha256 or record.get(file.path)) for file in published.files)
    return replace(published, files=tuple(files))


_STRUCTURE = Structure()
