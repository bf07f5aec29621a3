"""From a dataset and the name of a model to a trained ``.keras`` file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tflconv import data, models, training
from tflconv.core import outputs
from tflconv.core.progress import Callback, Progress, silent
from tflconv.core.store import Store
from tflconv.core.text import file_name
from tflconv.data import Dataset
from tflconv.errors import UsageError
from tflconv.model.card import ModelCard
from tflconv.pipeline import checking, weights
from tflconv.pipeline.requests import TrainingRequest
from tflconv.pipeline.teaching import TeacherAnswers, TeacherFile, shared_store
from tflconv.training import course
from tflconv.training.state import state_path
from tflconv.training.views import Views


def load(request: TrainingRequest) -> Dataset:
    """Return the pictures that ``request`` names, split by its seed.

    Raises:
        UsageError: There is no such dataset.
    """
    return data.load(
        request.dataset,
        resolution=request.resolution,
        channels=request.channels,
        seed=request.config.seed,
    )


@dataclass(frozen=True, kw_only=True)
class Trained:
    """A trained model: its file, and the card that it carries."""

    path: Path
    card: ModelCard


def train(
    request: TrainingRequest,
    output: Path | None = None,
    *,
    dataset: Dataset | None = None,
    store: Store | None = None,
    progress: Callback = silent,
) -> Trained:
    """Train a model of the registry and write the ``.keras`` file ``output``.

    Choices are made on the validation split; the test split is not read. An interrupted training
    goes on from its last whole epoch when it is called again with the same request.

    Args:
        request: What to train on what, and how.
        output: The file to write; by default ``MODEL-DATASET.keras`` in the current folder.
        dataset: What ``load`` returned, where the caller needs it too.
        store: Where a teacher's answers are kept; by default in the cache of this user.
        progress: Is told of each step, and by a message of each epoch.

    Returns:
        The file, and the card that it carries.

    Raises:
        UsageError: The model, an option or the pictures do not fit, or ``output`` is no ``.keras``,
            or the teacher knows other classes, or weights to start from are of another network.
        TflconvError: ``output`` cannot be written; this is known before a picture is read.
    """
    if request.teacher is not None:
        checking.teacher(request.teacher)
    start = None
    if request.weights is not None:
        start = weights.start(request.weights, request.weights_sha256, progress)
    _try(output or Path("model.keras"))
    if output is not None and output.suffix != ".keras":
        raise UsageError(
            f"a trained model is a .keras file. Received: {output}.",
            hint=f"Say -o {output.with_suffix('.keras')}.",
        )
    if dataset is None:
        progress(Progress(stage="read"))
        dataset = load(request)
        dataset.warn()
    if output is None:
        output = Path(f"{request.model}-{file_name(dataset.name)}.keras")
        _try(output)
    shape, classes = dataset.train.images.shape[1:], len(dataset.classes)
    models.cost(request.model, shape, classes, **request.options)  # fails before TensorFlow is here
    teacher = _teacher(request, dataset, store, progress)
    progress(Progress(stage="train", message="starting TensorFlow"))
    card = training.train(
        dataset,
        request.model,
        request.config,
        output,
        options=request.options,
        teacher=teacher,
        start=start,
        progress=progress,
    )
    return Trained(path=output, card=card)


def _teacher(
    request: TrainingRequest, dataset: Dataset, store: Store | None, progress: Callback
) -> course.Teacher | None:
    """Who teaches the model, besides the labels."""
    if request.teacher is None:
        return None
    views = Views.of(request.config, dataset.card.augmentation)
    file = TeacherFile(
        path=request.teacher,
        normalize=request.teacher_normalize,
        custom_objects=request.custom_objects,
    )
    asked = TeacherAnswers(file, dataset, views, store or shared_store(), progress)
    return course.Teacher(
        name=request.teacher.name,
        sha256=asked.sha256,
        config=request.distill,
        teach=asked.logits,
        show=asked.lesson(request.distill) if request.distill.features else None,
    )


def _try(output: Path) -> None:
    """Check that the model, its checkpoints and temporary files can be written."""
    outputs.try_files(output, state_path(output))
    outputs.try_scratch()
