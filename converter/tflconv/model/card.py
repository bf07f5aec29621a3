"""What a model file says about itself, carried inside the file.

A ``.keras`` file is a zip archive, and a ``.tflite`` file may have one appended (that is how
TFLite metadata carries its label files), so the card is the member ``tflconv.json`` of both.
Reading it needs neither TensorFlow nor the model.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cattrs

from tflconv.errors import TflconvError, UsageError
from tflconv.model.normalization import Normalization
from tflconv.model.pictures import Resize
from tflconv.tflite.metadata import LABELS, Metadata
from tflconv.tflite.metadata import read as read_metadata

MEMBER = "tflconv.json"

_EPOCH = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True, kw_only=True)
class ModelCard:
    """Labels, preprocessing and origin of a model.

    ``input_shape`` is ``(height, width, channels)``; ``resize`` is how pictures come to that size
    (by default as their dataset says); ``metrics`` hold what training saw on its
    validation split, never the test split; ``versions`` are those of the libraries that made it.
    """

    model: str
    labels: tuple[str, ...]
    input_shape: tuple[int, ...]
    normalization: Normalization
    resize: Resize | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    dataset: str | None = None
    dataset_digest: str | None = None
    subset: bool = False
    recipe: str | None = None
    calibration: Mapping[str, Any] | None = None
    seed: int | None = None
    training: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    versions: Mapping[str, str | None] = field(default_factory=dict)
    parent: str | None = None


def to_json(card: ModelCard) -> dict[str, Any]:
    """Everything that ``card`` says, as JSON values."""
    value: dict[str, Any] = _converter.unstructure(card)
    return value


def to_metadata(card: ModelCard) -> Metadata:
    """What ``card`` says, as TFLite metadata can say it to other tools."""
    trained = f", trained on {card.dataset}" if card.dataset else ""
    order = ", takes BGR" if card.normalization.channel_order == "bgr" else ""
    return Metadata(
        input_shape=card.input_shape,
        mean=card.normalization.mean,
        std=card.normalization.std,
        labels=card.labels,
        name=card.model,
        description=f"{card.recipe or 'float'}{trained}{order}; converted by tflconv",
    )


def embed_card(path: Path, card: ModelCard) -> None:
    """Append ``card`` and its labels to the model file at ``path``; equal cards, equal bytes."""
    text = json.dumps(to_json(card), indent=1, ensure_ascii=False)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(zipfile.ZipInfo(MEMBER, date_time=_EPOCH), text)
        if card.labels:
            labels = "\n".join(card.labels) + "\n"
            archive.writestr(zipfile.ZipInfo(LABELS, date_time=_EPOCH), labels)


def read_card(path: Path) -> ModelCard | None:
    """The card inside the model file at ``path``, or None if it carries none.

    For a ``.tflite`` that others made, its TFLite metadata serve as one if they say enough.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            if MEMBER not in archive.namelist():
                return _foreign(path)
            value = json.loads(archive.read(MEMBER))
    except zipfile.BadZipFile:
        return _foreign(path)
    except OSError as error:
        raise TflconvError(f"cannot read {path}: {error.strerror}.") from error
    except ValueError as error:
        raise TflconvError(f"{path}: the card inside the model is damaged.") from error
    return _converter.structure(value, ModelCard)


def require_card(path: Path) -> ModelCard:
    """The card inside the model file at ``path``; raises ``UsageError`` if it carries none."""
    card = read_card(path)
    if card is None:
        raise UsageError(
            f"{path} carries no card, so it is not known how pictures become its input.",
            hint="Convert it with tflconv convert, and say --normalize if the model is your own.",
        )
    return card


def _foreign(path: Path) -> ModelCard | None:
    found = read_metadata(path) if path.suffix == ".tflite" else None
    if found is None:
        return None
    return ModelCard(
        model=path.stem,
        labels=found.labels,
        input_shape=found.input_shape,
        normalization=Normalization(mean=found.mean, std=found.std),
    )


_converter = cattrs.Converter()
