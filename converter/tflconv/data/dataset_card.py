"""Dataset cards: what is known about a dataset before a picture is read.

A card is ``datasets/<name>/card.json`` inside the package. It names classes, files with their
checksums and URLs, licence, source and citation, and the rules by which the set is
split and may be augmented. What is not known is null, never guessed.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import cattrs

from tflconv.core.bounded import read_json
from tflconv.core.jsonvalue import JsonObject
from tflconv.core.resources import datasets_dir
from tflconv.core.shortening import shorten
from tflconv.core.structuring import Structure, faults
from tflconv.core.text import clean_json
from tflconv.data.splits import FrameBlocks
from tflconv.errors import TflconvError, UsageError, unknown
from tflconv.model.pictures import Resize

CARD = "card.json"


@dataclass(frozen=True, kw_only=True)
class DataFile:
    """One file of a dataset; ``path`` is relative to its folder, ``urls`` are tried in order."""

    path: str
    sha256: str | None = None
    bytes: int | None = None
    urls: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class DatasetCard:
    """What a dataset is, where it comes from, and what may be done with it.

    Attributes:
        name: Name by which it is loaded.
        title: Name for people.
        format: Format of the files.
        classes: Names of the classes, in the order of the labels; empty where folders name them.
        shape: ``(height, width, channels)`` as published; None where it varies.
        counts: Number of pictures per split, as published.
        files: The files.
        licence: Licence of the pictures.
        source: Web page of the dataset.
        citation: How to cite it.
        split_rule: How it is split, in words.
        validation: Share of the training pictures that becomes the validation split, where the
            dataset has none of its own.
        blocks: How frames of a film are split.
        resolution: Side in pixels to which pictures are brought by default.
        resize: How they are brought to it.
        augmentation: Limits of augmentation: ``shift`` in pixels, ``rotate`` in degrees, ``zoom``
            as a share, ``flip`` left to right.
        sample: Name of a bundled sample of this dataset.
        sample_of: Name of the dataset that this is a bundled sample of.
        drawn: How that sample was drawn.
        login: What to do where files need an account.

    Raises:
        UsageError: A class is named twice, or ``validation`` is no share.
    """

    name: str
    title: str
    format: Literal["idx", "cifar", "pictures", "pixels"]
    classes: tuple[str, ...]
    shape: tuple[int | None, int | None, int]
    counts: Mapping[str, int] = field(default_factory=dict)
    files: tuple[DataFile, ...] = ()
    licence: str | None = None
    source: str | None = None
    citation: str | None = None
    split_rule: str
    validation: float | None = 0.1
    blocks: FrameBlocks | None = None
    resolution: int | None = None
    resize: Resize = "crop"
    augmentation: JsonObject = field(default_factory=dict)
    sample: str | None = None
    sample_of: str | None = None
    drawn: JsonObject | None = None
    login: str | None = None

    def __repr__(self) -> str:
        kinds = f", {len(self.classes)} classes" if self.classes else ""
        return f"DatasetCard({shorten(self.name)}: {shorten(self.title)}{kinds})"

    def __post_init__(self) -> None:
        if len(self.classes) != len(set(self.classes)):
            raise UsageError(f"dataset {self.name}: a class is named twice.")
        if self.validation is not None and not 0 < self.validation < 1:
            raise UsageError(
                f"dataset {self.name}: validation is a share between 0 and 1."
                f" Received: validation={self.validation}."
            )

    @property
    def bundled(self) -> bool:
        """Whether the pictures are part of the package."""
        return self.sample_of is not None

    @property
    def folder(self) -> Path:
        """Folder of the card, which also holds the pictures of a bundled dataset."""
        return datasets_dir() / self.name


def names() -> tuple[str, ...]:
    """Return the names of all datasets that have a card, sorted.

    Example:
        >>> "mnist-sample" in names()
        True
    """
    return tuple(sorted(path.parent.name for path in datasets_dir().glob(f"*/{CARD}")))


def card(name: str) -> DatasetCard:
    """Return the card of a dataset.

    Raises ``UsageError`` for an unknown name, with similar ones, and for a path that is not there.

    Example:
        >>> card("mnist").shape
        (28, 28, 1)
    """
    if name not in names():
        if "/" in name or os.sep in name:
            raise UsageError(
                f"there is no folder or archive {name}.",
                hint="Is the path right? `tflconv list datasets` lists datasets by name.",
            )
        raise unknown("dataset", name, names(), more="A folder of pictures is named by its path.")
    return read_card(datasets_dir() / name / CARD)


def read_card(path: Path) -> DatasetCard:
    """Read a card from a JSON file. Raises ``TflconvError`` if it is none."""
    try:
        value = clean_json(read_json(path.read_text(encoding="utf-8")))
        return _STRUCTURE.of(value, DatasetCard)
    except (OSError, ValueError, RecursionError) as error:
        raise TflconvError(f"{path} is not a dataset card: {'; '.join(faults(error))}.") from error


def _prepare(converter: cattrs.Converter) -> None:
    """Let ``converter`` pass free-form values unchanged."""
    converter.register_structure_hook_func(lambda kind: kind is object, lambda value, _: value)


_STRUCTURE = Structure(_prepare, strict=True)
