"""The stages as functions, for notebooks and scripts.

Each does what the command of the same name does, takes what the command takes, and returns values.
All build the same requests and call the same pipeline as the command line and studies do.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, ParamSpec, TypeVar

from tflconv import pipeline, recipe
from tflconv.benchmark import BenchmarkConfig
from tflconv.compression import QatConfig
from tflconv.conversion import Calibration, Rewrite
from tflconv.core.files import write_text
from tflconv.core.progress import Callback, silent
from tflconv.errors import UsageError, unknown
from tflconv.model.card import ModelCard
from tflconv.model.pictures import Resize
from tflconv.recipe import TensorType
from tflconv.results import Results
from tflconv.training import TrainConfig
from tflconv.verification import Verification

__all__ = ["bench", "convert", "train", "verify", "write_report"]

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")

_TRAIN = TrainConfig()
_BENCH = BenchmarkConfig()


def _named(function: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
    """Let ``function`` name the nearest parameter where it is called with one it lacks."""
    known = inspect.signature(function).parameters

    @functools.wraps(function)
    def checked(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
        for name in kwargs:
            if name not in known:
                raise UnknownParameterError(function.__name__, name, known)
        return function(*args, **kwargs)

    return checked


class UnknownParameterError(UsageError, TypeError):
    """A function was called with a parameter that it does not have."""

    def __init__(self, function: str, name: str, known: Iterable[str]) -> None:
        near = unknown("parameter", name, known)
        super().__init__(f"tflconv.{function}: {near.message}", hint=near.hint)


@_named
def train(
    model: str,
    dataset: str,
    output: str | Path,
    *,
    options: Mapping[str, Any] | None = None,
    resolution: int | None = None,
    channels: Literal[1, 3] | None = None,
    epochs: int = _TRAIN.epochs,
    batch_size: int = _TRAIN.batch_size,
    learning_rate: float = _TRAIN.learning_rate,
    warmup_ratio: float = _TRAIN.warmup_ratio,
    weight_decay: float = _TRAIN.weight_decay,
    label_smoothing: float = _TRAIN.label_smoothing,
    ema_decay: float = _TRAIN.ema_decay,
    patience: int = _TRAIN.patience,
    augment: bool = _TRAIN.augment,
    seed: int = _TRAIN.seed,
    progress: Callback = silent,
) -> ModelCard:
    """Train a model of the registry and write a ``.keras`` file.

    Args:
        model: Name of the model, such as ``mobilenet_v2``; ``tflconv models`` lists them.
        dataset: Name of a dataset, or a folder or archive of pictures.
        output: The ``.keras`` file to write.
        options: Options of the model, such as ``{"alpha": 0.5}``.
        resolution: Side of the pictures in pixels; by default what the dataset says.
        channels: 1 for grey, 3 for colour; by default what the dataset says.
        epochs: Passes over the training pictures.
        batch_size: Pictures per step.
        learning_rate: Highest learning rate.
        warmup_ratio: Share of all steps in which the learning rate rises from 0.
        weight_decay: Weight decay of AdamW.
        label_smoothing: Share of each label that is spread over all classes.
        ema_decay: Decay of the exponential moving average of the weights; 0 for none.
        patience: Epochs without a better validation accuracy that end the training; 0 for never.
        augment: Whether pictures are shifted, rotated, zoomed and mirrored as the dataset allows.
        seed: Seed of everything drawn at random, the validation split included.
        progress: Is told of each step, and by a message of each epoch.

    Returns:
        The card that the file carries: labels, preprocessing, origin, validation accuracy.

    Raises:
        UsageError: The model, an option or the pictures do not fit.
        TflconvError: ``output`` cannot be written.

    Example:
        >>> card = train("mobilenet_v2", "mnist-sample", "digits.keras", epochs=1)
        >>> card.labels[:3]
        ('0', '1', '2')
    """
    config = TrainConfig(
        epochs=epochs,
        batch_size=batch_size,
        learning_rate=learning_rate,
        warmup_ratio=warmup_ratio,
        weight_decay=weight_decay,
        label_smoothing=label_smoothing,
        ema_decay=ema_decay,
        patience=patience,
        augment=augment,
        seed=seed,
    )
    request = pipeline.TrainingRequest(
        model=model,
        dataset=dataset,
        options=dict(options or {}),
        resolution=resolution,
        channels=channels,
        config=config,
    )
    return pipeline.train(request, Path(output), progress=progress)


@_named
def convert(
    model: str | Path | Any,
    recipes: Sequence[str] = ("fp32",),
    folder: str | Path = ".",
    *,
    calibration: str | Calibration | None = None,
    calibration_count: int = 200,
    dataset: str | None = None,
    normalize: str | None = None,
    resize: Resize | None = None,
    labels: Sequence[str] | None = None,
    resolution: int | None = None,
    rewrite: Rewrite = "as-is",
    io: TensorType | None = None,
    qat: QatConfig | None = None,
    strip: bool = False,
    with_card: bool = True,
    custom_objects: str | Path | None = None,
    seed: int = 0,
    progress: Callback = silent,
) -> list[Path]:
    """Write a ``.tflite`` file for each recipe.

    Args:
        model: A ``.keras`` or ``.h5`` file, a SavedModel folder, a float ``.tflite``, or a live
            Keras 2 or Keras 3 model.
        recipes: Names of recipes; ``tflconv recipes`` lists them.
        folder: Where the files go.
        calibration: Samples for static ranges: a dataset, a folder of pictures, a ``.npy`` or
            ``.npz`` file, or ``Calibration`` values; by default ``dataset``.
        calibration_count: How many pictures are drawn for it.
        dataset: Labelled pictures that ``qat_`` recipes learn from; by default those that the
            model was trained on.
        normalize: How pixels become inputs: ``0..1``, ``-1..1``, ``caffe``, ``in-model`` or
            ``MEAN,STD``.
        resize: How pictures are brought to the size of the model.
        labels: Names of the outputs, in their order.
        resolution: Side of the pictures in pixels, for a model that takes any.
        rewrite: ``optimized`` for XNNPACK's integer kernels, ``unfused`` for a float baseline in
            which nothing is folded or fused.
        io: Type of inputs and outputs of static recipes: ``float32``, ``int8`` or ``uint8``.
        qat: Settings of quantization-aware training.
        strip: Leave out names and TFLite metadata.
        with_card: Carry labels, preprocessing, origin and training in each file.
        custom_objects: A Python file with layers that the model uses. It is run.
        seed: Seed of everything drawn at random.
        progress: Is told what is being done.

    Returns:
        The paths of the files, in the order of ``recipes``.

    Raises:
        UsageError: A recipe is unknown, or samples or pictures are missing.
        TflconvError: The model cannot be read, or a recipe cannot be made of it.

    Example:
        >>> convert("digits.keras", ["fp32", "static_wi8_ai8"], "models")[1].name
        'mobilenet_v2-mnist-sample-static_wi8_ai8.tflite'
    """
    request = pipeline.ConversionRequest(
        model=Path(model) if isinstance(model, str) else model,
        recipes=tuple(recipe.get(name) for name in recipes),
        rewrite=rewrite,
        calibration=calibration,
        calibration_count=calibration_count,
        dataset=dataset,
        normalize=normalize,
        resize=resize,
        labels=None if labels is None else tuple(labels),
        resolution=resolution,
        custom_objects=None if custom_objects is None else Path(custom_objects),
        qat=qat or QatConfig(),
        io=io,
        strip=strip,
        with_card=with_card,
        seed=seed,
    )
    return [made.path for made in pipeline.convert(request, Path(folder), progress=progress)]


@_named
def verify(
    reference: str | Path,
    target: str | Path,
    dataset: str | None = None,
    *,
    normalize: str | None = None,
    resize: Resize | None = None,
    labels: Sequence[str] | None = None,
    custom_objects: str | Path | None = None,
    seed: int = 0,
    progress: Callback = silent,
) -> Verification:
    """Compare a converted model with its reference on a test split, picture by picture.

    Args:
        reference: A ``.keras`` or ``.h5`` file, a SavedModel folder or a ``.tflite``.
        target: The ``.tflite`` file.
        dataset: Name of a dataset, or a folder; by default what the model was trained on.
        normalize: How pixels become inputs, where the file does not say it.
        resize: How pictures are brought to the size of the model.
        labels: Names of the outputs, in their order.
        custom_objects: A Python file with layers that the reference uses. It is run.
        seed: Seed of the splits, where the dataset has none.
        progress: Is told what is being done.

    Returns:
        Accuracies, agreement and the worst disagreements; ``check`` holds them against limits.

    Raises:
        UsageError: A model does not fit the pictures, or does not say how to feed it.

    Example:
        >>> target = "models/mobilenet_v2-mnist-sample-static_wi8_ai8.tflite"
        >>> verify("digits.keras", target).agreement > 0.9
        True
    """
    request = pipeline.VerificationRequest(
        reference=Path(reference),
        target=Path(target),
        dataset=dataset,
        normalize=normalize,
        resize=resize,
        labels=None if labels is None else tuple(labels),
        custom_objects=None if custom_objects is None else Path(custom_objects),
        seed=seed,
    )
    return pipeline.verify(request, progress=progress)


@_named
def write_report(results: Results, html: str | Path) -> Path:
    """Write results as one self-contained HTML file.

    Args:
        results: What ``bench`` returned, or ``tflconv.results.load`` read.
        html: The file to write.

    Returns:
        The path of the file.

    Example:
        >>> from tflconv.results import Results
        >>> write_report(Results(), "empty.html").name
        'empty.html'
    """
    from tflconv.report.html import to_html

    return write_text(Path(html), to_html(results))
