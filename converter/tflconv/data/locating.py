"""Where a dataset lies on this machine, and whether it is what its card promises.

Full sets live in ``$TFLCONV_DATA_DIR/<name>/``, or in the user's data folder where the variable is
not set; small samples travel with the package. A ``manifest.json`` in the data folder says what is
really there and goes before the card: that is how a subset of a published set is used and called
by its name.
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

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
"""What leaves a picture's meaning alone, whatever it shows; it may not be mirrored or turned."""

Availability = Literal["bundled", "full", "subset", "missing"]


@dataclass(frozen=True, kw_only=True)
class Location:
    """A dataset's ``card``, true for the files in ``folder``; ``manifest`` is the hash of its own.

    ``state`` is bundled, full or subset; a set that is not there is missing.
    """

    card: DatasetCard
    folder: Path
    state: Availability
    manifest: str | None = None

    @property
    def subset(self) -> bool:
        """Whether there are fewer pictures than were published."""
        return self.state in ("bundled", "subset")

    def hashes(self) -> dict[str, str]:
        """SHA-256 of every file, checked against the card where that knows it."""
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
    """The folder of full datasets."""
    if folder := os.environ.get(VARIABLE):
        return Path(folder)
    return platformdirs.user_data_path("tflconv") / "datasets"


def find(name: str) -> Location:
    """The dataset called ``name`` as it lies here; one that is not there has state missing."""
    published = card(name)
    if published.bundled:
        return Location(card=published, folder=published.folder, state="bundled")
    folder = data_dir() / name
    location = _described(published, folder) if (folder / MANIFEST).is_file() else None
    location = location or Location(card=recorded(published, folder), folder=folder, state="full")
    there = all((folder / file.path).is_file() for file in location.card.files)
    return location if there and location.card.files else replace(location, state="missing")


def locate(name: str) -> Location:
    """The full set called ``name``, else its bundled sample; raises where there is neither."""
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
    """The pictures in the folder or archive at ``path``, as a dataset of its own."""
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
    """The set that the manifest in ``folder`` describes; the card fills what it leaves open."""
    content = (folder / MANIFEST).read_bytes()
    try:
        manifest = json.loads(content)
        found = _merged(published, manifest)
        images = int(manifest["images"])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise TflconvError(f"{folder / MANIFEST} is not a dataset manifest: {error!r}.") from error
    fewer = images < sum(published.counts.values())
    same = {file.path: file.sha256 for file in found.files} == {
        file.path: file.sha256 for file in published.files
    }
    return Location(
        card=published if same else found,
        folder=folder,
        state="subset" if fewer else "full",
        manifest=None if same else sha256_bytes(content),
    )


def _merged(published: DatasetCard, manifest: dict[str, Any]) -> DatasetCard:
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
    """``published`` with the checksums that the first fetch recorded where the card has none."""
    try:
        record = json.loads((folder / RECORD).read_text())
    except (OSError, ValueError):
        return published
    files = (replace(file, sha256=file.sha256 or record.get(file.path)) for file in published.files)
    return replace(published, files=tuple(files))
