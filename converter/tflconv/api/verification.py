"""``tflconv.verify``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tflconv import data, pipeline
from tflconv.core import given
from tflconv.core.given import AnyPath
from tflconv.core.parameters import suggests_parameters
from tflconv.core.progress import Callback, silent
from tflconv.model.pictures import Resize
from tflconv.verification import MetricFunction, MetricName, Verification


@suggests_parameters
def verify(
    reference: AnyPath | None,
    target: AnyPath,
    dataset: AnyPath | Any = None,
    *,
    metric: MetricName | MetricFunction | None = None,
    pictures: int | None = None,
    normalize: str | None = None,
    resize: Resize | None = None,
    labels: AnyPath | Sequence[str] | None = None,
    custom_objects: AnyPath | None = None,
    signature: str | None = None,
    seed: int = 0,
    golden: AnyPath | None = None,
    app_log: AnyPath | None = None,
    progress: Callback = silent,
) -> Verification:
    """Compare a converted model with its reference on a test split, picture by picture.

    Args:
        reference: A ``.keras`` or ``.h5`` file, a SavedModel folder or a ``.tflite``; None where
            ``golden`` takes its place.
        target: The ``.tflite`` file.
        dataset: Name of a dataset, or a folder; by default what the model was trained on. Or
            samples of your own: arrays ``(x, y)`` or ``x``, a ``.npy`` or ``.npz`` file, a
            ``tf.data.Dataset``, any iterable. Floats are inputs of the model, uint8 pictures are
            pixels. Without labels only the distance of the outputs is reported.
        metric: ``top1``, ``top5``, ``map`` (mean average precision), ``mae`` (mean absolute
            error), or a callable of outputs and labels, both ``[n, ...]``.
        pictures: Number of test pictures, drawn by class; by default all.
        normalize: How pixels become inputs, where the file does not say it.
        resize: How pictures are brought to the size of the model.
        labels: Names of the outputs, in their order, or a file with one per line.
        custom_objects: A Python file with layers that the reference uses. It is run.
        signature: Which function of a reference that is a SavedModel, where it has several.
        seed: Seed of the splits, where the dataset has none.
        golden: A golden contract (``convert(..., golden=8)``), whose pictures and expected outputs
            take the place of reference and dataset.
        app_log: What an app logged about those pictures; it is compared in place of the target,
            and ``parting`` names the stage at which it differs from the contract.
        progress: Is told what is being done.

    Returns:
        Accuracies, agreement and the worst disagreements; ``check`` holds them against limits.

    Raises:
        UsageError: A model does not fit the pictures, or does not say how to feed it.

    Example:
        >>> target = "models/mobilenet_v2-mnist-sample-static_wi8_ai8.tflite"
        >>> verify("digits.keras", target).total
        1000
    """
    request = pipeline.VerificationRequest(
        reference=given.path(reference),
        target=Path(target),
        dataset=given.source(dataset),
        metric=metric,
        pictures=pictures,
        normalize=normalize,
        resize=resize,
        labels=data.named_labels(labels),
        custom_objects=given.path(custom_objects),
        signature=signature,
        seed=seed,
        golden=given.path(golden),
        app_log=given.path(app_log),
    )
    return pipeline.verify(request, progress=progress)
