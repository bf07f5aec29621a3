"""What a file loses of the accuracy of the model that came, on pictures that nothing is tested on.

Choices are made on the validation split, so that the test split stays what no choice has seen.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tflconv import verification
from tflconv.data import Dataset
from tflconv.data.dataset import Reading
from tflconv.pipeline.fidelity import Drop
from tflconv.pipeline.origin import Origin

MOST_PICTURES = 2000
"""Pictures on which drops are measured; of a larger validation split they are drawn by class."""


class Labelled:
    """The labelled pictures of a model's files.

    Args:
        origin: The model before anything is done to it.
    """

    def __init__(self, origin: Origin) -> None:
        self._origin = origin

    def drop(self, file: Path) -> Drop:
        """Return what ``file`` loses of the accuracy of the model that came.

        Raises:
            UsageError: It is not known which pictures they are, or the model is no classifier.
        """
        origin, pictures = self._origin, self._pictures
        verified = verification.verify(
            Path(origin.stem),
            file,
            pictures,
            card=origin.card,
            reference_scores=self._scores,
        )
        assert verified.reference_correct is not None  # pictures of a dataset have classes
        assert verified.target_correct is not None
        return Drop(
            source=pictures.name,
            pictures=verified.total,
            reference_correct=verified.reference_correct,
            correct=verified.target_correct,
            doubts=verified.doubts,
        )

    @property
    def seen(self) -> dict[str, Any]:
        """What decides which pictures these are."""
        request = self._origin.request
        return {"dataset": self._dataset.digest, "most": MOST_PICTURES, "seed": request.seed}

    @property
    def _dataset(self) -> Dataset:
        return self._origin.pictures

    @cached_property
    def _pictures(self) -> Dataset:
        """The dataset, with some of its validation pictures in the place of its test pictures."""
        whole, seed = self._dataset, self._origin.request.seed
        chosen = whole.validation.stratified(MOST_PICTURES, seed)
        reading = Reading(classes=whole.classes, splits={"test": chosen})
        return replace(whole, read=lambda: reading)

    @cached_property
    def _scores(self) -> NDArray[np.float32]:
        origin = self._origin
        origin.tell("check", "running the float model on labelled pictures")
        images = self._pictures.test.images
        return verification.reference_logits(origin.opened, images, card=origin.card)
