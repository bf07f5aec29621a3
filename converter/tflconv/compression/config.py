"""Settings of the techniques."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import ClassVar, Literal, get_args

from tflconv.errors import refuse_idle, require
from tflconv.training.config import Precision

Engine = Literal["tflconv", "tfmot"]
Criterion = Literal["magnitude", "batchnorm", "taylor"]
Scope = Literal["uniform", "global"]
Alike = Literal["channels", "layers"]
Head = Literal["kept", "new"]


@dataclass(frozen=True, kw_only=True)
class StepConfig:
    """What the settings of every technique have.

    Attributes:
        seed: Seed of everything drawn at random; a request sets it to its own.
    """

    FILES: ClassVar[tuple[str, ...]] = ()
    """Names of the settings that name a file; its content decides what comes out."""

    seed: int = 0

    @property
    def files(self) -> dict[str, Path]:
        """The files that are named, by the name of the setting."""
        named = {name: getattr(self, name) for name in self.FILES}
        return {name: Path(path) for name, path in named.items() if path}

    def __post_init__(self) -> None:
        require("step", self, seed=(0 <= self.seed < 2**32, "at least 0 and below 2**32"))


_OF_TRAINING = (
    "batch_size", "learning_rate", "warmup_ratio", "weight_decay", "label_smoothing", "augment",
    "precision",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class TuningConfig(StepConfig):
    """How a Keras model is trained further, with AdamW and a learning rate that falls to 0.

    Attributes:
        epochs: Passes over the training pictures.
        batch_size: Pictures per step.
        learning_rate: Highest learning rate; it falls along half a cosine.
        warmup_ratio: Share of all steps over which the learning rate rises from 0.
        weight_decay: Weight decay of AdamW.
        label_smoothing: Share of each label that is spread over all classes.
        augment: Whether pictures are augmented as their dataset allows.
        precision: Arithmetic of its steps: ``float32``, or ``bfloat16`` in convolutions and matrix
            products, which some processors compute faster; weights are float32 in either.

    Raises:
        UsageError: A setting is out of its limits.
    """

    epochs: int = 3
    batch_size: int = 64
    learning_rate: float = 1e-3
    warmup_ratio: float = 0.1
    weight_decay: float = 0.01
    label_smoothing: float = 0.0
    augment: bool = True
    precision: Precision = "float32"

    def __post_init__(self) -> None:
        super().__post_init__()
        require(
            "fine-tuning",
            self,
            epochs=(self.epochs >= 0, "at least 0"),
            batch_size=(self.batch_size >= 1, "at least 1"),
            learning_rate=(0 < self.learning_rate < inf, "positive"),
            warmup_ratio=(0 <= self.warmup_ratio < 1, "at least 0 and below 1"),
            weight_decay=(0 <= self.weight_decay < inf, "at least 0"),
            label_smoothing=(0 <= self.label_smoothing < 1, "at least 0 and below 1"),
            precision=(self.precision in get_args(Precision), "float32 or bfloat16"),
        )
        untrained = (self.trains, "nothing is trained (epochs=0)")
        refuse_idle("fine-tuning", self, **dict.fromkeys(_OF_TRAINING, untrained))

    @property
    def trains(self) -> bool:
        """Whether there is any training."""
        return self.epochs > 0


@dataclass(frozen=True, kw_only=True)
class FinetuneConfig(TuningConfig):
    """Settings of the step ``finetune``, which trains a model further.

    Attributes:
        freeze_epochs: Epochs at first in which only the head learns.
        unfreeze_epochs: Epochs after those in which the other layers join, from the head backwards;
            0 for all at once.
        weights: A ``.h5`` file of weights, such as those of ``keras.applications``, that layers of
            the same names begin with where they fit.
        head: ``kept``, or ``new`` for pictures of other classes: the last Dense is replaced.

    Example:
        >>> FinetuneConfig(epochs=5).learning_rate
        0.001
    """

    FILES: ClassVar[tuple[str, ...]] = ("weights",)

    freeze_epochs: int = 0
    unfreeze_epochs: int = 0
    weights: str = ""
    head: Head = "kept"

    def __post_init__(self) -> None:
        super().__post_init__()
        require(
            "finetune",
            self,
            epochs=(self.epochs >= 1, "at least 1"),
            freeze_epochs=(self.freeze_epochs >= 0, "at least 0"),
            unfreeze_epochs=(self.unfreeze_epochs >= 0, "at least 0"),
            head=(self.head in get_args(Head), "kept or new"),
        )


@dataclass(frozen=True, kw_only=True)
class ChannelsConfig(TuningConfig):
    """Settings of the step ``channels``, which removes channels and trains what is left.

    Attributes:
        criterion: By what channels are judged: ``magnitude`` of their weights, the scales of their
            ``batchnorm``, or ``taylor``, what removing them adds to the loss.
        scope: ``uniform`` takes the same share of the channels of each layer; ``global`` takes
            channels where they save most instructions, until their share is gone.
        alike: What matters equally when ``global`` compares layers: a typical channel of each
            (``channels``), or each as a whole (``layers``), so that wide layers give first and
            channels that run through many layers stay.
        rounds: In how many rounds of cutting and training.
        round_epochs: Epochs of training after each round but the last, which has ``epochs``.
        tile: Multiple that widths should have; 16 is what int8 kernels compute at once on a
            Cortex-A76.
        examples: Number of pictures that ``taylor`` looks at.
        normed: Whether channels may go over which LayerNormalization takes statistics, the width
            of a transformer. What the others mean changes then, until they are trained.

    Raises:
        UsageError: A setting is out of its limits.

    Example:
        >>> ChannelsConfig(criterion="taylor").scope
        'uniform'
    """

    criterion: Criterion = "magnitude"
    scope: Scope = "uniform"
    alike: Alike = "channels"
    rounds: int = 1
    round_epochs: int = 1
    tile: int = 16
    examples: int = 512
    normed: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        require(
            "channels",
            self,
            criterion=(self.criterion in get_args(Criterion), " or ".join(get_args(Criterion))),
            scope=(self.scope in get_args(Scope), " or ".join(get_args(Scope))),
            alike=(self.alike in get_args(Alike), " or ".join(get_args(Alike))),
            rounds=(1 <= self.rounds <= 100, "1 to 100"),
            round_epochs=(self.round_epochs >= 0, "at least 0"),
            tile=(1 <= self.tile <= 256, "1 to 256"),
            examples=(self.examples >= 1, "at least 1"),
        )
        refuse_idle(
            "channels",
            self,
            alike=(self.scope == "global", "only scope=global compares layers"),
            round_epochs=(self.rounds > 1, "there is one round (rounds=1)"),
            examples=(self.criterion == "taylor", "only criterion=taylor looks at pictures"),
        )

    @property
    def trains(self) -> bool:
        """Whether there is any training, at the end or between rounds."""
        return self.epochs > 0 or (self.rounds > 1 and self.round_epochs > 0)

    @property
    def learns(self) -> bool:
        """Whether labelled pictures are needed."""
        return self.trains or self.criterion == "taylor"


@dataclass(frozen=True, kw_only=True)
class DepthConfig(TuningConfig):
    """Settings of the step ``depth``, which removes residual blocks and trains what is left.

    Attributes:
        max_drop: Points of validation accuracy that may be lost in all.
        examples: Number of validation pictures on which each block is tried.

    Raises:
        UsageError: A setting is out of its limits.

    Example:
        >>> DepthConfig(max_drop=0.5).epochs
        3
    """

    max_drop: float = 1.0
    examples: int = 1000

    def __post_init__(self) -> None:
        super().__post_init__()
        require(
            "depth",
            self,
            max_drop=(0 <= self.max_drop <= 100, "0 to 100"),
            examples=(self.examples >= 1, "at least 1"),
        )


@dataclass(frozen=True, kw_only=True)
class EqualizeConfig(StepConfig):
    """Settings of the step ``equalize``, which makes the channels of each value alike.

    Attributes:
        alpha: Whether only weights count (0), only the values that they read (1), or both.
        examples: Number of pictures over which values are looked at.

    Raises:
        UsageError: A setting is out of its limits.

    Example:
        >>> EqualizeConfig(alpha=0.75).examples
        64
    """

    alpha: float = 0.5
    examples: int = 64

    def __post_init__(self) -> None:
        super().__post_init__()
        require(
            "equalize",
            self,
            alpha=(0 <= self.alpha <= 1, "0 to 1"),
            examples=(self.examples >= 1, "at least 1"),
        )


@dataclass(frozen=True, kw_only=True)
class QatConfig(StepConfig):
    """Settings of quantization-aware training, which starts from a trained float model.

    Attributes:
        engine: ``tflconv`` (Keras 2 and 3) or ``tfmot`` (Keras 2).
        epochs: Passes over the training pictures.
        batch_size: Pictures per step.
        learning_rate: First learning rate; it falls to 0 along half a cosine.
        ema_decay: Decay of the exponential moving average of ranges; only of ``tflconv``.
        bits: Bits of the weights; ``tfmot`` has 8 only.

    Raises:
        UsageError: A setting is out of its limits.

    Example:
        >>> QatConfig(epochs=5).learning_rate
        0.0003
    """

    engine: Engine = "tflconv"
    epochs: int = 3
    batch_size: int = 64
    learning_rate: float = 3e-4
    ema_decay: float = 0.99
    bits: int = 8

    def __post_init__(self) -> None:
        super().__post_init__()
        require(
            "qat",
            self,
            engine=(self.engine in ("tflconv", "tfmot"), "tflconv or tfmot"),
            epochs=(self.epochs >= 1, "at least 1"),
            batch_size=(self.batch_size >= 1, "at least 1"),
            learning_rate=(0 < self.learning_rate < inf, "positive"),
            ema_decay=(0 <= self.ema_decay < 1, "at least 0 and below 1"),
            bits=(2 <= self.bits <= 8, "2 to 8"),
        )
        if self.engine == "tfmot":
            require(
                "qat by tfmot",
                self,
                bits=(self.bits == 8, "8"),
                ema_decay=(self.ema_decay == QatConfig.ema_decay, "left out, for it has none"),
            )
