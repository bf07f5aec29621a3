"""What one model's files are made of; everything that recipes share is made once.

The model is opened once (``origin``), what steps have made of it is kept (``steps``), its graph is
rewritten and lowered once for each way of rewriting it, samples are read and ranges measured once.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

from tflconv import data
from tflconv.compression import technique
from tflconv.conversion import Calibration, FloatModel, Rewrite, description
from tflconv.conversion.clipping import CalibrationMethod
from tflconv.conversion.preparation import NONE, Precisions, required
from tflconv.core import telling
from tflconv.core.files import write_json
from tflconv.core.progress import Callback, Progress, State, silent
from tflconv.core.store import Store
from tflconv.errors import TflconvError
from tflconv.pipeline.origin import Origin
from tflconv.pipeline.requests import ConversionRequest
from tflconv.pipeline.steps import Todo, Workshop
from tflconv.recipe import Recipe

FACTS = "facts.json"
"""What an entry of the store that is no model calls its only file."""

MAKERS = ("tflconv", "tensorflow", "litert-quantizer", "ai-edge-litert")
"""Packages whose versions decide the bytes of a file."""


class Maker:
    """Makes files of one model: any recipe, of any of its graphs.

    Args:
        request: What to make of which model.
        store: Where what was made is kept.
        progress: Is told what is being done.

    Attributes:
        origin: The model before anything is done to it.
        workshop: What is done to it before it is quantized.
    """

    def __init__(
        self, request: ConversionRequest, store: Store, progress: Callback = silent
    ) -> None:
        self.request, self.store = request, store
        self.origin = Origin(request, progress)
        self.workshop = Workshop(self.origin, store, optimize=request.rewrite == "optimized")
        self._models: dict[tuple[Rewrite, Todo], FloatModel] = {}

    def make(
        self,
        recipe: Recipe,
        rewrite: Rewrite,
        precisions: Precisions = NONE,
        method: CalibrationMethod | None = None,
    ) -> bytes:
        """Return what ``recipe`` makes of one of the model's graphs, in mixed precisions.

        Args:
            recipe: The recipe.
            rewrite: The graph.
            precisions: What operators compute in that do not compute in 8 bits.
            method: Which ranges activations get; by default those that were asked for.
        """
        samples = self.samples(recipe, method)
        model = self.model(rewrite, recipe)
        self.origin.tell("convert", f"converting to {recipe.name}")
        return model.make(recipe, samples, precisions)

    def reliefs(self, recipe: Recipe, rewrite: Rewrite) -> tuple[str, ...]:
        """Return what ``recipe`` may leave in float of one of the model's graphs."""
        return self.model(rewrite).reliefs(recipe, self.samples(recipe))

    def model(self, rewrite: Rewrite, recipe: Recipe | None = None) -> FloatModel:
        """Return the model after the steps of ``recipe``, made float TFLite once for all."""
        todo = Todo() if recipe is None else self.todo(recipe)
        if not todo.steps:
            return self.origin.lowered(rewrite)
        key = (rewrite, todo)
        if key not in self._models:
            self._models[key] = self.origin.prepared(self.workshop.after(todo), rewrite)
        return self._models[key]

    def graphs(self, recipe: Recipe) -> list[Rewrite]:
        """Return the graphs that the file of ``recipe`` may be made of, the one that came first."""
        if recipe.unfused:
            return [self._applied(recipe, "unfused")]
        if self.request.rewrite != "auto":
            return [self._applied(recipe, self.request.rewrite)]
        return ["as-is"] if recipe.steps or self.has_own_ranges else ["as-is", "optimized"]

    def _applied(self, recipe: Recipe, rewrite: Rewrite) -> Rewrite:
        """``rewrite``, unless the graph had to stay as it came; kept, for it costs a trace."""
        if rewrite == "as-is":
            return rewrite

        def build(folder: Path) -> None:
            write_json(folder / FACTS, {"rewrite": self.model(rewrite, recipe).rewrite})

        steps = self.workshop.inputs(self.todo(recipe).steps)
        inputs = {**self.origin.key, "rewrite": rewrite, "steps": steps}
        facts = self.store.fetch("graph", inputs, build).path / FACTS
        applied: Rewrite = json.loads(facts.read_text())["rewrite"]
        return applied

    @cached_property
    def has_own_ranges(self) -> bool:
        """Whether the model carries ranges that somebody trained; kept, for it costs a trace."""
        if self.request.rewrite not in ("auto", "as-is"):
            return False

        def build(folder: Path) -> None:
            write_json(folder / FACTS, {"trained": self.model("as-is").has_trained_ranges})

        entry = self.store.fetch("facts", self.origin.key, build)
        return bool(json.loads((entry.path / FACTS).read_text())["trained"])

    def trains(self, recipe: Recipe) -> bool:
        """Whether steps of ``recipe`` are still to do: a model may come with trained ranges."""
        return bool(recipe.steps) and not self.has_own_ranges

    def todo(self, recipe: Recipe) -> Todo:
        """Return what ``recipe`` has still to do before it quantizes."""
        if not self.trains(recipe):
            return Todo()
        selective = recipe.compute == "selective" and technique.trains_ranges(recipe)
        return Todo(steps=recipe.steps, selective=selective)

    def needs_samples(self, recipe: Recipe) -> bool:
        """Whether ``recipe`` needs ranges that no step trains."""
        return recipe.needs_ranges and not technique.trains_ranges(recipe)

    @cached_property
    def calibration(self) -> Calibration | None:
        """The samples that static ranges are taken from, if there is a source of them."""
        request, card = self.request, self.origin.card
        trained_on = None if card is None else card.dataset
        sources = (request.calibration, request.dataset, trained_on)
        source = next((each for each in sources if each is not None), None)
        if source is None:
            return None
        method = request.calibration_method
        if isinstance(source, Calibration):
            method = source.method if method == "min-max" else method
            return replace(source, on_sample=self._calibrating, method=method)
        shapes = self.origin.float_model.input_shapes if data.is_own(source) else ()
        ranks = [1 + len(shape) for shape in shapes]
        samples = description.calibration(
            source, card, count=request.calibration_count, seed=request.seed, ranks=ranks
        )
        return replace(samples, on_sample=self._calibrating, method=method)

    @cached_property
    def samples_at_hand(self) -> Calibration | None:
        """The samples for recipes that can do without: those that were named must be there."""
        request = self.request
        try:
            return self.calibration
        except TflconvError as error:
            if not (request.calibration is None and request.dataset is None):
                raise
            telling.warn(f"{error.message} `auto` goes without calibration.")
            return None

    def samples(
        self, recipe: Recipe, method: CalibrationMethod | None = None
    ) -> Calibration | None:
        """The samples that ``recipe`` uses, if it needs some."""
        samples = self.calibration if self.needs_samples(recipe) else None
        return samples if samples is None or method is None else replace(samples, method=method)

    def calibrated(
        self, recipe: Recipe, method: CalibrationMethod | None = None
    ) -> Mapping[str, Any] | None:
        """What is said about the samples that ``recipe`` uses."""
        samples = self.samples(recipe, method)
        return None if samples is None else required(samples, recipe).to_json()

    def _calibrating(self, done: int, total: int) -> None:
        state: State = "done" if done == total else "working"
        event = Progress(stage="calibrate", done=done, total=total, unit="samples", state=state)
        self.origin.progress(event)
