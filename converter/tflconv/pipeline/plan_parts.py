"""What a plan is made of: its models, where ranges and accuracy come from, its quick run.

And what a study is made of that has more than one dataset: plans.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tflconv.conversion import Rewrite
from tflconv.conversion.clipping import CalibrationMethod
from tflconv.errors import UsageError, require
from tflconv.model import normalization
from tflconv.model.pictures import Resize
from tflconv.pipeline.meaning import SAMPLES
from tflconv.training.config import DistillConfig, TrainConfig, check_started, check_taught

SEED = "at least 0 and below 2**32"

MODEL_SUFFIXES = (".keras", ".h5", ".hdf5", ".tflite")
"""Endings by which a model file is told from a name of the registry."""


@dataclass(frozen=True, kw_only=True)
class ModelPlan:
    """A model of the registry and how it is trained, or a file of a model that is trained already.

    Attributes:
        model: Name of a model of the registry; or the path of a ``.keras`` or ``.h5`` file, of a
            SavedModel folder, or of a float ``.tflite``.
        name: What the model is called in results; by default its name or that of its file.
        seed: Seed of its training and of what is drawn for it; by default that of the plan.
        recipes: What is made of it; by default the recipes of the plan.
        rewrite: What is done to its operators before the recipes; by default what the plan says.
        dataset: What it is trained and judged on; by default that of the plan. So a plan may train
            what another of its models starts from.
        resolution: Side of those pictures in pixels; by default what their dataset says.
        options: Options of a model of the registry.
        training: How a model of the registry is trained.
        teacher: A model file that teaches a model of the registry, or the name in results of
            another model of the plan.
        teacher_normalize: How pixels become inputs of a teacher that does not say it.
        distill: How the model learns from its teacher.
        weights: A model file or an address from whose weights a model of the registry starts, or
            the name in results of another model of the plan.
        weights_sha256: The hash of that file; an address needs it. Where the file is not there, one
            of ``$TFLCONV_MODEL_DIR`` with this hash is taken.
        custom_objects: Python file with layers that a model file or the teacher uses. It is run.
        signature: Which function of a SavedModel, where it has several.
        normalize: How pixels become inputs of a model file that does not say it.
        resize: How pictures are brought to its size.
        labels: File that names its outputs, one per line, in their order.
        sha256: Hash of its file. A model of the registry is taken from ``$TFLCONV_MODEL_DIR`` if
            the file with this hash is there, and trained otherwise; a file must have it.
        hours: About how long its training takes on two cores; said where it begins.
    """

    model: str
    name: str = ""
    seed: int | None = None
    recipes: tuple[str, ...] = ()
    rewrite: Rewrite | None = None
    dataset: str | None = None
    resolution: int | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    training: TrainConfig = field(default_factory=TrainConfig)
    teacher: str | None = None
    teacher_normalize: str | None = None
    distill: DistillConfig = field(default_factory=DistillConfig)
    weights: str | None = None
    weights_sha256: str | None = None
    custom_objects: str | None = None
    signature: str | None = None
    normalize: str | None = None
    resize: Resize | None = None
    labels: str | None = None
    sha256: str | None = None
    hours: float | None = None

    def __post_init__(self) -> None:
        require(
            "model",
            self,
            seed=(0 <= (self.seed or 0) < 2**32, SEED),
            resolution=(
                self.resolution is None
                or (self.dataset is not None and 4 <= self.resolution <= 4096),
                "between 4 and 4096, beside a 'dataset' of its own",
            ),
            sha256=(_is_hash(self.sha256), "64 digits 0-9 a-f"),
            hours=((self.hours or 0) >= 0, "at least 0"),
        )
        if self.normalize is not None:
            normalization.parse(self.normalize)
        learns = self.options or self.training != TrainConfig() or self.teacher or self.weights
        if self.is_file and learns:
            raise UsageError(
                f"model '{self.model}' is a file: it is trained already, so 'options', 'training',"
                " 'teacher' and 'weights' have no meaning."
            )
        if self.training.strategy == "multiworker":
            raise UsageError(
                f"model '{self.title}': the workers of a training are started one by one.",
                hint="Train it by tflconv train --strategy multiworker, and name its file.",
            )
        owner = f"model '{self.title}'"
        check_taught(owner, self.teacher, self.teacher_normalize, self.distill)
        check_started(owner, self.weights, self.weights_sha256, self.training)

    @property
    def title(self) -> str:
        """What the model is called in results."""
        return self.name or (Path(self.model).stem if self.is_file else self.model)

    @property
    def is_file(self) -> bool:
        """Whether it is a path, not a name of the registry."""
        return "/" in self.model or Path(self.model).suffix in MODEL_SUFFIXES


def _is_hash(text: str | None) -> bool:
    return text is None or re.fullmatch("[0-9a-f]{64}", text) is not None


@dataclass(frozen=True, kw_only=True)
class CalibrationPlan:
    """Which pictures static ranges are taken from.

    Attributes:
        source: A dataset, a folder, a ``.npy`` or ``.npz`` file; by default the plan's dataset.
        count: How many of them.
        method: Which range an activation gets of its values: ``min-max``, ``mse``, ``percentile``.
    """

    source: str | None = None
    count: int = SAMPLES
    method: CalibrationMethod = "min-max"

    def __post_init__(self) -> None:
        require("calibration", self, count=(self.count >= 1, "at least 1"))


@dataclass(frozen=True, kw_only=True)
class EvaluationPlan:
    """Where accuracy is measured.

    Attributes:
        on_device: Whether every device evaluates the test pictures, too; accuracy on this computer
            is always measured.
        pictures: How many pictures a device evaluates, drawn by class; by default all.
    """

    on_device: bool = False
    pictures: int | None = None

    def __post_init__(self) -> None:
        enough = self.pictures is None or self.pictures >= 1
        require("evaluation", self, pictures=(enough, "at least 1"))


@dataclass(frozen=True, kw_only=True)
class QuickPlan:
    """What ``tflconv study --quick`` changes: the same line at a size that takes some minutes.

    Attributes:
        dataset: Smaller pictures of the same kind; by default those of the plan.
        models: Names in results of the models that are kept; by default all.
        recipes: What is made of each model; by default what the plan says.
        devices: Where files are measured; by default where the plan says.
        epochs: Most epochs of anything that is trained.
    """

    dataset: str | None = None
    models: tuple[str, ...] = ()
    recipes: tuple[str, ...] = ()
    devices: tuple[str, ...] = ()
    epochs: int = 1

    def __post_init__(self) -> None:
        require("quick", self, epochs=(self.epochs >= 1, "at least 1"))


@dataclass(frozen=True, kw_only=True)
class PartsPlan:
    """A study of several plans.

    Attributes:
        name: Title of the study.
        parts: Files of the plans, as seen from the file that names them.
    """

    name: str
    parts: tuple[str, ...]

    def __post_init__(self) -> None:
        require("study", self, parts=(bool(self.parts), "a list of at least one plan"))
