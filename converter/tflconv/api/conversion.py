"""``tflconv.convert``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tflconv import data, pipeline, recipe
from tflconv.compression import QatConfig
from tflconv.compression.config import StepConfig
from tflconv.conversion import Calibration, Rewrite
from tflconv.conversion.clipping import CalibrationMethod
from tflconv.core import given
from tflconv.core.amounts import parse_drop
from tflconv.core.given import AnyPath
from tflconv.core.parameters import suggests_parameters
from tflconv.core.progress import Callback, silent
from tflconv.model.pictures import Resize
from tflconv.pipeline.conversion import ConvertedFiles
from tflconv.recipe import TensorType

_SETTINGS = "settings must be those of a step, such as ChannelsConfig(epochs=5)"


@suggests_parameters
def convert(
    model: AnyPath | Any,
    recipes: str | Sequence[str] = (),
    folder: AnyPath = ".",
    *,
    calibration: AnyPath | Calibration | Any = None,
    calibration_count: int = 200,
    calibration_method: CalibrationMethod = "min-max",
    dataset: AnyPath | None = None,
    normalize: str | None = None,
    resize: Resize | None = None,
    labels: AnyPath | Sequence[str] | None = None,
    resolution: int | None = None,
    rewrite: Rewrite = "auto",
    logits: bool = False,
    io: TensorType | None = None,
    qat: QatConfig | None = None,
    settings: StepConfig | Sequence[StepConfig] = (),
    strip: bool = False,
    with_card: bool = True,
    min_cosine: float | None = None,
    max_drop: str | None = None,
    golden: int | None = None,
    custom_objects: AnyPath | None = None,
    signature: str | None = None,
    seed: int = 0,
    progress: Callback = silent,
) -> ConvertedFiles:
    """Write a ``.tflite`` file for each recipe.

    Args:
        model: A ``.keras`` or ``.h5`` file, a SavedModel folder, a float ``.tflite``, or a live
            Keras 2 or Keras 3 model.
        recipes: One recipe or several, of ``list_recipes()``; by default ``fp32`` and ``auto``.
        folder: Where the files go.
        calibration: Samples for static ranges: a dataset, a folder, or what ``verify`` takes.
        calibration_count: How many samples are drawn for it.
        calibration_method: Range of an int8 activation: all values of the samples (``min-max``),
            the ends of least mean squared error (``mse``), or all but 0.01 % of the values at each
            end (``percentile``).
        dataset: Labelled pictures that steps learn from and ``max_drop`` is measured on; by
            default those it was trained on.
        normalize: How pixels become inputs: ``0..1``, ``-1..1``, ``caffe``, ``in-model``, MEAN,STD.
        resize: How pictures are brought to the size of the model.
        labels: Names of the outputs, in their order, or a file with one per line.
        resolution: Side of the pictures in pixels, for a model that takes any.
        rewrite: ``optimized`` for integer kernels, ``unfused`` for a baseline with nothing fused,
            ``as-is`` for the graph as it came; ``auto`` takes that or the optimized one, whichever
            is cheaper.
        logits: Leave out a last softmax or sigmoid.
        io: Type of inputs and outputs of static, selective and mixed recipes: ``float32``, ``int8``
            or ``uint8``.
        qat: Settings of quantization-aware training.
        settings: Settings of other steps, such as ``ChannelsConfig(epochs=5)``.
        strip: Leave out names and TFLite metadata.
        with_card: Carry labels, preprocessing, origin and training in each file.
        min_cosine: Least cosine with the float model that a file may have, 0 to 1.
        max_drop: Largest loss of top-1 accuracy against the model, such as ``0.5pt``, on at most
            2000 validation pictures of ``dataset``.
        golden: Number of test pictures in a golden contract (``.golden.zip``) beside each file.
        custom_objects: A Python file with layers that the model uses. It is run.
        signature: Which function of a SavedModel, where it has several.
        seed: Seed of everything drawn at random.
        progress: Is told what is being done.

    Returns:
        The paths of the files in the order of ``recipes``, and in ``fidelity`` how close each is.

    Raises:
        UsageError: A recipe is unknown, or samples or pictures are missing.
        TflconvError: The model cannot be read, a recipe made of it, or ``min_cosine`` or
            ``max_drop`` kept.

    Example:
        >>> convert("digits.keras", ["fp32", "static_wi8_ai8"], "models")[1].name
        'mobilenet_v2-mnist-sample-static_wi8_ai8.tflite'
    """
    request = pipeline.ConversionRequest(
        model=given.model(model),
        recipes=tuple(recipe.get(name) for name in given.names(recipes, "recipes")),
        rewrite=rewrite,
        logits=logits,
        calibration=given.source(calibration),
        calibration_count=calibration_count,
        calibration_method=calibration_method,
        dataset=given.source(dataset),
        normalize=normalize,
        resize=resize,
        labels=data.named_labels(labels),
        resolution=resolution,
        custom_objects=given.path(custom_objects),
        signature=signature,
        qat=qat or QatConfig(),
        settings=given.several(settings, StepConfig, _SETTINGS),
        io=io,
        strip=strip,
        with_card=with_card,
        min_cosine=min_cosine,
        max_drop=None if max_drop is None else parse_drop(str(max_drop)),
        golden=golden,
        seed=seed,
    )
    return ConvertedFiles(pipeline.convert(request, Path(folder), progress=progress))
