"""Name model files in results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from tflconv.core.text import clean, clean_name
from tflconv.model.artifact import ModelArtifact
from tflconv.model.card import ModelCard, read_card
from tflconv.results import MeasuredModel

BASELINE = "fp32"

Identities = Mapping[Path, MeasuredModel]


def identify_all(files: Sequence[Path]) -> dict[Path, MeasuredModel]:
    """Return the identity of each file; the fp32 file of a model is the baseline of its others.

    Files that share a name get their folders as part of it.

    Raises:
        TflconvError: A file is missing or its card cannot be read.

    Example:
        >>> identities = identify_all([Path("vit-fp32.tflite"),
        ...                            Path("vit-static_wi8_ai8.tflite")])  # doctest: +SKIP
        >>> [model.baseline for model in identities.values()]  # doctest: +SKIP
        ['vit-fp32', 'vit-fp32']

    """
    identities = {file: identify(file) for file in files}
    distinct = {file: _with_folder(file, identities) for file in identities}
    baselines = {file: _baseline(file, identities) for file in identities}
    return {
        file: replace(distinct[file], baseline=distinct[base].slug if base else None)
        for file, base in baselines.items()
    }


def identify(file: Path) -> MeasuredModel:
    """Return the identity of the model at ``file``, from its card and its name.

    Example:
        >>> identify(Path("vit-mnist-static_wi8_ai8.tflite")).recipe  # doctest: +SKIP
        'static_wi8_ai8'

    """
    card = read_card(file)
    artifact = ModelArtifact.of(file)
    return MeasuredModel(
        slug=clean_name(file.stem),
        name=_name(file, card),
        recipe=(card and card.recipe) or "–",
        sha256=artifact.sha256,
        bytes=artifact.bytes,
        download_bytes=artifact.download_bytes,
        dataset=card.dataset if card else None,
    )


def _name(file: Path, card: ModelCard | None) -> str:
    """Return what precedes dataset and recipe in the file's name, else what the card says."""
    if card is None:
        return clean_name(file.stem)
    stem = clean_name(file.stem).removesuffix(f"-{card.recipe}")
    return card.model if stem == clean_name(file.stem) else stem.removesuffix(f"-{card.dataset}")


def _with_folder(file: Path, identities: Identities) -> MeasuredModel:
    """Return the identity of ``file``, with its folder if another file has the same name."""
    model = identities[file]
    if [other.stem for other in identities].count(file.stem) == 1:
        return model
    slug, name = (file.parent / part for part in (model.slug, model.name))
    return replace(model, slug=clean(slug.as_posix()), name=clean(name.as_posix()))


def _baseline(file: Path, identities: Identities) -> Path | None:
    """Return the only fp32 file of the same model, in the same folder if there are several."""
    model = identities[file]
    floats = [
        other
        for other, candidate in identities.items()
        if (candidate.name, candidate.dataset, candidate.recipe)
        == (model.name, model.dataset, BASELINE)
    ]
    near = [other for other in floats if other.parent == file.parent] or floats
    return near[0] if len(near) == 1 else None
