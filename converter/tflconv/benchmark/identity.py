"""What a model file is called in results."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from tflconv import model_card
from tflconv.artifact import ModelArtifact
from tflconv.results import Model

BASELINE = "fp32"


def identify_all(files: Sequence[Path]) -> dict[Path, Model]:
    """What each of ``files`` is; the float file of a model is the baseline of its others."""
    found = {file: identify(file) for file in files}
    floats = {(m.name, m.dataset): m.slug for m in found.values() if m.recipe == BASELINE}
    return {
        file: replace(model, baseline=floats.get((model.name, model.dataset)))
        for file, model in found.items()
    }


def identify(file: Path) -> Model:
    """What the model at ``file`` says about itself; its name says the rest."""
    card = model_card.read(file)
    found = ModelArtifact.of(file)
    return Model(
        slug=file.stem,
        name=card.model if card else file.stem,
        recipe=(card and card.recipe) or "–",
        sha256=found.sha256,
        bytes=found.bytes,
        dataset=card.dataset if card else None,
    )
