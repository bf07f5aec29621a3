"""``tflconv.train``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from tflconv import pipeline
from tflconv.core import given
from tflconv.core.given import AnyPath
from tflconv.core.parameters import suggests_parameters
from tflconv.core.progress import Callback, silent
from tflconv.model.card import ModelCard
from tflconv.training import DistillConfig, TrainConfig
from tflconv.training.config import Precision, Strategy

_TRAIN = TrainConfig()


@suggests_parameters
def train(
    model: str,
    dataset: AnyPath,
    output: AnyPath | None = None,
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
    mixup: float = _TRAIN.mixup,
    cutmix: float = _TRAIN.cutmix,
    erasing: float = _TRAIN.erasing,
    strategy: Strategy = _TRAIN.strategy,
    precision: Precision = _TRAIN.precision,
    weights: AnyPath | None = None,
    weights_sha256: str | None = None,
    freeze_epochs: int = _TRAIN.freeze_epochs,
    unfreeze_epochs: int = _TRAIN.unfreeze_epochs,
    teacher: AnyPath | None = None,
    teacher_normalize: str | None = None,
    distill: DistillConfig | None = None,
    custom_objects: AnyPath | None = None,
    seed: int = _TRAIN.seed,
    progress: Callback = silent,
) -> ModelCard:
    """Train a model of the registry and write a ``.keras`` file.

    Args:
        model: Name of the model, such as ``mobilenet_v2``; ``list_models()`` has them.
        dataset: Name of a dataset, or a folder or archive of pictures.
        output: The ``.keras`` file to write; by default ``MODEL-DATASET.keras``.
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
        mixup: Parameter of the Beta distribution of mixup's shares; 0 for none, 0.2 is usual.
        cutmix: The same for CutMix, where 1 is usual; with both, a coin decides per picture.
        erasing: Probability with which a rectangle of a picture is erased.
        strategy: Where it computes: ``single`` device, all of this computer (``mirrored``), or all
            workers that ``TF_CONFIG`` names (``multiworker``), each started with the same call.
        precision: Arithmetic of its steps: ``float32``, or ``bfloat16`` in convolutions and matrix
            products, which some processors compute faster; weights are float32 in either.
        weights: A ``.keras`` or ``.h5`` file of the same network, or its https address, whose
            weights the training starts from; the head is new where the classes are others.
        weights_sha256: The hash of that file; an address needs it.
        freeze_epochs: Epochs at first in which only the head learns.
        unfreeze_epochs: Epochs after those in which the other layers join, from the head backwards;
            0 for all at once.
        teacher: A model that teaches this one: a ``.keras`` or ``.h5`` file, a SavedModel folder,
            a ``.tflite``, or a ``.npy`` file of logits of the training pictures as they are.
        teacher_normalize: How pixels become inputs of a teacher that does not say it.
        distill: How the model learns from its teacher.
        custom_objects: A Python file with layers that the teacher uses. It is run.
        seed: Seed of everything drawn at random, the validation split included.
        progress: Is told of each step, and by a message of each epoch.

    Returns:
        The card that the file carries: labels, preprocessing, origin, validation accuracy.

    Raises:
        UsageError: The model, an option, the pictures, the teacher or the weights do not fit.
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
        mixup=mixup,
        cutmix=cutmix,
        erasing=erasing,
        strategy=strategy,
        precision=precision,
        freeze_epochs=freeze_epochs,
        unfreeze_epochs=unfreeze_epochs,
        seed=seed,
    )
    request = pipeline.TrainingRequest(
        model=model,
        dataset=given.source(dataset),
        options=dict(options or {}),
        resolution=resolution,
        channels=channels,
        config=config,
        teacher=given.path(teacher),
        teacher_normalize=teacher_normalize,
        distill=distill or DistillConfig(),
        custom_objects=given.path(custom_objects),
        weights=given.source(weights),
        weights_sha256=weights_sha256,
    )
    return pipeline.train(request, given.path(output), progress=progress).card
