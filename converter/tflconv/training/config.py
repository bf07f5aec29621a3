"""Settings of a training; the defaults were measured to work well on small pictures."""

from __future__ import annotations

import re
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import Literal, get_args

from tflconv.errors import UsageError, refuse_idle, require

Targets = Literal["soft", "hard"]
FeatureLoss = Literal["fitnets", "attention"]
Strategy = Literal["single", "mirrored", "multiworker"]
Precision = Literal["float32", "bfloat16"]


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """Settings of a training.

    Attributes:
        epochs: Passes over the training split.
        batch_size: Pictures per step.
        learning_rate: Peak learning rate.
        warmup_ratio: Share of all steps over which the learning rate rises from 0 to its peak.
        weight_decay: Weight decay of AdamW.
        label_smoothing: Share of each label that is spread over all classes.
        ema_decay: Decay of the exponential moving average of the weights; 0 for none.
        patience: Epochs without a better validation accuracy that end the training; 0 for never.
        augment: Whether pictures are augmented as their dataset allows.
        mixup: Parameter of the Beta distribution of mixup's shares; 0 for none, 0.2 is usual.
        cutmix: The same of CutMix, of which 1 is usual; with both, a coin decides per picture.
        erasing: Probability with which a rectangle of a picture is erased.
        strategy: Where it computes: on one device, on all of this computer (``mirrored``), or on
            those of all workers that ``TF_CONFIG`` names (``multiworker``).
        precision: Arithmetic of its steps: ``float32``, or ``bfloat16`` in convolutions and matrix
            products, which some processors compute faster; weights are float32 in either.
        freeze_epochs: Epochs at first in which only the head learns, where the training starts from
            weights.
        unfreeze_epochs: Epochs after those in which the other layers join, from the head backwards;
            0 for all at once.
        seed: Seed of everything drawn at random.

    Raises:
        UsageError: A setting is out of its range.

    Example:
        >>> TrainConfig(epochs=3).batch_size
        64
    """

    epochs: int = 12
    batch_size: int = 64
    learning_rate: float = 0.002
    warmup_ratio: float = 0.1
    weight_decay: float = 0.05
    label_smoothing: float = 0.1
    ema_decay: float = 0.99
    patience: int = 0
    augment: bool = True
    mixup: float = 0.0
    cutmix: float = 0.0
    erasing: float = 0.0
    strategy: Strategy = "single"
    precision: Precision = "float32"
    freeze_epochs: int = 0
    unfreeze_epochs: int = 0
    seed: int = 0

    def __post_init__(self) -> None:
        require(
            "training",
            self,
            epochs=(self.epochs >= 1, "at least 1"),
            batch_size=(self.batch_size >= 1, "at least 1"),
            learning_rate=(0 < self.learning_rate < inf, "positive"),
            warmup_ratio=(0 <= self.warmup_ratio < 1, "at least 0 and below 1"),
            weight_decay=(0 <= self.weight_decay < inf, "at least 0"),
            label_smoothing=(0 <= self.label_smoothing < 1, "at least 0 and below 1"),
            ema_decay=(0 <= self.ema_decay < 1, "at least 0 and below 1"),
            patience=(self.patience >= 0, "at least 0"),
            mixup=(0 <= self.mixup < inf, "at least 0"),
            cutmix=(0 <= self.cutmix < inf, "at least 0"),
            erasing=(0 <= self.erasing <= 1, "from 0 to 1"),
            strategy=(self.strategy in get_args(Strategy), "single, mirrored or multiworker"),
            precision=(self.precision in get_args(Precision), "float32 or bfloat16"),
            freeze_epochs=(self.freeze_epochs >= 0, "at least 0"),
            unfreeze_epochs=(self.unfreeze_epochs >= 0, "at least 0"),
            seed=(0 <= self.seed < 2**32, "at least 0 and below 2**32"),
        )


