"""Settings of the steps that change weights and leave all layers: prune, cluster, distill."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal, get_args

from tflconv.compression.config import TuningConfig
from tflconv.errors import refuse_idle, require
from tflconv.training.config import DistillConfig, FeatureLoss, Targets

PruneSchedule = Literal["polynomial", "constant"]
PruneScope = Literal["layer", "global"]
ClusterStart = Literal["density", "linear"]
ClusterScope = Literal["layer", "channel"]


@dataclass(frozen=True, kw_only=True)
class PruneConfig(TuningConfig):
    """Settings of the step ``prune80``, which sets 80 of 100 weights to zero.

    Attributes:
        schedule: ``polynomial`` lets the sparsity rise while the model is trained (Zhu and Gupta
            2017), ``constant`` prunes at once and trains what is left.
        ramp: Share of the steps after which a polynomial is at its end.
        scope: ``layer`` prunes each kernel alike, ``global`` the smallest weights of all kernels.
        layers: Layers with a sparsity of their own, in percent, as in ``conv1=0,head=50``.

    Raises:
        UsageError: A setting is out of its limits.

    Example:
        >>> PruneConfig(layers="conv1=0,head=50").shares
        {'conv1': 0.0, 'head': 0.5}
    """

    schedule: PruneSchedule = "polynomial"
    ramp: float = 0.5
    scope: PruneScope = "layer"
    layers: str = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        require(
            "prune",
            self,
            schedule=(self.schedule in get_args(PruneSchedule), "polynomial or constant"),
            ramp=(0 < self.ramp <= 1, "above 0 and at most 1"),
            scope=(self.scope in get_args(PruneScope), "layer or global"),
            layers=(_shares(self.layers) is not None, "LAYER=PERCENT, from 0 to below 100 each"),
        )
        rises = self.schedule == "polynomial"
        refuse_idle("prune", self, ramp=(rises, "a constant schedule has no ramp"))

    @property
    def shares(self) -> dict[str, float]:
        """The sparsity of layers that have one of their own, 0 to below 1."""
        return _shares(self.layers) or {}


def _shares(text: str) -> dict[str, float] | None:
    """Sparsities by layer; None if ``text`` is of another form."""
    shares = {}
    for part in filter(None, text.split(",")):
        layer, _, percent = part.rpartition("=")
        try:
            share = float(percent) / 100
        except ValueError:
            return None
        if not layer or not 0 <= share < 1:
            return None
        shares[layer.strip()] = share
    return shares


@dataclass(frozen=True, kw_only=True)
class ClusterConfig(TuningConfig):
    """Settings of the step ``cluster16``, after which a kernel has 16 different weights.

    Attributes:
        start: Where centers are before k-means: spread over the weights (``density``) or over their
            range (``linear``).
        scope: What has 16 weights of its own: a ``layer``, or each output ``channel`` of it. Files
            with a scale per channel have 16 integers per channel either way.

    Example:
        >>> ClusterConfig(epochs=0).start
        'density'
    """

    start: ClusterStart = "density"
    scope: ClusterScope = "layer"

    def __post_init__(self) -> None:
        super().__post_init__()
        require(
            "cluster",
            self,
            start=(self.start in get_args(ClusterStart), "density or linear"),
            scope=(self.scope in get_args(ClusterScope), "layer or channel"),
        )


@dataclass(frozen=True, kw_only=True)
class DistillStepConfig(TuningConfig):
    """Settings of the step ``distill``, which trains a model further under a teacher.

    Attributes:
        teacher: A Keras file; by default the model as it was before all steps.
        targets: ``soft`` for the teacher's probabilities, ``hard`` for the class that it chooses.
        temperature: What logits are divided by before they become soft targets.
        alpha: Share of the teacher in the loss; the rest is that of the labels.
        features: Layers of the teacher and of the model that learns from them, as in
            ``conv4=conv2,conv8=conv4``; ``auto`` for the ends of stages of the same size, nothing
            for none.
        feature_loss: ``fitnets`` for the features themselves, projected where widths differ, or
            ``attention`` for where they are large.
        beta: What the loss on features is multiplied by before it is added.

    Example:
        >>> DistillStepConfig(alpha=0.5).distillation.alpha
        0.5
    """

    FILES: ClassVar[tuple[str, ...]] = ("teacher",)

    teacher: str = ""
    targets: Targets = "soft"
    temperature: float = 2.0
    alpha: float = 0.9
    features: str = ""
    feature_loss: FeatureLoss = "fitnets"
    beta: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        require(
            "distill",
            self,
            epochs=(self.epochs >= 1, "at least 1"),
        )
        refuse_idle(
            "distill",
            self,
            label_smoothing=(self.alpha < 1, "labels have no share in the loss (alpha=1)"),
        )
        _ = self.distillation

    @property
    def distillation(self) -> DistillConfig:
        """How the model learns from the teacher."""
        return DistillConfig(
            targets=self.targets,
            temperature=self.temperature,
            alpha=self.alpha,
            features=self.features,
            feature_loss=self.feature_loss,
            beta=self.beta,
        )
