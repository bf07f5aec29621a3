"""What a model file is called in results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from tflconv.model.artifact import ModelArtifact
from tflconv.model.card import ModelCard, read_card
from tflconv.results import Model

BASELINE = "fp32"

Named = Mapping[Path, Model]


def identify_all(files: Sequence[Path]) -> dict[Path, Model]:
    """What each of ``files`` is; the float file of a model is the baseline of its others.

    Files that share a name are told apart by their folders.
    """
    found = {file: identify(file) for file in files}
    told = {file: _told_apart(file, found) for file in found}
    baselines = {file: _baseline(file, found) for file in found}
    return {
        file: replace(told[file], baseline=told[base].slug if base else None)
        for file, base in baselines.items()
    }


def identify(file: Path) -> Model:
    """What the model at ``file`` says about itself; its name says the rest."""
    card = read_card(file)
    found = ModelArtifact.of(file)
    return Model(
        slug=file.stem,
        name=_name(file, card),
        recipe=(card and card.recipe) or "–",
        sha256=found.sha256,
        bytes=found.bytes,
        dataset=card.dataset if card else None,
    )


def _name(file: Path, card: ModelCard | None) -> str:
    """What comes before dataset and recipe in the file's name, or else what the card says."""
    if card is None:
        return file.stem
    named = file.stem.removesuffix(f"-{card.recipe}")
    return card.model if named == file.stem else named.removesuffix(f"-{card.dataset}")


def _told_apart(file: Path, found: Named) -> Model:
    model = found[file]
    if [other.stem for other in found].count(file.stem) == 1:
        return model
    slug, name = (file.parent / own for own in (model.slug, model.name))
    return replace(model, slug=slug.as_posix(), name=name.as_posix())


def _baseline(file: Path, found: Named) -> Path | None:
    """The one float file of the same model, in the same folder if there are several."""
    model = found[file]
    floats = [
        other
        for other, its in found.items()
        if (its.name, its.dataset, its.recipe) == (model.name, model.dataset, BASELINE)
    ]
    near = [other for other in floats if other.parent == file.parent] or floats
    return near[0] if len(near) == 1 else None
