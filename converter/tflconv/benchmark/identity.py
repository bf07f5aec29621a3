"""What a model file is called in results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from tflconv.model.artifact import ModelArtifact
from tflconv.model.card import ModelCard, read_card
from tflconv.results import MeasuredModel

BASELINE = "fp32"

Named = Mapping[Path, MeasuredModel]


def identify_all(files: Sequence[Path]) -> dict[Path, MeasuredModel]:
    """What each of ``files`` is; the float file of a model is the baseline of its others.

    Files that share a name are told apart by their folders.
    """
    named = {file: identify(file) for file in files}
    told = {file: _told_apart(file, named) for file in named}
    baselines = {file: _baseline(file, named) for file in named}
    return {
        file: replace(told[file], baseline=told[base].slug if base else None)
        for file, base in baselines.items()
    }


def identify(file: Path) -> MeasuredModel:
    """What the model at ``file`` says about itself; its name says the rest."""
    card = read_card(file)
    artifact = ModelArtifact.of(file)
    return MeasuredModel(
        slug=file.stem,
        name=_name(file, card),
        recipe=(card and card.recipe) or "–",
        sha256=artifact.sha256,
        bytes=artifact.bytes,
        dataset=card.dataset if card else None,
    )


def _name(file: Path, card: ModelCard | None) -> str:
    """What comes before dataset and recipe in the file's name, or else what the card says."""
    if card is None:
        return file.stem
    named = file.stem.removesuffix(f"-{card.recipe}")
    return card.model if named == file.stem else named.removesuffix(f"-{card.dataset}")


def _told_apart(file: Path, named: Named) -> MeasuredModel:
    model = named[file]
    if [other.stem for other in named].count(file.stem) == 1:
        return model
    slug, name = (file.parent / own for own in (model.slug, model.name))
    return replace(model, slug=slug.as_posix(), name=name.as_posix())


def _baseline(file: Path, named: Named) -> Path | None:
    """The one float file of the same model, in the same folder if there are several."""
    model = named[file]
    floats = [
        other
        for other, its in named.items()
        if (its.name, its.dataset, its.recipe) == (model.name, model.dataset, BASELINE)
    ]
    near = [other for other in floats if other.parent == file.parent] or floats
    return near[0] if len(near) == 1 else None