@dataclass(frozen=True, kw_only=True)
class DistillConfig:
    """How a student learns from a teacher.

    Attributes:
        targets: ``soft`` for the teacher's probabilities, ``hard`` for the class that it chooses.
        temperature: What logits are divided by before they become soft targets.
        alpha: Share of the teacher in the loss; the rest is that of the labels.
        views: Number of different views of the pictures; the teacher sees each view once, and a
            student that is trained for more epochs sees them again.
        features: Layers of the teacher and of the student that learns from them, as in
            ``conv4=conv2,conv8=conv4``; ``auto`` for the ends of stages of the same size, nothing
            for none.
        feature_loss: ``fitnets`` for the features themselves, projected where widths differ, or
            ``attention`` for where they are large.
        beta: What the loss on features is multiplied by before it is added.

    Raises:
        UsageError: A setting is out of its range.

    Example:
        >>> DistillConfig(alpha=0.5).targets
        'soft'
    """

    targets: Targets = "soft"
    temperature: float = 2.0
    alpha: float = 0.9
    views: int = 20
    features: str = ""
    feature_loss: FeatureLoss = "fitnets"
    beta: float = 1.0

    def __post_init__(self) -> None:
        require(
            "distill",
            self,
            targets=(self.targets in ("soft", "hard"), "soft or hard"),
            temperature=(0 < self.temperature < inf, "positive"),
            alpha=(0 <= self.alpha <= 1, "from 0 to 1"),
            views=(self.views >= 1, "at least 1"),
            features=(_names_layers(self.features), "auto or TEACHER_LAYER=STUDENT_LAYER,..."),
            feature_loss=(self.feature_loss in get_args(FeatureLoss), "fitnets or attention"),
            beta=(0 < self.beta < inf, "positive"),
        )
        taught, soft = self.alpha > 0, self.targets == "soft"
        refuse_idle(
            "distill",
            self,
            targets=(taught, "the teacher has no share in the loss (alpha=0)"),
            temperature=(taught and soft, "only soft targets of a teacher have one"),
            feature_loss=(bool(self.features), "no features are named"),
            beta=(bool(self.features), "no features are named"),
        )


def _names_layers(text: str) -> bool:
    parts = [part.split("=") for part in text.split(",")]
    named = all(len(part) == 2 and all(map(str.strip, part)) for part in parts)
    return text in ("", "auto") or named


def check_taught(
    owner: str, teacher: object, normalize: str | None, distill: DistillConfig
) -> None:
    """Check that what is said about a teacher is said of one.

    Args:
        owner: What is trained, for the message.
        teacher: The teacher; None for none.
        normalize: How pixels become its inputs, where that is said.
        distill: How the student learns from it.

    Raises:
        UsageError: There is no teacher, but settings for one.
    """
    if teacher is None and (normalize is not None or distill != DistillConfig()):
        raise UsageError(
            f"{owner} has no teacher, so settings of distillation have no meaning.",
            hint="Name a model that teaches it: --teacher FILE.",
        )
    ending = Path(str(teacher or "")).suffix
    if distill.features and ending in (".npy", ".tflite"):
        raise UsageError(
            f"{owner} cannot learn from features of {teacher}, which shows no layers of Keras.",
            hint="Name a .keras or .h5 file as teacher, or leave the features out.",
        )


def check_started(owner: str, weights: str | None, sha256: str | None, config: TrainConfig) -> None:
    """Check that what is said about the weights that a training starts from is said of some.

    Args:
        owner: What is trained, for the message.
        weights: A path or an address; None for none.
        sha256: The hash of the file; None where it is not said.
        config: Settings of the training, which may freeze layers at first.

    Raises:
        UsageError: There are no weights but words about them, or a download has no hash.
    """
    if weights is None and (sha256 or config.freeze_epochs or config.unfreeze_epochs):
        raise UsageError(
            f"{owner} starts from no weights, so their hash and frozen layers have no meaning.",
            hint="Name a model file to start from: --weights FILE.",
        )
    if sha256 is not None and re.fullmatch("[0-9a-f]{64}", sha256) is None:
        raise UsageError(f"a sha256 is 64 digits 0-9 a-f. Received: {sha256}.")
    if weights is not None and is_address(weights) and sha256 is None:
        raise UsageError(
            f"{weights} is downloaded only if its hash is known.",
            hint="Say it with --weights-sha256 HEX, as whoever offers the file publishes it.",
        )


def is_address(weights: str) -> bool:
    """Return whether ``weights`` is an address and no path.

    Example:
        >>> is_address("https://example.org/a.keras"), is_address("a.keras")
        (True, False)
    """
    return re.match("https?://", weights) is not None
