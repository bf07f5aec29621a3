"""``tflconv.compress``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tflconv import data, pipeline
from tflconv.compression.config import StepConfig
from tflconv.core import given
from tflconv.core.given import AnyPath
from tflconv.core.parameters import suggests_parameters
from tflconv.core.progress import Callback, silent
from tflconv.model.pictures import Resize

_SETTINGS = "settings must be those of a step, such as ChannelsConfig(epochs=5)"


@suggests_parameters
def compress(
    model: AnyPath | Any,
    recipe: str,
    output: AnyPath | None = None,
    *,
    dataset: AnyPath | None = None,
    normalize: str | None = None,
    resize: Resize | None = None,
    labels: AnyPath | Sequence[str] | None = None,
    resolution: int | None = None,
    settings: StepConfig | Sequence[StepConfig] = (),
    custom_objects: AnyPath | None = None,
    seed: int = 0,
    progress: Callback = silent,
) -> Path:
    """Write a smaller Keras model, of the same Keras, with the layers of ``model`` in other sizes.

    Args:
        model: A ``.keras`` or ``.h5`` file, or a live Keras 2 or Keras 3 model.
        recipe: Steps in their order, without a scheme, such as ``channels50``.
        output: The ``.keras`` file to write; by default ``MODEL-RECIPE.keras`` beside the model.
        dataset: Labelled pictures that steps learn from; by default those it was trained on.
        normalize: How pixels become inputs: ``0..1``, ``-1..1``, ``caffe``, ``in-model``, MEAN,STD.
        resize: How pictures are brought to the size of the model.
        labels: Names of the outputs, in their order, or a file with one per line.
        resolution: Side of the pictures in pixels, for a model that takes any.
        settings: Settings of steps, such as ``ChannelsConfig(epochs=5)``, one for each technique.
        custom_objects: A Python file with layers that the model uses. It is run.
        seed: Seed of everything drawn at random.
        progress: Is told what is being done.

    Returns:
        The path of the file.

    Raises:
        UsageError: A step is unknown, or pictures are missing.
        TflconvError: The model cannot be read or changed so.

    Example:
        >>> compress("digits.keras", "channels50", settings=[ChannelsConfig(epochs=0)]).name
        'digits-channels50.keras'
    """
    request = pipeline.CompressionRequest(
        model=given.model(model),
        recipe=recipe,
        dataset=given.source(dataset),
        normalize=normalize,
        resize=resize,
        labels=data.named_labels(labels),
        resolution=resolution,
        settings=given.several(settings, StepConfig, _SETTINGS),
        custom_objects=given.path(custom_objects),
        seed=seed,
    )
    return pipeline.compress(request, given.path(output), progress=progress).artifact.path
