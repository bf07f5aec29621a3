"""The techniques that train a model before it is quantized: a registry, one row per technique.

A recipe names them as steps (``qat_static_wi8_ai8``). Each is a typed configuration tied to the
two functions that use it: ``train`` leaves what was learned in a folder, ``load`` makes a model of
that. So what one step has learned is an entry of the store, and recipes share their prefixes.
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
    """What a technique works on.

    Attributes:
        model: The model as it was opened, or as the step before left it.
        step: The step as the recipe names it.
        config: Settings of the technique.
        optimize: Whether the operators may be rewritten so that outputs change their meaning:
            the softmax at the end goes.
    """

    model: Opened
    step: Step
    config: Config
    optimize: bool = False


class Module(Protocol[Config]):
    """What the module of a technique offers."""

    def train(
        self, subject: Subject[Config], examples: Examples, folder: Path, progress: Callback
    ) -> None:
        """Train the model of ``subject``; leave what was learned in the empty ``folder``."""
        ...

    def load(self, subject: Subject[Config], folder: Path) -> Opened:
        """Return the model that ``train`` made, from what it left in ``folder``."""
        ...


@dataclass(frozen=True, kw_only=True)
class Technique(Generic[Config]):
    """One row of the registry.

    Attributes:
        name: The word in a recipe's name.
        summary: What it does, for ``tflconv recipes``.
        module: Where ``train`` and ``load`` are, by the settings; imported when first needed.
        amount: What the number in its name means, or None where it takes none.
        trains_ranges: Whether activations get their ranges here, so that no calibration follows
            and nothing but quantization may come after.
        packages: Whose versions decide what comes out.
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

TECHNIQUES: dict[str, Technique[Any]] = {each.name: each for each in (QAT,)}
"""All techniques by the word that names them; a new one is a module and a row."""


def technique_of(step: Step) -> Technique[Any]:
    """Return the row for ``step``.

    Raises:
        UsageError: There is no such technique, or it takes no such amount.
    """
    if step.technique not in TECHNIQUES:
        raise unknown("technique", step.technique, TECHNIQUES)
    found = TECHNIQUES[step.technique]
    if (step.amount is None) != (found.amount is None):
        wanted = f"takes {found.amount}" if found.amount else "takes no number"
        raise UsageError(f"technique {found.name} {wanted}. Received: {step}.")
    return found


def check(recipe: Recipe) -> Recipe:
    """Return ``recipe`` if its steps can follow each other.

    Raises:
        UsageError: A step is unknown, stands twice, or stands where it cannot work.
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
    """Whether the ranges of activations come from a step, not from calibration."""
    return any(technique_of(step).trains_ranges for step in recipe.steps)


def described(recipe: Recipe) -> str:
    """Return what ``recipe`` does, its steps first."""
    steps = [technique_of(step).summary for step in recipe.steps]
    return "; ".join([*steps, recipe.summary])
