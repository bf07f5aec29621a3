"""The card inside a model file: labels, preprocessing and origin.

A ``.keras`` file is a zip archive, and a ``.tflite`` file may have one appended (that is how
TFLite metadata carries its label files), so the card is the member ``tflconv.json`` of both.
Reading it needs neither TensorFlow nor the model.
"""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from tflconv.core import bounded, inputs, telling
from tflconv.core.jsonvalue import JsonObject, JsonValue
from tflconv.core.plural import plural
from tflconv.core.shortening import shorten
from tflconv.core.structuring import Structure, faults
from tflconv.core.text import clean, clean_json, clean_name
from tflconv.core.text import to_json as as_text
from tflconv.errors import UsageError, require
from tflconv.model.normalization import Normalization
from tflconv.model.pictures import Resize
from tflconv.tflite.metadata import LABELS, Metadata
from tflconv.tflite.metadata import read as read_metadata

MEMBER = "tflconv.json"

_LARGEST_SIDE = 1 << 16
_EPOCH = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True, kw_only=True)
class ModelCard:
    """Labels, preprocessing and origin of a model.

    Attributes:
        model: Name of the model.
        labels: Names of its outputs, in their order.
        input_shape: Height, width and channels.
        normalization: How pixels become inputs.
        resize: How pictures are brought to that height and width; None for as their dataset says.
        options: Options of the model in the registry.
        dataset: Name of the dataset that it was trained on.
        dataset_digest: Hash of that dataset.
        subset: Whether only a part of that dataset was used.
        recipe: Name of the recipe; None for a model that was not converted.
        rewrite: Which graph it was made of: ``as-is``, ``optimized`` or ``unfused``.
        outputs: ``probabilities`` or ``logits``; None where it is not clear what they are.
        calibration: Which samples its ranges were measured with.
        seed: Seed of everything that was drawn at random.
        training: Settings of the training.
        metrics: Figures on the validation split, never the test split.
        versions: Versions of the libraries that made the file.
        parent: SHA-256 of the file that it was made of.
    """

    model: str
    labels: tuple[str, ...]
    input_shape: tuple[int, ...]
    normalization: Normalization
    resize: Resize | None = None
    options: JsonObject = field(default_factory=dict)
    dataset: str | None = None
    dataset_digest: str | None = None
    subset: bool = False
    recipe: str | None = None
    rewrite: str | None = None
    outputs: str | None = None
    calibration: JsonObject | None = None
    seed: int | None = None
    training: JsonObject = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    versions: Mapping[str, str | None] = field(default_factory=dict)
    parent: str | None = None

    def __post_init__(self) -> None:
        sides = all(0 < side <= _LARGEST_SIDE for side in self.input_shape)
        require("card", self, input_shape=(sides, f"sides between 1 and {_LARGEST_SIDE}"))

    def __repr__(self) -> str:
        sides = "x".join(map(str, self.input_shape))
        trained = f" on {shorten(self.dataset, 40)}" if self.dataset else ""
        made = f", {self.recipe}" if self.recipe else ""
        kinds = plural(len(self.labels), "label") if self.labels else "no labels"
        return f"ModelCard({shorten(self.model)}{trained}{made}: {sides}, {kinds})"


def to_json(card: ModelCard) -> dict[str, JsonValue]:
    """Return everything that ``card`` says, as JSON values."""
    value: dict[str, JsonValue] = _STRUCTURE.to_json(card)
    return value


def to_metadata(card: ModelCard) -> Metadata:
    """Return what ``card`` says to other tools, as TFLite metadata."""
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
    text = as_text(to_json(card))
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(zipfile.ZipInfo(MEMBER, date_time=_EPOCH), text)
        if card.labels:
            labels = "\n".join(map(clean_name, card.labels)) + "\n"
            archive.writestr(zipfile.ZipInfo(LABELS, date_time=_EPOCH), labels)


def read_card(path: Path) -> ModelCard | None:
    """Read the card inside the model file at ``path``.

    A ``.tflite`` file without a card gets one of its TFLite metadata, if those say how to feed it.

    Returns:
        The card; None if the file has none, or a damaged one, of which a warning tells.

    Raises:
        TflconvError: The file cannot be read, or its card is too large.
    """
    try:
        with bounded.explained(path, "the card inside the model"):
            return _read(path)
    except bounded.DamagedError as error:
        message = f"{clean(error.message)} The model is used without its card."
        telling.warn(message)
        return None


def _read(path: Path) -> ModelCard | None:
    inputs.require_finite(path)
    try:
        with bounded.open_zip(path) as archive:
            if MEMBER not in archive.namelist():
                return _foreign(path)
            value = bounded.read_json(bounded.read_text(archive, MEMBER))
    except zipfile.BadZipFile:
        return _foreign(path)
    try:
        card = _STRUCTURE.of(clean_json(value), ModelCard)
    except ValueError as error:
        raise ValueError("; ".join(faults(error)[:3])) from error
    return replace(card, model=clean_name(card.model), labels=tuple(map(clean_name, card.labels)))


def require_card(path: Path) -> ModelCard:
    """Read the card inside the model file at ``path``.

    Raises:
        UsageError: The file has none.
    """
    card = read_card(path)
    if card is None:
        raise UsageError(
            f"{path} has no card, so it is not known how pictures become its input.",
            hint="Convert it with tflconv convert; add --normalize if the model is your own.",
        )
    return card


def _foreign(path: Path) -> ModelCard | None:
    metadata = read_metadata(path) if path.suffix == ".tflite" else None
    if metadata is None:
        return None
    try:
        return ModelCard(
            model=clean_name(path.stem),
            labels=metadata.labels,
            input_shape=metadata.input_shape,
            normalization=Normalization(mean=metadata.mean, std=metadata.std),
        )
    except UsageError as error:
        raise ValueError(error.message) from error


_STRUCTURE = Structure()
