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
from tflconv.conversion import Calibration, FloatModel, Rewrite, description, tracing, writing
from tflconv.conversion.tracing import FrozenGraph
from tflconv.core.files import write_json
from tflconv.core.progress import Callback, silent
from tflconv.core.store import Entry, Store
from tflconv.core.text import file_name
from tflconv.core.versions import versions
from tflconv.model.card import ModelCard, to_json
from tflconv.network.keras.opened import Opened
from tflconv.pipeline.answers import Reference
from tflconv.pipeline.fidelity import Fidelity
from tflconv.pipeline.origin import Origin
from tflconv.pipeline.requests import ConversionRequest
from tflconv.pipeline.steps import Workshop
from tflconv.recipe import Recipe, Step

FACTS = "facts.json"
MAKERS = ("tflconv", "tensorflow", "litert-quantizer", "ai-edge-litert")


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
        self._models: dict[tuple[Rewrite, tuple[Step, ...]], FloatModel] = {}
        self._references: dict[tuple[Rewrite, tuple[Step, ...]], Reference] = {}

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
        if source is None or isinstance(source, Calibration):
            return source
        shapes = self.origin.float_model.input_shapes if data.is_own(source) else ()
        ranks = [1 + len(shape) for shape in shapes]
        return description.calibration(
            source, self.card, count=request.calibration_count, seed=request.seed, ranks=ranks
        )

    def model(self, rewrite: Rewrite, steps: tuple[Step, ...] = ()) -> FloatModel:
        """Return the model after ``steps``, made float TFLite once for all recipes."""
        if not steps:
            return self.origin.lowered(rewrite)
        key = (rewrite, steps)
        if key not in self._models:
            self._models[key] = self.origin.prepared(self.workshop.after(steps), rewrite)
        return self._models[key]

    def file(self, recipe: Recipe) -> Path:
        """Return the finished file of ``recipe``, made unless the store holds it."""
        return self.entry(recipe).path / self.file_name(recipe)

    def entry(self, recipe: Recipe) -> Entry:
        """Return the store's entry that holds the finished file of ``recipe``."""
        card = self._card_of(recipe) if self.request.with_card else None
        inputs = {
            **self.origin.key,
            "file": self.file_name(recipe),
            "recipe": asdict(recipe),
            "rewrite": self._rewrite(recipe),
            "steps": self.workshop.inputs(recipe.steps) if self._trains(recipe) else [],
            "calibration": self._calibrated(recipe),
            "normalization": None if self.card is None else asdict(self.card.normalization),
            "card": None if card is None else to_json(card),
            "strip": self.request.strip,
            "versions": versions(*MAKERS),
        }

        def build(folder: Path) -> None:
            content = self._content(recipe)
            writing.write(folder / self.file_name(recipe), content, card, strip=self.request.strip)

        return self.store.fetch("convert", inputs, build)

    def fidelity(self, recipe: Recipe) -> Fidelity:
        """Return how close the file of ``recipe`` is to the float model; the store keeps it."""
        steps = recipe.steps if self._trains(recipe) else ()
        request = self.request
        known = request.calibration is not None or any(map(self._has_samples, request.chosen))
        seen = self.calibration if known else None
        inputs = {
            **self.origin.key,
            "file": self.entry(recipe).digest,
            "steps": self.workshop.inputs(steps) if steps else [],
            "samples": {"noise": request.seed} if seen is None else seen.to_json(),
            "versions": versions(*MAKERS),
        }

        def build(folder: Path) -> None:
            reference = self._reference(recipe, steps)
            self.origin.tell("check", f"comparing {recipe.name} with the float model")
            measured = reference.measure(
                self.file(recipe),
                calibration=seen,
                card=self.card,
                seed=request.seed,
            )
            write_json(folder / FACTS, measured.to_json())

        entry = self.store.fetch("fidelity", inputs, build)
        return Fidelity.from_json(json.loads((entry.path / FACTS).read_text()))

    def file_name(self, recipe: Recipe) -> str:
        """Return what the file of ``recipe`` is called: ``vit-mnist-static_wi8_ai8.tflite``."""
        return f"{file_name(self.name or self.origin.stem)}-{recipe.name}.tflite"

    def _content(self, recipe: Recipe) -> bytes:
        steps = recipe.steps if self._trains(recipe) else ()
        samples = self.calibration if self._needs_samples(recipe) else None
        model = self.model(self._rewrite(recipe), steps)
        self.origin.tell("convert", f"converting to {recipe.name}")
        return model.make(recipe, samples)

    def _reference(self, recipe: Recipe, steps: tuple[Step, ...]) -> Reference:
        """The float model that the file of ``recipe`` is held against, not rewritten if it can be.

        What steps have trained is compared as they left it, for it is meant to be another model.
        """
        rewrite = self._rewrite(recipe) if steps else "as-is"
        key: tuple[Rewrite, tuple[Step, ...]] = (rewrite, steps)
        if key not in self._references:
            self._references[key] = Reference(self._float_model(*key))
        return self._references[key]

    def _float_model(self, rewrite: Rewrite, steps: tuple[Step, ...]) -> FrozenGraph | Path:
        if not steps and self.opened.is_tflite:
            assert self.opened.path is not None
            return self.opened.path
        known = self.model(rewrite, steps) if steps else self.origin.known(rewrite)
        if known is not None and known.graph is not None:
            return known.graph
        return tracing.freeze(self.opened.source, resolution=self.request.resolution)

    def _has_samples(self, recipe: Recipe) -> bool:
        return self._needs_samples(recipe) or self._trains(recipe)

    def _rewrite(self, recipe: Recipe) -> Rewrite:
        return "unfused" if recipe.unfused else self.request.rewrite

    def _trains(self, recipe: Recipe) -> bool:
        """Whether steps of ``recipe`` are still to do: a model may come with trained ranges."""
        return bool(recipe.steps) and not self._has_own_ranges

    def _needs_samples(self, recipe: Recipe) -> bool:
        return recipe.needs_ranges and not technique.trains_ranges(recipe)

    def _calibrated(self, recipe: Recipe) -> Mapping[str, Any] | None:
        """What is said about the samples that ``recipe`` uses."""
        samples = self.calibration if self._needs_samples(recipe) else None
        return None if samples is None else samples.to_json()

    @cached_property
    def _has_own_ranges(self) -> bool:
        """Whether the model carries ranges that somebody trained; kept, for it costs a trace."""
        if self.request.rewrite != "as-is":
            return False

        def build(folder: Path) -> None:
            write_json(folder / FACTS, {"trained": self.model("as-is").has_trained_ranges})

        entry = self.store.fetch("facts", self.origin.key, build)
        return bool(json.loads((entry.path / FACTS).read_text())["trained"])

    def _card_of(self, recipe: Recipe) -> ModelCard | None:
        """What the file of ``recipe`` says about itself."""
        card = self.workshop.card(recipe.steps if self._trains(recipe) else ())
        if card is None:
            return None
        return replace(
            card,
            recipe=recipe.name,
            calibration=self._calibrated(recipe),
            parent=self.sha256,
            versions={**card.versions, **versions(*MAKERS)},
        )
