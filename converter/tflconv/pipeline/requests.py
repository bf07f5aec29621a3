"""What each stage can be asked for: one frozen value per stage, checked when it is built.

The command line, Python and studies build these and nothing else, so what one can say all can say,
and equal requests give equal bytes and equal settings of a measurement.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tflconv.benchmark.config import BenchmarkConfig
from tflconv.compression import QatConfig, settings, technique
from tflconv.compression.config import StepConfig
from tflconv.conversion import REWRITES, Calibration, Rewrite
from tflconv.conversion.clipping import CalibrationMethod
from tflconv.device.adb_choice import server_words
from tflconv.errors import UsageError, require, require_seed, unknown
from tflconv.model import normalization
from tflconv.model.golden import MOST_SAMPLES
from tflconv.pipeline import idle
from tflconv.pipeline.choosing import with_ends
from tflconv.pipeline.limits import FidelityLimits
from tflconv.pipeline.meaning import SAMPLES, RecipeOptions
from tflconv.pipeline.verification_request import Preprocessing, VerificationRequest
from tflconv.recipe import Recipe, Step, TensorType, get, get_steps
from tflconv.training import DistillConfig, TrainConfig
from tflconv.training.config import check_started, check_taught

__all__ = [
    "BenchRequest",
    "CompressionRequest",
    "ConversionRequest",
    "ModelRequest",
    "Preprocessing",
    "TrainingRequest",
    "VerificationRequest",
]


_IDLE_IN_TRAINING = (
    idle.IdleOptions(
        options=("custom_objects",),
        when=lambda request: request.teacher is None and request.weights is None,
        why="no model file is opened",
        hint="Name one: --teacher FILE or --weights FILE.",
    ),
    idle.IdleOptions(
        options=("teacher_normalize",),
        when=lambda request: request.teacher is not None and Path(request.teacher).suffix == ".npy",
        why="the teacher is a file of logits, which were computed before",
    ),
)


@dataclass(frozen=True, kw_only=True)
class TrainingRequest:
    """Which model is trained on which pictures.

    Attributes:
        model: Name of a model of the registry.
        dataset: Name of a dataset, or a folder or archive of pictures.
        options: Options of the model.
        resolution: Side of the pictures in pixels; by default what the dataset says.
        channels: 1 for grey, 3 for colour; by default what the dataset says.
        config: Epochs, learning rate and the like. Its seed also draws the validation split.
        teacher: A model that teaches this one: a ``.keras`` or ``.h5`` file, a SavedModel folder,
            a ``.tflite``, or a ``.npy`` file of logits of the pictures as they are.
        teacher_normalize: How pixels become inputs of a teacher that does not say it.
        custom_objects: A Python file with layers that the teacher uses. It is run.
        distill: How the model learns from its teacher.
        weights: A ``.keras`` or ``.h5`` file of the same network, or its address: the training
            starts from its weights, with a new head where the classes are others.
        weights_sha256: The hash of that file; an address needs it.
    """

    model: str
    dataset: str
    options: Mapping[str, Any] = field(default_factory=dict)
    resolution: int | None = None
    channels: int | None = None
    config: TrainConfig = field(default_factory=TrainConfig)
    teacher: Path | None = None
    teacher_normalize: str | None = None
    custom_objects: Path | None = None
    distill: DistillConfig = field(default_factory=DistillConfig)
    weights: str | None = None
    weights_sha256: str | None = None

    def __post_init__(self) -> None:
        if self.teacher_normalize is not None:
            normalization.parse(self.teacher_normalize)
        check_taught(self.model, self.teacher, self.teacher_normalize, self.distill)
        check_started(self.model, self.weights, self.weights_sha256, self.config)
        idle.refuse(self, _IDLE_IN_TRAINING)


@dataclass(frozen=True, kw_only=True)
class ModelRequest(Preprocessing):
    """Which model something is made of, and what its steps learn from.

    Attributes:
        model: A ``.keras`` or ``.h5`` file, a SavedModel folder, a float ``.tflite``, or a live
            Keras 2 or Keras 3 model.
        dataset: Labelled pictures that steps learn from; by default what it was trained on.
        resolution: Side of the pictures in pixels, for a model that takes any.
        custom_objects: A Python file with layers that the model uses. It is run.
        settings: Settings of steps, at most one for each technique.
        seed: Seed of everything that is drawn at random.
    """

    model: Path | Any
    dataset: str | None = None
    resolution: int | None = None
    custom_objects: Path | None = None
    settings: tuple[StepConfig, ...] = ()
    seed: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        settings.check(self.settings)
        require_seed("request", self)

    @property
    def named_pictures(self) -> tuple[Any, ...]:
        """The sources of pictures that were named."""
        return (self.dataset,)

    def config_of(self, step: Step) -> StepConfig:
        """Return the settings of ``step``."""
        return settings.chosen(self.settings, step)


@dataclass(frozen=True, kw_only=True)
class CompressionRequest(ModelRequest):
    """Which Keras model is made of a Keras model, and by which steps.

    Attributes:
        recipe: The steps in their order, without a scheme: ``distill_channels50``.
    """

    recipe: str

    def __post_init__(self) -> None:
        super().__post_init__()
        technique.check_makes_models(self.recipe, self.steps)
        settings.idle(self.settings, self.steps)

    @property
    def steps(self) -> tuple[Step, ...]:
        """The steps that ``recipe`` names."""
        return get_steps(self.recipe)


@dataclass(frozen=True, kw_only=True)
class ConversionRequest(ModelRequest):
    """Which files are made of a model, and how.

    Attributes:
        recipes: What is made of it, one file each; by default float, and the cheapest that is close
            to it (no ``auto`` of an unfused graph).
        name: First part of the file names; by default model and dataset of its card.
        rewrite: Whether its operators are rewritten first; by default where that is cheaper.
        logits: Whether outputs of a last softmax or sigmoid become what it is computed from.
        calibration: Samples for static ranges: a dataset, a folder, or samples of one's own in any
            form that ``data.own`` reads; by default ``dataset``, by default what the model was
            trained on.
        calibration_count: How many samples are drawn for it.
        calibration_method: Which range an int8 activation gets of the values of the samples.
        signature: Which function of a SavedModel, where it has several.
        qat: Settings of the step ``qat``; its seed is that of the request.
        io: Type of inputs and outputs of static, selective and mixed recipes; by default what each
            recipe says.
        strip: Whether names and TFLite metadata are left out.
        with_card: Whether files carry a card: labels, preprocessing, origin, training.
        min_cosine: Least cosine with the float model that a file may have (``fidelity``), 0 to 1.
        max_drop: Largest loss of top-1 accuracy against the model, as a share, on validation
            pictures of ``dataset``.
        golden: Number of test pictures in a golden contract beside each file; None for none.
    """

    recipes: tuple[Recipe, ...] = ()
    name: str | None = None
    rewrite: Rewrite = "auto"
    logits: bool = False
    calibration: str | Calibration | Any = None
    calibration_count: int = SAMPLES
    calibration_method: CalibrationMethod = "min-max"
    signature: str | None = None
    qat: QatConfig = field(default_factory=QatConfig)
    io: TensorType | None = None
    strip: bool = False
    with_card: bool = True
    min_cosine: float | None = None
    max_drop: float | None = None
    golden: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        _ = self.limits
        few = self.golden is None or 1 <= self.golden <= MOST_SAMPLES
        require("conversion", self, golden=(few, f"from 1 to {MOST_SAMPLES}"))
        if self.rewrite not in REWRITES:
            raise unknown("rewrite", self.rewrite, REWRITES)
        for recipe in self._named:
            technique.check(recipe)
        self.options.check(self._named)
        if isinstance(self.calibration, Calibration) and self.calibration_count != SAMPLES:
            raise UsageError(
                "the samples for ranges are given, so none are drawn. Received:"
                f" calibration_count={self.calibration_count}.",
                hint="Leave calibration_count out.",
            )

    @property
    def options(self) -> RecipeOptions:
        """Those options that only some recipes use."""
        return RecipeOptions(
            io=self.io,
            logits=self.logits,
            calibration_count=self.calibration_count,
            calibration_method=self.calibration_method,
            qat=self.qat,
            settings=self.settings,
        )

    @property
    def limits(self) -> FidelityLimits:
        """What a file may differ from the model."""
        return FidelityLimits(min_cosine=self.min_cosine, max_drop=self.max_drop)

    @property
    def named_pictures(self) -> tuple[Any, ...]:
        """The sources of pictures that were named."""
        return (self.dataset, self.calibration)

    def config_of(self, step: Step) -> StepConfig:
        """Return the settings of ``step``."""
        return self.qat if step.technique == "qat" else super().config_of(step)

    @property
    def chosen(self) -> tuple[Recipe, ...]:
        """The recipes as ``io`` and ``rewrite`` change them."""
        return tuple(with_ends(recipe, self.io) for recipe in self._named)

    @property
    def uses_labels(self) -> bool:
        """Whether anything is done with the names of outputs."""
        learns = any(recipe.steps for recipe in self._named)
        return self.with_card or learns or self.golden is not None or self.max_drop is not None

    @property
    def _named(self) -> tuple[Recipe, ...]:
        unfused = self.rewrite == "unfused"
        recipes = self.recipes or tuple(map(get, ("fp32",) if unfused else ("fp32", "auto")))
        return tuple(replace(recipe, unfused=recipe.unfused or unfused) for recipe in recipes)


@dataclass(frozen=True, kw_only=True)
class BenchRequest(Preprocessing):
    """Which files are measured on which devices, and how.

    Attributes:
        files: The ``.tflite`` files.
        devices: ``host``, ``arm64:CORE`` or ``adb:SERIAL``.
        config: Numbers of runs, seconds, threads and the like.
        dataset: Whose test split is evaluated on the device; by default none is. Or samples of
            one's own, in any form that ``data.own`` reads.
        pictures: How many of its pictures, drawn by class with the seed of ``config``; by default
            all.
        reference: A model that each file is compared with on that split, on this computer and not
            on the device; ``dataset`` is then by default what the file was trained on.
        adb: The adb program; by default that of ``$ADB`` or the path.
        adb_servers: adb servers as ``HOST:PORT``, by default that of ``$ADB_SERVER_SOCKET``, else
            this computer's.
        runtime: LiteRT for a phone: its ``.aar`` or ``libLiteRt.so`` for arm64.
        history: A history that each finished run is kept in, too; by default that of
            ``$TFLCONV_HISTORY``, or the user's own; ``off`` keeps none.
        golden: A golden contract whose exact inputs are run on each device, and whose outputs are
            expected.
    """

    files: tuple[Path, ...]
    devices: tuple[str, ...] = ("host",)
    config: BenchmarkConfig = field(default_factory=BenchmarkConfig)
    dataset: Any = None
    pictures: int | None = None
    reference: Path | None = None
    adb: str | None = None
    adb_servers: tuple[str, ...] = ()
    runtime: Path | None = None
    history: Path | None = None
    golden: Path | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        for server in self.adb_servers:
            server_words(server)
