"""What is known about a dataset before a single picture is read.

A card is ``datasets/<name>/card.json`` inside the package. It names classes, files with their
checksums and public addresses, licence, source and citation, and the rules by which the set is
split and may be augmented. What is not known is null, never guessed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import cattrs

from tflconv.core.resources import datasets_dir
from tflconv.data.splits import Blocks
from tflconv.errors import TflconvError, UsageError, unknown
from tflconv.model.pictures import Resize

CARD = "card.json"


@dataclass(frozen=True, kw_only=True)
class DataFile:
    """One file of a dataset, relative to its folder; ``urls`` are tried in this order."""

    path: str
    sha256: str | None = None
    bytes: int | None = None
    urls: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class DatasetCard:
    """What a dataset is, where it comes from, and what may be done with it.

    ``shape`` is ``(height, width, channels)`` as published, null where it varies; ``resolution``
    is the side that pictures are brought to unless another is asked for. ``counts`` are pictures
    a split as published. ``validation`` is the share of the training pictures that is kept back
    where the set has no validation split of its own; ``blocks`` is how frames of a film are split.
    ``augmentation`` says what training may do: ``shift`` in pixels, ``rotate`` in degrees, ``zoom``
    as a share, ``flip`` left to right.
    """

    name: str
    title: str
    format: Literal["idx", "cifar", "pictures"]
    classes: tuple[str, ...]
    shape: tuple[int | None, int | None, int]
    counts: Mapping[str, int] = field(default_factory=dict)
    files: tuple[DataFile, ...] = ()
    licence: str | None = None
    source: str | None = None
    citation: str | None = None
    split_rule: str
    validation: float | None = 0.1
    blocks: Blocks | None = None
    resolution: int | None = None
    resize: Resize = "crop"
    augmentation: Mapping[str, Any] = field(default_factory=dict)
    sample: str | None = None
    sample_of: str | None = None
    drawn: Mapping[str, Any] | None = None
    login: str | None = None

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
        """Whether the pictures travel with the package."""
        return self.sample_of is not None

    @property
    def folder(self) -> Path:
        """The card's own folder, which holds the pictures of a bundled set."""
        return datasets_dir() / self.name


def names() -> tuple[str, ...]:
    """Names of all datasets that have a card."""
    return tuple(sorted(path.parent.name for path in datasets_dir().glob(f"*/{CARD}")))


def card(name: str) -> DatasetCard:
    """The card of the dataset called ``name``; raises ``UsageError`` with near names."""
    if name not in names():
        raise unknown("dataset", name, names())
    return read_card(datasets_dir() / name / CARD)


def read_card(path: Path) -> DatasetCard:
    """The card in the JSON file at ``path``."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
        return _converter.structure(value, DatasetCard)
    except (OSError, ValueError, AttributeError, cattrs.BaseValidationError) as error:
        raise TflconvError(f"{path} is not a dataset card: {_reasons(error)}.") from error


def _reasons(error: Exception) -> str:
    if isinstance(error, cattrs.BaseValidationError):
        return "; ".join(cattrs.transform_error(error))
    return str(error)


_converter = cattrs.Converter(forbid_extra_keys=True)
