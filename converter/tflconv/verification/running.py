"""Runs a model and its reference on the same pictures, each with its own preprocessing."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tflconv.core.progress import Callback, Progress, silent
from tflconv.data import Dataset
from tflconv.data.outputs import listed, numbered, output_names
from tflconv.errors import UsageError
from tflconv.model import one_score, scoring
from tflconv.model.card import ModelCard, read_card
from tflconv.verification.comparing import compare
from tflconv.verification.metrics import Metric
from tflconv.verification.outcome import Verification

if TYPE_CHECKING:
    from tflconv.network.keras.opened import Opened


def verify(
    reference: Path,
    target: Path,
    dataset: Dataset,
    *,
    card: ModelCard | None = None,
    reference_scores: NDArray[np.float32] | None = None,
    custom_objects: Path | None = None,
    signature: str | None = None,
    metric: Metric | None = None,
    progress: Callback = silent,
) -> Verification:
    """Compare a converted model with its reference on the test split of a dataset.

    Of two classes a model may give one score, that of the second: a probability above 0.5, or else
    a logit above 0, chooses it.

    Args:
        reference: The reference, a file of any kind that converts.
        target: The ``.tflite`` file.
        dataset: The pictures.
        card: Preprocessing and labels of the target; by default those in the file
            (``resolve_card``). The reference is fed by its own card if it has one, else by this.
        reference_scores: float32 ``[n, classes]`` of an earlier run of the reference
            (``reference_logits``), which saves running it.
        custom_objects: A Python file with layers that the reference uses. It is run.
        signature: Which function of a reference that is a SavedModel.
        metric: What else counts as right.
        progress: Is told how many pictures are done.

    Returns:
        Accuracies, agreement, counts per class and the worst disagreements.

    Raises:
        UsageError: A model does not fit the pictures, or does not say how to feed it.
    """
    images, card = dataset.test.images, card or _card(target)
    if reference_scores is None:
        reference_scores = reference_logits(
            reference,
            images,
            card=card,
            custom_objects=custom_objects,
            signature=signature,
            progress=progress,
        )
    scores = scoring.scores(
        target, images, card=card, told=_telling(progress, target.name, len(images))
    )
    if scores.shape[1] == reference_scores.shape[1] == 1 and len(dataset.classes) == 2:
        probability = one_score.is_probability(target)
        reference_scores = one_score.as_two(reference_scores, probability=probability)
        scores = one_score.as_two(scores, probability=probability)
    outputs = _outputs(scores, target, card, dataset)
    reference_outputs = _outputs(reference_scores, reference, _card(reference) or card, dataset)
    return compare(
        _in_order(reference_scores, reference_outputs, outputs, names=(reference, target)),
        scores,
        numbered(dataset.test, dataset.classes, outputs),
        classes=outputs,
        names=(reference.name, target.name),
        dataset=dataset.name,
        digest=dataset.digest,
        subset=dataset.subset,
        metric=metric,
    )


def reference_logits(
    model: Path | Opened,
    images: NDArray[np.uint8],
    *,
    card: ModelCard | None = None,
    custom_objects: Path | None = None,
    signature: str | None = None,
    progress: Callback = silent,
) -> NDArray[np.float32]:
    """Return the scores of the reference for pictures.

    A ``.tflite`` runs in LiteRT; anything else needs TensorFlow.

    Args:
        model: The reference, a path or already opened.
        images: uint8 ``[n, height, width, channels]``.
        card: How pixels become inputs, where the model itself does not say.
        custom_objects: A Python file with layers that the model uses. It is run.
        signature: Which function of a SavedModel.
        progress: Is told how many pictures are done.

    Returns:
        float32 ``[n, classes]``.

    Raises:
        UsageError: It is not known how pixels become inputs, or the model is no classifier.
    """
    file = model if isinstance(model, Path) else model.path
    tell = _telling(progress, model.name if file is None else file.name, len(images))
    if file is not None and file.suffix == ".tflite":
        return scoring.scores(file, images, card=_card(file) or card, told=tell)
    opened = _opened(model, custom_objects, signature)
    described = opened.card or card
    if described is None:
        raise UsageError(
            f"{opened.path or opened.name} does not say how pixels become its input.",
            hint="Convert it with tflconv and --normalize; the target then carries the answer.",
        )
    if len(opened.source.inputs) != 1:
        raise UsageError(
            f"{opened.path or opened.name} has {len(opened.source.inputs)} inputs; accuracy needs a"
            " classifier with one picture in and one row of scores out."
        )
    scores = opened.source.predict(images, prepare=described.normalization.apply, told=tell)
    return scores.reshape(len(images), -1)


def _opened(model: Path | Opened, custom_objects: Path | None, signature: str | None) -> Opened:
    from tflconv.network.keras.opened import open_once  # not needed for two .tflite files

    if isinstance(model, Path):
        return open_once(model, custom_objects=custom_objects, signature=signature)
    return model


def _telling(progress: Callback, subject: str, count: int) -> scoring.Told:
    def tell(done: int, total: int) -> None:
        progress(
            Progress(
                stage="verify",
                done=done,
                total=total,
                unit="pictures",
                subject=subject,
                state="done" if done == total else "working",
            )
        )

    tell(0, count)
    return tell


def _card(model: Path) -> ModelCard | None:
    return read_card(model) if model.is_file() else None


def _outputs(
    scores: NDArray[np.float32], model: Path, card: ModelCard | None, dataset: Dataset
) -> tuple[str, ...]:
    """Return what the columns of ``scores`` stand for."""
    return output_names(
        () if card is None else card.labels,
        dataset.classes,
        scores.shape[1],
        model=model.name,
        dataset=dataset.name,
    )


def _in_order(
    scores: NDArray[np.float32],
    own: Sequence[str],
    outputs: Sequence[str],
    *,
    names: tuple[Path, Path],
) -> NDArray[np.float32]:
    """Return ``scores`` of outputs called ``own`` in the order of ``outputs``."""
    if tuple(own) == tuple(outputs):
        return scores
    if sorted(own) != sorted(outputs):
        reference, target = names
        raise UsageError(
            f"{reference} tells {listed(own)} apart, and {target} {listed(outputs)}.",
            hint="Both must have outputs of the same names, in any order.",
        )
    return scores[:, [list(own).index(name) for name in outputs]]
