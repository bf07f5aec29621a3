"""How close the files of a model are to its float model, measured once and kept in the store.

The float model is the one that came, not a rewritten one. What steps trained is compared as
they left it, for it is meant to be another model.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tflconv.conversion import Calibration, Rewrite, tracing
from tflconv.core.files import write_json
from tflconv.core.versions import versions
from tflconv.pipeline.answers import Reference
from tflconv.pipeline.choices import FACTS, MAKERS
from tflconv.pipeline.fidelity import Fidelity
from tflconv.pipeline.labelled import Labelled
from tflconv.pipeline.steps import Todo
from tflconv.recipe import Recipe

if TYPE_CHECKING:
    from tflconv.pipeline.line import Line


class Comparisons:
    """The comparisons of one model's files.

    Args:
        line: The way of the model to its files.
    """

    def __init__(self, line: Line) -> None:
        self.line = line
        self._references: dict[tuple[Rewrite, Todo], Reference] = {}
        self._labelled = Labelled(line)

    def of(self, recipe: Recipe) -> Fidelity:
        """Return how close the file of ``recipe`` is."""
        line = self.line
        known = line.choice(recipe).fidelity
        if known is not None:
            return known
        inputs = {
            **line.origin.key,
            "file": line.entry(recipe).digest,
            "steps": line.workshop.inputs(line.todo(recipe).steps),
            "samples": self.samples_seen,
            "labelled": self.pictures_seen,
            "versions": versions(*MAKERS),
        }

        def build(folder: Path) -> None:
            write_json(folder / FACTS, self.judged(recipe, line.file(recipe)).to_json())

        entry = line.store.fetch("fidelity", inputs, build)
        return Fidelity.from_json(json.loads((entry.path / FACTS).read_text()))

    def measured(self, recipe: Recipe, file: Path) -> Fidelity:
        """Return how close ``file`` is, which ``recipe`` made."""
        reference, line = self._reference(recipe), self.line
        line.origin.tell("check", f"comparing {recipe.name} with the float model")
        return reference.measure(
            file, calibration=self._samples, card=line.card, seed=line.request.seed
        )

    def judged(self, recipe: Recipe, file: Path) -> Fidelity:
        """Return what ``measured`` does, and what ``file`` loses where a drop has a limit."""
        found = self.measured(recipe, file)
        if self.line.request.max_drop is None:
            return found
        return replace(found, drop=self._labelled.drop(file))

    @property
    def pictures_seen(self) -> Mapping[str, Any] | None:
        """What is said about the pictures that drops are measured on; None without a limit."""
        return None if self.line.request.max_drop is None else self._labelled.seen

    @property
    def samples_seen(self) -> Mapping[str, Any]:
        """What is said about the samples that files are compared on."""
        samples = self._samples
        return {"noise": self.line.request.seed} if samples is None else samples.to_json()

    @cached_property
    def _samples(self) -> Calibration | None:
        """The samples that files are compared on; None for noise."""
        line, chosen = self.line, self.line.request.chosen
        request = line.request
        is_named = request.calibration is not None or request.dataset is not None
        if is_named or any(map(self._uses_samples, chosen)):
            return line.calibration
        return line.samples_at_hand if any(recipe.is_auto for recipe in chosen) else None

    def _uses_samples(self, recipe: Recipe) -> bool:
        return self.line.needs_samples(recipe) or self.line.trains(recipe)

    def _reference(self, recipe: Recipe) -> Reference:
        todo = self.line.todo(recipe)
        rewrite = self.line.graphs(recipe)[0] if todo.steps else "as-is"
        key = (rewrite, todo)
        if key not in self._references:
            self._references[key] = self._float_model(rewrite, recipe if todo.steps else None)
        return self._references[key]

    def _float_model(self, rewrite: Rewrite, recipe: Recipe | None) -> Reference:
        line = self.line
        if recipe is None and line.opened.is_tflite:
            assert line.opened.path is not None
            return Reference(line.opened.path)
        known = line.model(rewrite, recipe) if recipe else line.origin.known(rewrite)
        if known is not None and known.graph is not None:
            return Reference(known.graph, known.content, known.answers)
        return Reference(tracing.freeze(line.opened.source, resolution=line.request.resolution))
