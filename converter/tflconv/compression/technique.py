"""Registry of the techniques that change a model before it is quantized, one row per technique.

A recipe names them as steps (``channels50_qat_static_wi8_ai8``). Each is a typed configuration tied
to the module that uses it, and there are two kinds. A ``ModelTechnique`` makes a Keras model of a
Keras model, so it also works alone (``tflconv compress``). A ``NetworkTechnique`` trains our own
network for one way of quantizing, so only quantization may follow. What a step has made is an entry
of the store, and recipes share their first steps.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib import import_module
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any, Generic, Literal, Protocol, TypeVar

from tflconv.compression.config import (
    ChannelsConfig,
    DepthConfig,
    EqualizeConfig,
    FinetuneConfig,
    QatConfig,
    StepConfig,
)
from tflconv.compression.examples import Examples
from tflconv.compression.weight_config import ClusterConfig, DistillStepConfig, PruneConfig
from tflconv.core.progress import Callback
from tflconv.core.typing import KerasModel
from tflconv.errors import UsageError, unknown
from tflconv.network.keras.opened import Opened
from tflconv.recipe import Recipe, Step, get
from tflconv.training.config import DistillConfig

Config = TypeVar("Config", bound=StepConfig)

FACTS = "facts.json"
"""What a model technique wants to have said in the card of its model, in its unfinished folder."""


@dataclass(frozen=True, kw_only=True)
class Teaching:
    """A teacher, and how it is listened to.

    Attributes:
        model: The teacher.
        config: Soft or hard targets, their temperature and share of the loss.
    """

    model: Opened
    config: DistillConfig


@dataclass(frozen=True, kw_only=True)
class Subject(Generic[Config]):
    """The model that a technique works on, and its settings.

    Attributes:
        model: The model as it was opened, or as the previous step made it.
        step: The step as the recipe names it.
        config: Settings of the technique.
        teaching: The teacher of ``distill``, and of steps behind it that train with rounding.
        optimize: Whether the operators may be rewritten so that outputs change their meaning:
            the softmax at the end is removed. Only network techniques rewrite.
        selective: Whether only products will compute in integers, so that network techniques
            need to round nothing else.
    """

    model: Opened
    step: Step
    config: Config
    optimize: bool = False
    selective: bool = False
    teaching: Teaching | None = None

    @property
    def amount(self) -> int:
        """The number in the name of the step; 0 if it has none."""
        return self.step.amount or 0


class NetworkModule(Protocol[Config]):
    """The functions in the module of a network technique."""

    def train(
        self, subject: Subject[Config], examples: Examples, folder: Path, progress: Callback
    ) -> None:
        """Train the model of ``subject``; write what was learned into the empty ``folder``."""
        ...

    def load(self, subject: Subject[Config], folder: Path) -> Opened:
        """Return the model that ``train`` made, from what it wrote into ``folder``."""
        ...


class ModelModule(Protocol[Config]):
    """The function in the module of a model technique."""

    def compress(
        self,
        subject: Subject[Config],
        examples: Examples | None,
        unfinished: Path,
        progress: Callback,
    ) -> KerasModel:
        """Return a Keras model made of that of ``subject``, of the same Keras.

        Args:
            subject: The model, which is not changed, and the settings.
            examples: Labelled pictures; None where the technique said that it needs none.
            unfinished: A folder for the state of a training. It outlives a kill: the same step of
                the same model finds there what it left.
            progress: Is told what is being done.
        """
        ...


@dataclass(frozen=True, kw_only=True)
class Technique(Generic[Config]):
    """One row of the registry.

    Attributes:
        name: The word in a recipe's name.
        summary: What it does, for ``tflconv list recipes``.
        config: The class of its settings.
        module: Returns the name of its module for given settings.
        amount: What the number in its name means; None if it takes none.
        limits: The smallest and the largest number that it takes.
        undone_by: Techniques that undo what it does, and cannot follow it.
        repeats: Which number it must have where it follows itself; None for any.
        packages: Packages whose versions change the result.
    """

    name: str
    summary: str
    config: type[Config]
    module: Callable[[Config], str]
    amount: str | None = None
    limits: tuple[int, int] = (1, 99)
    undone_by: tuple[str, ...] = ()
    repeats: Literal["larger", "smaller"] | None = None
    packages: tuple[str, ...] = ("tflconv", "tensorflow", "tf_keras", "numpy")

    trains_ranges = False
    """Whether it trains the ranges of activations, so that no calibration is needed."""

    def needs_pictures(self, config: Config) -> bool:
        """Return whether it learns from labelled pictures."""
        return True


@dataclass(frozen=True, kw_only=True)
class NetworkTechnique(Technique[Config]):
    """A technique that trains our own network with its rounding."""

    trains_ranges = True

    def using(self, config: Config) -> NetworkModule[Config]:
        """Import the module that ``config`` chooses."""
        module: NetworkModule[Config] = import_module(self.module(config))
        return module


@dataclass(frozen=True, kw_only=True)
class ModelTechnique(Technique[Config]):
    """A technique that makes a Keras model of a Keras model.

    Attributes:
        learns: Whether it needs labelled pictures for given settings.
    """

    learns: Callable[[Config], bool] = lambda _: True

    def needs_pictures(self, config: Config) -> bool:
        """Return whether it learns from labelled pictures."""
        return self.learns(config)

    def using(self, config: Config) -> ModelModule[Config]:
        """Import the module that ``config`` chooses."""
        module: ModelModule[Config] = import_module(self.module(config))
        return module


_ENGINES = {"tflconv": "tflconv.compression.qat", "tfmot": "tflconv.compression.qat_tfmot"}

CHANNELS = ModelTechnique[ChannelsConfig](
    name="channels",
    summary="that percentage of the channels removed, then trained",
    config=ChannelsConfig,
    module=lambda _: "tflconv.compression.channels",
    amount="the percentage to remove",
    learns=lambda config: config.learns,
)

DEPTH = ModelTechnique[DepthConfig](
    name="depth",
    summary="up to that many residual blocks removed, as far as accuracy allows",
    config=DepthConfig,
    module=lambda _: "tflconv.compression.depth",
    amount="the number of blocks to remove",
)

EQUALIZE = ModelTechnique[EqualizeConfig](
    name="equalize",
    summary="factors moved between layers, so that one scale fits all channels: float stays equal",
    config=EqualizeConfig,
    module=lambda _: "tflconv.compression.equalizing",
)

FINETUNE = ModelTechnique[FinetuneConfig](
    name="finetune",
    summary="trained further as it is: needs labelled pictures",
    config=FinetuneConfig,
    module=lambda _: "tflconv.compression.finetune",
)

PRUNE = ModelTechnique[PruneConfig](
    name="prune",
    summary="weights set to zero, 80 of 100 in prune80: smaller download, no speed",
    config=PruneConfig,
    module=lambda _: "tflconv.compression.pruning",
    amount="the percentage of weights that become zero",
    repeats="larger",
    learns=lambda config: config.epochs > 0,
)

CLUSTER = ModelTechnique[ClusterConfig](
    name="cluster",
    summary="16 different weights per kernel in cluster16: smaller download, no speed",
    config=ClusterConfig,
    module=lambda _: "tflconv.compression.clustering",
    amount="the number of different weights of a kernel",
    limits=(2, 256),
    undone_by=("prune",),
    repeats="smaller",
    learns=lambda config: config.epochs > 0,
)

DISTILL = ModelTechnique[DistillStepConfig](
    name="distill",
    summary="trained further under a teacher: needs labelled pictures",
    config=DistillStepConfig,
    module=lambda _: "tflconv.compression.distillation",
)

QAT = NetworkTechnique[QatConfig](
    name="qat",
    summary="trained with its rounding first: needs labelled pictures",
    config=QatConfig,
    module=lambda config: _ENGINES[config.engine],
    packages=("tflconv", "tensorflow", "tf_keras", "tensorflow-model-optimization", "numpy"),
)

_ALL: tuple[Technique[Any], ...] = (
    CHANNELS, DEPTH, PRUNE, CLUSTER, DISTILL, FINETUNE, EQUALIZE, QAT,
)  # fmt: skip

TECHNIQUES: dict[str, Technique[Any]] = {technique.name: technique for technique in _ALL}
"""All techniques by name; a new one is a module and a row."""


def technique_of(step: Step) -> Technique[Any]:
    """Return the technique that ``step`` names.

    Raises:
        UsageError: There is no such technique, or it takes no such amount.
    """
    if step.technique not in TECHNIQUES:
        raise unknown("technique", step.technique, TECHNIQUES)
    technique = TECHNIQUES[step.technique]
    if (step.amount is None) != (technique.amount is None):
        expected = f"takes {technique.amount}" if technique.amount else "takes no number"
        raise UsageError(f"technique {technique.name} {expected}. Received: {step}.")
    low, high = technique.limits
    if step.amount is not None and not low <= step.amount <= high:
        raise UsageError(
            f"technique {technique.name} takes {technique.amount}, {low} to {high}."
            f" Received: {step}."
        )
    return technique


def check(recipe: Recipe) -> Recipe:
    """Return ``recipe`` if its steps can follow each other.

    Raises:
        UsageError: A step is unknown, or stands where it cannot work.

    Example:
        >>> from tflconv import recipe
        >>> check(recipe.get("qat_static_wi8_ai8")).steps
        (Step(technique='qat', amount=None),)
    """
    _check_order(recipe.name, recipe.steps)
    rows = [technique_of(step) for step in recipe.steps]
    for before, after in pairwise(rows):
        if before.trains_ranges:
            raise UsageError(
                f"recipe {recipe.name}: {after.name} cannot follow {before.name}, whose ranges"
                " would no longer fit.",
                hint=f"Put {before.name} last.",
            )
    keeps = recipe.needs_ranges and not recipe.is_mixed
    if rows and rows[-1].trains_ranges and not keeps:
        raise UsageError(
            f"recipe {recipe.name}: {rows[-1].name} trains the ranges of activations, which"
            f" {recipe.scheme} does not store.",
            hint=f"Follow it with a static or selective scheme: {rows[-1].name}_static_wi8_ai8.",
        )
    return recipe


def _check_order(name: str, steps: tuple[Step, ...]) -> None:
    """Check that no step undoes an earlier one or has nothing to do after it."""
    for before, after in combinations(steps, 2):
        row = technique_of(before)
        technique_of(after)
        if after.technique in row.undone_by:
            raise UsageError(
                f"recipe {name}: {after} cannot follow {before}, which it would undo.",
                hint=f"Put {after} first.",
            )
        if before.technique != after.technique or row.repeats is None:
            continue
        pair = ((after.amount or 0), (before.amount or 0))
        if not (pair[0] > pair[1] if row.repeats == "larger" else pair[0] < pair[1]):
            raise UsageError(
                f"recipe {name}: {after} has nothing to do after {before}.",
                hint=f"Give the later one the {row.repeats} number, or leave it out.",
            )


def check_makes_models(name: str, steps: tuple[Step, ...]) -> None:
    """Check that ``steps`` make a Keras model, which can be saved without quantizing it.

    Args:
        name: What the steps are called together, for messages.
        steps: The steps in their order.

    Raises:
        UsageError: A step is unknown, or makes something else.
    """
    _check_order(name, steps)
    for step in steps:
        if not isinstance(technique_of(step), ModelTechnique):
            raise UsageError(
                f"{step} in '{name}' trains for one way of quantizing, so it makes no Keras model.",
                hint=f"Use it where the model is quantized: tflconv convert MODEL --recipe"
                f" {name}_static_wi8_ai8.",
            )


def trains_ranges(recipe: Recipe) -> bool:
    """Return whether a step trains the ranges of activations, so that none are calibrated."""
    return any(technique_of(step).trains_ranges for step in recipe.steps)


def stairs(recipe: Recipe) -> list[Recipe]:
    """Return the float recipes on the way to ``recipe``, each with one more of its steps.

    Example:
        >>> from tflconv import recipe
        >>> [each.name for each in stairs(recipe.get("channels50_qat_static_wi8_ai8"))]
        ['channels50_fp32']
    """
    parts = (recipe.steps[:count] for count in range(1, len(recipe.steps) + 1))
    between = [replace(get("fp32"), steps=steps) for steps in parts]
    return [each for each in between if each != recipe and not trains_ranges(each)]


def described(recipe: Recipe) -> str:
    """Describe what ``recipe`` does, its steps first."""
    steps = [technique_of(step).summary for step in recipe.steps]
    return "; ".join([*steps, recipe.summary])
