"""Finds a dataset on this machine and checks that its files are those of its card.

Full datasets are in ``$TFLCONV_DATA_DIR/<name>/``, or in the user's data folder where the variable
is not set; small samples are part of the package. A ``manifest.json`` in the data folder describes
what is really there and takes precedence over the card: so a subset of a published dataset can be
used under its name.
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, TypedDict

import platformdirs

from tflconv.core.files import sha256_bytes, sha256_file
from tflconv.data import folders
from tflconv.data.dataset_card import DataFile, DatasetCard, card
from tflconv.errors import TflconvError

MANIFEST = "manifest.json"
RECORD = "fetched.json"
VARIABLE = "TFLCONV_DATA_DIR"

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
    classes: list[str]
    image_shape: tuple[int, int, int]
    images: int
    split: dict[str, int]
    files: list[_ManifestFile]
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
    """

    card: DatasetCard
    folder: Path
    state: Availability
    manifest: str | None = None

    @property
    def subset(self) -> bool:
        """Whether it has fewer pictures than were published."""
        return self.state in ("bundled", "subset")

    def hashes(self) -> dict[str, str]:
        """Return the SHA-256 of every file; raise ``TflconvError`` where the card has another."""
        if not self.card.files:
            return folders.hashes(self.folder)
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
    there = all((folder / file.path).is_file() for file in location.card.files)
    return location if there and location.card.files else replace(location, state="missing")


def locate(name: str) -> Location:
    """Return where a dataset is, in full or as its bundled sample.

    Raises ``TflconvError`` where neither is on this machine.
    """
    location = find(name)
    if location.state != "missing":
        return location
    if location.card.sample is not None:
        return find(location.card.sample)
    raise TflconvError(
        f"dataset {name} is not on this machine (looked in {location.folder}).",
        hint=location.card.login or f"Run `tflconv datasets fetch {name}`.",
    )


def of_path(path: Path) -> Location:
    """Return a folder or archive of pictures as a dataset of its own."""
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
        manifest: _Manifest = json.loads(content)
        merged = _merged(published, manifest)
        images = int(manifest["images"])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise TflconvError(f"{folder / MANIFEST} is not a dataset manifest: {error!r}.") from error
    fewer = images < sum(published.counts.values())
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
        title=str(manifest["name"]),
        classes=tuple(map(str, manifest["classes"])),
        shape=(height, width, channels),
        counts={str(key): int(value) for key, value in manifest["split"].items()},
        files=tuple(
            DataFile(path=file["path"], sha256=file["sha256"], bytes=file["bytes"])
            for file in manifest["files"]
        ),
        licence=str(manifest["licence"]),
    )


def recorded(published: DatasetCard, folder: Path) -> DatasetCard:
    """Return the card with the checksums that the first download recorded, where it has none."""
    try:
        record = json.loads((folder / RECORD).read_text())
    except (OSError, ValueError):
        return published
    files = (replace(file, sha256=file.sha256 or record.get(file.path)) for file in published.files)
    return replace(published, files=tuple(files))
