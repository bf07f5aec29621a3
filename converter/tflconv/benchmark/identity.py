"""What a model file is called in results."""

from __future__ import annotations

from pathlib import Path

from tflconv import model_card
from tflconv.artifact import ModelArtifact
from tflconv.results import Model


def identify(file: Path, *, baseline: str | None = None) -> Model:
    """What the model at ``file`` says about itself; its name says the rest.

    ``baseline`` is the slug of the run that this one is compared with.
    """
    card = model_card.read(file)
    found = ModelArtifact.of(file)
    return Model(
        slug=file.stem,
        name=card.model if card else file.stem,
        recipe=(card and card.recipe) or "–",
        sha256=found.sha256,
        bytes=found.bytes,
        dataset=card.dataset if card else None,
        baseline=baseline,
    )
