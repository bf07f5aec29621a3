"""One model on its way to its ``.tflite`` files; everything that recipes share is made once.

The model is opened once (``origin``), what steps have made of it is kept (``steps``), its graph is
rewritten and lowered once for each way of rewriting it, samples are read and ranges measured once.
Each finished file is an entry of a store: nothing is opened where it holds what is asked for.
"""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from tflconv.conversion import writing
from tflconv.core.files import write_json
from tflconv.core.progress import Callback, silent
from tflconv.core.store import Entry, Store
from tflconv.core.text import file_name
from tflconv.core.versions import versions
from tflconv.model.card import ModelCard, to_json
from tflconv.network.keras.opened import Opened
from tflconv.pipeline.choices import Choices
from tflconv.pipeline.choosing import Choice
from tflconv.pipeline.comparisons import Comparisons
from tflconv.pipeline.fidelity import Fidelity
from tflconv.pipeline.maker import FACTS, MAKERS, Maker
from tflconv.pipeline.requests import ConversionRequest
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
    """

    def __init__(
        self, request: ConversionRequest, store: Store, progress: Callback = silent
    ) -> None:
        self.request, self.store = request, store
        self.name = request.name
        self._maker = Maker(request, store, progress)
        self.origin = self._maker.origin
        self._comparisons = Comparisons(self._maker)
        self._choices = Choices(self._maker, self._comparisons)
        self._entries: dict[Recipe, Entry] = {}

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

    @property
    def order(self) -> list[Recipe]:
        """The recipes, those that measure ranges first: what is seen then saves the check runs."""
        return sorted(self.request.chosen, key=lambda recipe: not self._maker.needs_samples(recipe))

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
            "steps": self._steps(recipe),
            "calibration": self._maker.calibrated(choice.recipe, choice.method),
            "normalization": self.origin.normalization,
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

    def fidelity(self, recipe: Recipe) -> Fidelity:
        """Return how close the file of ``recipe`` is to the float model; the store keeps it."""
        fidelity = self.choice(recipe).fidelity
        if fidelity is not None:
            return fidelity
        inputs = {
            **self.origin.key,
            "file": self.entry(recipe).digest,
            "steps": self._steps(recipe),
            "samples": self._comparisons.samples_seen,
            "labelled": self._comparisons.pictures_seen,
            "versions": versions(*MAKERS),
        }

        def build(folder: Path) -> None:
            judged = self._comparisons.judged(recipe, self.file(recipe))
            write_json(folder / FACTS, judged.to_json())

        entry = self.store.fetch("fidelity", inputs, build)
        return Fidelity.from_json(json.loads((entry.path / FACTS).read_text()))

    def file_name(self, recipe: Recipe) -> str:
        """Return what the file of ``recipe`` is called: ``vit-mnist-static_wi8_ai8.tflite``."""
        return f"{file_name(self.name or self.origin.stem)}-{recipe.name}.tflite"

    def _steps(self, recipe: Recipe) -> list[dict[str, Any]]:
        """What is said about the steps that ``recipe`` has still to do."""
        return self._maker.workshop.inputs(self._maker.todo(recipe).steps)

    def _card_of(self, choice: Choice) -> ModelCard | None:
        """What the file that is made by ``choice`` says about itself."""
        recipe, used = choice.recipe, versions(*MAKERS)
        if choice.table is not None:
            used["cost table"] = choice.table
        card = self._maker.workshop.card(self._maker.todo(recipe).steps)
        if card is None:
            return None
        return replace(
            card,
            recipe=recipe.name,
            calibration=self._maker.calibrated(choice.recipe, choice.method),
            parent=self.sha256,
            rewrite=choice.rewrite,
            versions={**card.versions, **used},
        )
