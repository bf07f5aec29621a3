"""One model on its way to its ``.tflite`` files; everything that recipes share is made once.

The model is opened once (``origin``), what steps have made of it is kept (``steps``), its graph is
rewritten and lowered once for each way of rewriting it, samples are read and ranges measured once.
Each finished file is an entry of a store: nothing is opened where it holds what is asked for.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from tflconv import data
from tflconv.compression import technique
from tflconv.conversion import Calibration, FloatModel, Rewrite, description, writing
from tflconv.conversion.clipping import CalibrationMethod
from tflconv.conversion.preparation import NONE, Precisions, required
from tflconv.core import telling
from tflconv.core.files import write_json
from tflconv.core.progress import Callback, Progress, State, silent
from tflconv.core.store import Entry, Store
from tflconv.core.text import file_name
from tflconv.core.versions import versions
from tflconv.errors import TflconvError
from tflconv.model.card import ModelCard, to_json
from tflconv.network.keras.opened import Opened
from tflconv.pipeline.choices import FACTS, MAKERS, Choices
from tflconv.pipeline.choosing import Choice
from tflconv.pipeline.comparisons import Comparisons
from tflconv.pipeline.fidelity import Fidelity
from tflconv.pipeline.origin import Origin
from tflconv.pipeline.requests import ConversionRequest
from tflconv.pipeline.steps import Todo, Workshop
from tflconv.recipe import Recipe


class Line:
    """The way of one model from its file to the files of its recipes.

    Args:
        request: What to make of which model.
        store: Where what was made is kept.
        progress: Is told what is being done.

    Attributes:
        name: First part of the file names; by default model and dataset of the card.
        origin: The model before anything is done to it.
        workshop: What is done to it before it is quantized.
    """

    def __init__(
        self, request: ConversionRequest, store: Store, progress: Callback = silent
    ) -> None:
        self.request, self.store = request, store
        self.name = request.name
        self.origin = Origin(request, progress)
        self.workshop = Workshop(self.origin, store, optimize=request.rewrite == "optimized")
        self._models: dict[tuple[Rewrite, Todo], FloatModel] = {}
        self._entries: dict[Recipe, Entry] = {}
        self._choices, self.comparisons = Choices(self), Comparisons(self)

    @property
    def opened(self) -> Opened:
        """The model, opened."""
        return self.origin.opened

    @property
    def sha256(self) -> str | None:
        """Hash of the model's file or folder; None for a live model."""
        return self.origin.sha256

    @property
    def card(self) -> ModelCard | None:
        """What is known about the model."""
        return self.origin.card

    @cached_property
    def calibration(self) -> Calibration | None:
        """The samples that static ranges are taken from, if there is a source of them."""
        request = self.request
        trained_on = self.card.dataset if self.card is not None else None
        told = (request.calibration, request.dataset, trained_on)
        source = next((each for each in told if each is not None), None)
        if source is None:
            return None
        method = request.calibration_method
        if isinstance(source, Calibration):
            method = source.method if method == "min-max" else method
            return replace(source, on_sample=self._calibrating, method=method)
        shapes = self.origin.float_model.input_shapes if data.is_own(source) else ()
        ranks = [1 + len(shape) for shape in shapes]
        samples = description.calibration(
            source, self.card, count=request.calibration_count, seed=request.seed, ranks=ranks
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

    def model(self, rewrite: Rewrite, recipe: Recipe | None = None) -> FloatModel:
        """Return the model after the steps of ``recipe``, made float TFLite once for all."""
        todo = Todo() if recipe is None else self.todo(recipe)
        if not todo.steps:
            return self.origin.lowered(rewrite)
        key = (rewrite, todo)
        if key not in self._models:
            self._models[key] = self.origin.prepared(self.workshop.after(todo), rewrite)
        return self._models[key]

    @property
    def order(self) -> list[Recipe]:
        """The recipes, those that measure ranges first: what is seen then saves the check runs."""
        return sorted(self.request.chosen, key=lambda recipe: not self.needs_samples(recipe))

    def file(self, recipe: Recipe) -> Path:
        """Return the finished file of ``recipe``, made unless the store holds it."""
        return self.entry(recipe).path / self.file_name(recipe)

    def entry(self, recipe: Recipe) -> Entry:
        """Return the store's entry that holds the finished file of ``recipe``; looked for once."""
        if recipe not in self._entries:
            self._entries[recipe] = self._fetched(recipe)
        return self._entries[recipe]

    def _fetched(self, recipe: Recipe) -> Entry:
        choice = self.choice(recipe)
        card = self._card_of(choice) if self.request.with_card else None
        inputs = {
            **self.origin.key,
            "file": self.file_name(recipe),
            "recipe": asdict(choice.recipe),
            "rewrite": choice.rewrite,
            "precisions": dict(choice.precisions),
            "steps": self.workshop.inputs(self.todo(recipe).steps),
            "calibration": self._calibrated(choice),
            "normalization": None if self.card is None else asdict(self.card.normalization),
            "card": None if card is None else to_json(card),
            "strip": self.request.strip,
            "versions": versions(*MAKERS),
        }

        def build(folder: Path) -> None:
            content = self._choices.content(recipe)
            writing.write(folder / self.file_name(recipe), content, card, strip=self.request.strip)

        return self.store.fetch("convert", inputs, build)

    def choice(self, recipe: Recipe) -> Choice:
        """Return the graph and the recipe that the file of ``recipe`` is made by."""
        return self._choices.of(recipe)

    def graphs(self, recipe: Recipe) -> list[Rewrite]:
        """Return the graphs that the file of ``recipe`` may be made of."""
        return self._choices.graphs(recipe)

    def fidelity(self, recipe: Recipe) -> Fidelity:
        """Return how close the file of ``recipe`` is to the float model; the store keeps it."""
        return self.comparisons.of(recipe)

    def file_name(self, recipe: Recipe) -> str:
        """Return what the file of ``recipe`` is called: ``vit-mnist-static_wi8_ai8.tflite``."""
        return f"{file_name(self.name or self.origin.stem)}-{recipe.name}.tflite"

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
        samples = self._samples(recipe, method)
        model = self.model(rewrite, recipe)
        self.origin.tell("convert", f"converting to {recipe.name}")
        return model.make(recipe, samples, precisions)

    def reliefs(self, recipe: Recipe, rewrite: Rewrite) -> tuple[str, ...]:
        """Return what ``recipe`` may leave in float of one of the model's graphs."""
        return self.model(rewrite).reliefs(recipe, self._samples(recipe))

    def _calibrating(self, done: int, total: int) -> None:
        state: State = "done" if done == total else "working"
        event = Progress(stage="calibrate", done=done, total=total, unit="samples", state=state)
        self.origin.progress(event)

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

    def _samples(
        self, recipe: Recipe, method: CalibrationMethod | None = None
    ) -> Calibration | None:
        """The samples that ``recipe`` uses, if it needs some."""
        samples = self.calibration if self.needs_samples(recipe) else None
        return samples if samples is None or method is None else replace(samples, method=method)

    def _calibrated(self, choice: Choice) -> Mapping[str, Any] | None:
        """What is said about the samples that are used."""
        samples = self._samples(choice.recipe, choice.method)
        return None if samples is None else required(samples, choice.recipe).to_json()

    @cached_property
    def has_own_ranges(self) -> bool:
        """Whether the model carries ranges that somebody trained; kept, for it costs a trace."""
        if self.request.rewrite not in ("auto", "as-is"):
            return False

        def build(folder: Path) -> None:
            write_json(folder / FACTS, {"trained": self.model("as-is").has_trained_ranges})

        entry = self.store.fetch("facts", self.origin.key, build)
        return bool(json.loads((entry.path / FACTS).read_text())["trained"])

    def _card_of(self, choice: Choice) -> ModelCard | None:
        """What the file that is made by ``choice`` says about itself."""
        recipe, used = choice.recipe, versions(*MAKERS)
        if choice.table is not None:
            used["cost table"] = choice.table
        card = self.workshop.card(self.todo(recipe).steps)
        if card is None:
            return None
        return replace(
            card,
            recipe=recipe.name,
            calibration=self._calibrated(choice),
            parent=self.sha256,
            rewrite=choice.rewrite,
            versions={**card.versions, **used},
        )
