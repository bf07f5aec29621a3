"""How close the files of a model are to its float model.

The float model is the one that came, not a rewritten one. What steps trained is compared as
they left it, for it is meant to be another model.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

from tflconv.conversion import Calibration, Rewrite, tracing
from tflconv.pipeline.answers import Reference
from tflconv.pipeline.fidelity import Fidelity
from tflconv.pipeline.labelled import Labelled
from tflconv.pipeline.maker import Maker
from tflconv.pipeline.steps import Todo
from tflconv.recipe import Recipe


class Comparisons:
    """The comparisons of one model's files.

    Args:
        maker: Makes the files.
    """

    def __init__(self, maker: Maker) -> None:
        self._maker = maker
        self._references: dict[tuple[Rewrite, Todo], Reference] = {}
        self._labelled = Labelled(maker.origin)

    def measured(self, recipe: Recipe, file: Path) -> Fidelity:
        """Return how close ``file`` is, which ``recipe`` made."""
        origin = self._maker.origin
        reference = self._reference(recipe)
        origin.tell("check", f"comparing {recipe.name} with the float model")
        return reference.measure(
            file, calibration=self._samples, card=origin.card, seed=origin.request.seed
        )

    def judged(self, recipe: Recipe, file: Path) -> Fidelity:
        """Return what ``measured`` does, and what ``file`` loses where a drop has a limit."""
        fidelity = self.measured(recipe, file)
        if self._maker.request.max_drop is None:
            return fidelity
        return replace(fidelity, drop=self._labelled.drop(file))

    @property
    def pictures_seen(self) -> Mapping[str, Any] | None:
        """What is said about the pictures that drops are measured on; None without a limit."""
        return None if self._maker.request.max_drop is None else self._labelled.seen

    @property
    def samples_seen(self) -> Mapping[str, Any]:
        """What is said about the samples that files are compared on."""
        samples = self._samples
        return {"noise": self._maker.request.seed} if samples is None else samples.to_json()

    @cached_property
    def _samples(self) -> Calibration | None:
        """The samples that files are compared on; None for noise."""
        maker, request = self._maker, self._maker.request
        is_named = request.calibration is not None or request.dataset is not None
        if is_named or any(map(self._uses_samples, request.chosen)):
            return maker.calibration
        return maker.samples_at_hand if any(recipe.is_auto for recipe in request.chosen) else None

    def _uses_samples(self, recipe: Recipe) -> bool:
        return self._maker.needs_samples(recipe) or self._maker.trains(recipe)

    def _reference(self, recipe: Recipe) -> Reference:
        todo = self._maker.todo(recipe)
        rewrite = self._maker.graphs(recipe)[0] if todo.steps else "as-is"
        key = (rewrite, todo)
        if key not in self._references:
            self._references[key] = self._float_model(rewrite, recipe if todo.steps else None)
        return self._references[key]

    def _float_model(self, rewrite: Rewrite, recipe: Recipe | None) -> Reference:
        maker, opened = self._maker, self._maker.origin.opened
        if recipe is None and opened.is_tflite:
            assert opened.path is not None
            return Reference(opened.path)
        float_model = maker.model(rewrite, recipe) if recipe else maker.origin.known(rewrite)
        if float_model is not None and float_model.graph is not None:
            return Reference(float_model.graph, float_model.content, float_model.answers)
        return Reference(tracing.freeze(opened.source, resolution=maker.request.resolution))
