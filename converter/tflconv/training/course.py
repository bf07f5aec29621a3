"""What a model is taught: the batches of each epoch in their order, and what a teacher says."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tflconv.core.jsonvalue import JsonValue
from tflconv.core.typing import Keras2Model
from tflconv.data import Dataset
from tflconv.training.config import DistillConfig, TrainConfig
from tflconv.training.views import Batch, Teach, Views

if TYPE_CHECKING:
    from tflconv.training.features import Features


@dataclass(frozen=True, kw_only=True)
class Teacher:
    """Who teaches a student.

    Attributes:
        name: Its file.
        sha256: Hash of that file.
        config: How the student learns from it.
        teach: Says what the teacher thinks about a view of all training pictures.
        show: Makes the lesson of a student from features; None where it has none.
    """

    name: str
    sha256: str | None
    config: DistillConfig
    teach: Teach
    show: Callable[[Keras2Model], Features] | None = None

    def to_json(self) -> dict[str, JsonValue]:
        """Return what decides what the student learns."""
        return {"teacher": self.name, "teacher_sha256": self.sha256, **asdict(self.config)}


@dataclass(frozen=True, kw_only=True)
class StartingWeights:
    """The model file whose weights a training starts from.

    Attributes:
        name: What it is called: its file, or the address that it came from.
        path: Where it lies.
        sha256: Its hash.
    """

    name: str
    path: Path
    sha256: str


@dataclass(frozen=True)
class Course:
    """What is taught: the batches of each epoch in their order, and from which weights on."""

    dataset: Dataset
    config: TrainConfig
    teacher: Teacher | None = None
    start: StartingWeights | None = None

    @property
    def steps(self) -> int:
        """Batches per epoch."""
        return max(1, len(self.dataset.train) // self.config.batch_size)

    def batches(self, epoch: int) -> Iterator[Batch]:
        """Yield whole batches in the order of this ``epoch``, which counts from 0."""
        split, size, taught = self.dataset.train, self.config.batch_size, self.teacher
        number = epoch if taught is None else epoch % taught.config.views
        views = Views.of(self.config, self.dataset.card.augmentation)
        view = views.draw(number, len(split), split.images.shape[1:3])
        asks = taught is not None and taught.config.alpha > 0
        logits = taught.teach(number) if taught and asks else None
        order = np.random.default_rng((self.config.seed, epoch)).permutation(len(split))
        for step in range(self.steps):
            yield view.batch(split, order[step * size : (step + 1) * size], logits)

    def to_json(self) -> dict[str, JsonValue]:
        """Return the settings, for the card and for the hash of the checkpoint."""
        distill = {} if self.teacher is None else {"distill": self.teacher.to_json()}
        begun: dict[str, JsonValue] = {}
        if self.start is not None:
            begun = {"weights": {"file": self.start.name, "sha256": self.start.sha256}}
        return {**asdict(self.config), **distill, **begun}
