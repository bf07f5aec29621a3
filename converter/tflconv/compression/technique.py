"""Registry of the techniques that train a model before it is quantized, one row per technique.

A recipe names them as steps (``qat_static_wi8_ai8``). Each is a typed configuration tied to the
two functions that use it: ``train`` writes what was learned into a folder, ``load`` makes a model
of that. So what a step has learned is an entry of the store, and recipes share their first steps.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from tflconv.compression.config import QatConfig
from tflconv.compression.examples import Examples
from tflconv.core.progress import Callback
from tflconv.errors import UsageError, unknown
from tflconv.network.keras.opened import Opened
from tflconv.recipe import Recipe, Step

Config = TypeVar("Config")


@dataclass(frozen=True, kw_only=True)
class Subject(Generic[Config]):
    """The model that a technique works on, and its settings.

    Attributes:
        model: The model as it was opened, or as the previous step made it.
        step: The step as the recipe names it.
        config: Settings of the technique.
        optimize: Whether the operators may be rewritten so that outputs change their meaning:
            the softmax at the end is removed.
    """

    model: Opened
    step: Step
    config: Config
    optimize: bool = False


class Module(Protocol[Config]):
    """The functions in the module of a technique."""

    def train(
        self, subject: Subject[Config], examples: Examples, folder: Path, progress: Callback
    ) -> None:
        """Train the model of ``subject``; write what was learned into the empty ``folder``."""
        ...

    def load(self, subject: Subject[Config], folder: Path) -> Opened:
        """Return the model that ``train`` made, from what it wrote into ``folder``."""
        ...


@dataclass(frozen=True, kw_only=True)
class Technique(Generic[Config]):
    """One row of the registry.

    Attributes:
        name: The word in a recipe's name.
        summary: What it does, for ``tflconv recipes``.
        module: Returns the name of the module with ``train`` and ``load`` for given settings.
        amount: What the number in its name means; None if it takes none.
        trains_ranges: Whether it trains the ranges of activations, so that no calibration is
            needed and only quantization may follow.
        packages: Packages whose versions change the result.
    """

    name: str
    summary: str
    module: Callable[[Config], str]
    amount: str | None = None
    trains_ranges: bool = False
    packages: tuple[str, ...] = ("tflconv", "tensorflow", "tf_keras", "numpy")

    def using(self, config: Config) -> Module[Config]:
        """Import the module that ``config`` chooses."""
        module: Module[Config] = import_module(self.module(config))
        return module


_ENGINES = {"tflconv": "tflconv.compression.qat", "tfmot": "tflconv.compression.qat_tfmot"}

QAT = Technique[QatConfig](
    name="qat",
    summary="trained with its rounding first: needs labelled pictures",
    module=lambda config: _ENGINES[config.engine],
    trains_ranges=True,
    packages=("tflconv", "tensorflow", "tf_keras", "tensorflow-model-optimization", "numpy"),
)

TECHNIQUES: dict[str, Technique[Any]] = {technique.name: technique for technique in (QAT,)}
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
    rows = [technique_of(step) for step in recipe.steps]
    for before, after in pairwise(rows):
        if before.trains_ranges:
            raise UsageError(
                f"recipe {recipe.name}: {after.name} cannot follow {before.name}, whose ranges"
                " would no longer fit.",
                hint=f"Put {before.name} last.",
            )
    if rows and rows[-1].trains_ranges and not recipe.needs_ranges:
        raise UsageError(
            f"recipe {recipe.name}: {rows[-1].name} trains the ranges of activations, which"
            f" {recipe.scheme} does not store.",
            hint=f"Follow it with a static or selective scheme: {rows[-1].name}_static_wi8_ai8.",
        )
    return recipe


def trains_ranges(recipe: Recipe) -> bool:
    """Return whether a step trains the ranges of activations, so that none are calibrated."""
    return any(technique_of(step).trains_ranges for step in recipe.steps)


def described(recipe: Recipe) -> str:
    """Describe what ``recipe`` does, its steps first."""
    steps = [technique_of(step).summary for step in recipe.steps]
    return "; ".join([*steps, recipe.summary])
