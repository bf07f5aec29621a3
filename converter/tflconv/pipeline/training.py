"""From a dataset and the name of a model to a trained ``.keras`` file."""

from __future__ import annotations

from pathlib import Path

from tflconv import data, models, training
from tflconv.core.files import require_place
from tflconv.core.progress import Callback, silent
from tflconv.data import Dataset
from tflconv.errors import UsageError
from tflconv.model.card import ModelCard
from tflconv.pipeline.requests import TrainingRequest


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


def train(
    request: TrainingRequest,
    output: Path,
    *,
    dataset: Dataset | None = None,
    progress: Callback = silent,
) -> ModelCard:
    """Train a model of the registry and write the ``.keras`` file ``output``.

    Choices are made on the validation split; the test split is not read. An interrupted training
    goes on from its last whole epoch when it is called again with the same request.

    Args:
        request: What to train on what, and how.
        output: The file to write.
        dataset: What ``load`` returned, where the caller needs it too.
        progress: Is told of each step, and by a message of each epoch.

    Returns:
        The card that the file carries.

    Raises:
        UsageError: The model, an option or the pictures do not fit, or ``output`` is no ``.keras``.
        TflconvError: ``output`` cannot be written.
    """
    if output.suffix != ".keras":
        raise UsageError(
            f"a trained model is a .keras file. Received: {output}.",
            hint=f"Say -o {output.with_suffix('.keras')}.",
        )
    require_place(output.parent)
    if dataset is None:
        dataset = load(request)
        dataset.warn()
    shape, classes = dataset.train.images.shape[1:], len(dataset.classes)
    models.cost(request.model, shape, classes, **request.options)  # fails before TensorFlow is here
    card: ModelCard = training.train(
        dataset, request.model, request.config, output, options=request.options, progress=progress
    )
    return card
