"""What a file loses of the accuracy of the model that came, on pictures that nothing is tested on.

Choices are made on the validation split, so that the test split stays what no choice has seen.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tflconv import verification
from tflconv.data import Dataset
from tflconv.data.dataset import Reading
from tflconv.pipeline.fidelity import Drop

if TYPE_CHECKING:
    from tflconv.pipeline.line import Line

MOST_PICTURES = 2000
"""Pictures on which drops are measured; of a larger validation split they are drawn by class."""


class Labelled:
    """The labelled pictures of a model's files.

    Args:
        line: The way of the model to its files.
    """

    def __init__(self, line: Line) -> None:
        self.line = line

    def drop(self, file: Path) -> Drop:
        """Return what ``file`` loses of the accuracy of the model that came.

        Raises:
            UsageError: It is not known which pictures they are, or the model is no classifier.
        """
        line, pictures = self.line, self._pictures
        found = verification.verify(
            Path(line.origin.stem),
            file,
            pictures,
            card=line.card,
            reference_scores=self._scores,
        )
        assert found.reference_correct is not None  # pictures of a dataset have classes
        assert found.target_correct is not None
        return Drop(
            source=pictures.name,
            pictures=found.total,
            reference_correct=found.reference_correct,
            correct=found.target_correct,
            doubts=found.doubts,
        )

    @property
    def seen(self) -> dict[str, Any]:
        """What decides which pictures these are."""
        request = self.line.request
        return {"dataset": self._dataset.digest, "most": MOST_PICTURES, "seed": request.seed}

    @property
    def _dataset(self) -> Dataset:
        return self.line.origin.pictures

    @cached_property
    def _pictures(self) -> Dataset:
        """The dataset, with some of its validation pictures in the place of its test pictures."""
        whole, seed = self._dataset, self.line.request.seed
        chosen = whole.validation.stratified(MOST_PICTURES, seed)
        reading = Reading(classes=whole.classes, splits={"test": chosen})
        return replace(whole, read=lambda: reading)

    @cached_property
    def _scores(self) -> NDArray[np.float32]:
        line = self.line
        line.origin.tell("check", "running the float model on labelled pictures")
        images = self._pictures.test.images
        return verification.reference_logits(line.opened, images, card=line.card)
