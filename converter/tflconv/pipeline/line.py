"""One model on its way to its ``.tflite`` files; everything that recipes share is made once.

The model is opened once, its graph rewritten and lowered once for each way of rewriting it, samples
are read and ranges measured once. What a step of training has learned, and each finished file, is
an entry of a store: nothing is opened where the store holds what is asked for.
"""

from __future__ import annotations

import json
import uuid
import warnings
from collections.abc import Mapping
from dataclasses import asdict, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from tflconv import conversion, data
from tflconv.compression import QatConfig, technique
from tflconv.compression.technique import Subject
from tflconv.conversion import Calibration, FloatModel, Rewrite, description, tracing, writing
from tflconv.conversion.tracing import FrozenGraph
from tflconv.core.files import sha256_file, sha256_path, write_json
from tflconv.core.progress import Callback, Progress, silent
from tflconv.core.store import Entry, Store
from tflconv.core.text import file_name
from tflconv.core.versions import versions
from tflconv.data import Dataset
from tflconv.data.outputs import listed
from tflconv.errors import UsageError
from tflconv.model.card import ModelCard, read_card, to_json
from tflconv.model.normalization import NAMED
from tflconv.network.keras.opened import Opened, open_once
from tflconv.pipeline.answers import Reference
from tflconv.pipeline.fidelity import Fidelity
from tflconv.pipeline.requests import ConversionRequest
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
    """

    def __init__(
        self, request: ConversionRequest, store: Store, progress: Callback = silent
    ) -> None:
        self.request, self.store, self.progress = request, store, progress
        self.name = request.name
        self._models: dict[tuple[Rewrite, tuple[Step, ...]], FloatModel] = {}
        self._trained: dict[tuple[Step, ...], Opened] = {}
        self._references: dict[tuple[Rewrite, tuple[Step, ...]], Reference] = {}

    @cached_property
    def opened(self) -> Opened:
        """The model, opened."""
        model = self.request.model
        self._tell("open", f"opening {model.name}")
        request = self.request
        return open_once(
            model,
            custom_objects=request.custom_objects,
            signature=request.signature,
            resolution=request.resolution,
        )

    @cached_property
    def sha256(self) -> str | None:
        """Hash of the model's file or folder; None for a live model."""
        model = self.request.model
        return sha256_path(model) if isinstance(model, Path) and model.exists() else None

    @cached_property
    def card(self) -> ModelCard | None:
        """What is known about the model: what it says, changed by what the request says.

        Outputs without names are called as the classes of the pictures, if the counts fit.
        """
        told = self._told_card
        if told is None or told.labels or not (classes := self._fitting_classes):
            return told
        warnings.warn(
            f"{told.model} does not name its outputs; they are taken to be {listed(classes)} in"
            " this order. Name them with --labels FILE.",
            stacklevel=2,
        )
        return replace(told, labels=classes)

    @property
    def _fitting_classes(self) -> tuple[str, ...]:
        """The classes of the pictures that were named, if the model has as many outputs."""
        named = (self.request.dataset, self.request.calibration)
        for source in named:
            classes = data.class_names(source) if isinstance(source, str) else ()
            if classes and self._float.outputs == [len(classes)]:
                return classes
        return ()

    @cached_property
    def _told_card(self) -> ModelCard | None:
        request, own = self.request, self._own_card
        if own is not None and not (request.normalize or request.resize or request.labels):
            return own
        return description.describe(
            self._float,
            own,
            normalize=request.normalize,
            resize=request.resize,
            labels=request.labels,
        )

    @cached_property
    def calibration(self) -> Calibration | None:
        """The samples that static ranges are taken from, if there is a source of them."""
        request = self.request
        trained_on = self.card.dataset if self.card is not None else None
        told = (request.calibration, request.dataset, trained_on)
        source = next((each for each in told if each is not None), None)
        if source is None or isinstance(source, Calibration):
            return source
        shapes = self._float.input_shapes if data.is_own(source) else ()
        ranks = [1 + len(shape) for shape in shapes]
        return description.calibration(
            source, self.card, count=request.calibration_count, seed=request.seed, ranks=ranks
        )

    @cached_property
    def pictures(self) -> Dataset:
        """The labelled pictures that steps learn from.

        Raises:
            UsageError: It is not known which they are, or how they become inputs.
        """
        if self.card is None:
            raise UsageError(
                "training before the conversion needs pictures, normalized as the model was"
                " trained.",
                hint=f"Say how: --normalize {', '.join(NAMED)} or MEAN,STD.",
            )
        pictures = data.load_for(self.card, self.request.dataset, seed=self.request.seed)
        pictures.warn()
        return pictures

    @property
    def _float(self) -> FloatModel:
        return self.model(self.request.rewrite)

    def model(self, rewrite: Rewrite, steps: tuple[Step, ...] = ()) -> FloatModel:
        """Return the model after ``steps``, made float TFLite once for all recipes."""
        key = (rewrite, steps)
        if key not in self._models:
            opened = self.trained(steps)
            self._tell("lower", "tracing")
            made = conversion.prepare(opened, rewrite, resolution=self.request.resolution)
            for outcome in made.outcomes:
                self._tell("rewrite", str(outcome))
            self._models[key] = made
        return self._models[key]

    def trained(self, steps: tuple[Step, ...]) -> Opened:
        """Return the opened model after ``steps``; what each has learned is kept in the store."""
        if not steps:
            return self.opened
        if steps not in self._trained:
            subject = self._subject(steps)
            using = technique.technique_of(subject.step).using(subject.config)
            self._trained[steps] = using.load(subject, self._learned(subject, steps).path)
        return self._trained[steps]

    def file(self, recipe: Recipe) -> Path:
        """Return the finished file of ``recipe``, made unless the store holds it."""
        return self.entry(recipe).path / self.file_name(recipe)

    def entry(self, recipe: Recipe) -> Entry:
        """Return the store's entry that holds the finished file of ``recipe``."""
        card = self._card_of(recipe) if self.request.with_card else None
        inputs = {
            **self._origin,
            "file": self.file_name(recipe),
            "recipe": asdict(recipe),
            "rewrite": self._rewrite(recipe),
            "steps": self._step_inputs(recipe.steps) if self._trains(recipe) else [],
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
            **self._origin,
            "file": self.entry(recipe).digest,
            "steps": self._step_inputs(steps) if steps else [],
            "samples": {"noise": request.seed} if seen is None else seen.to_json(),
            "versions": versions(*MAKERS),
        }

        def build(folder: Path) -> None:
            reference = self._reference(recipe, steps)
            self._tell("check", f"comparing {recipe.name} with the float model")
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
        return f"{file_name(self._stem)}-{recipe.name}.tflite"

    def _content(self, recipe: Recipe) -> bytes:
        steps = recipe.steps if self._trains(recipe) else ()
        samples = self.calibration if self._needs_samples(recipe) else None
        model = self.model(self._rewrite(recipe), steps)
        self._tell("convert", f"converting to {recipe.name}")
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
        known = self.model(rewrite, steps) if steps else self._models.get((rewrite, steps))
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

        entry = self.store.fetch("facts", self._origin, build)
        return bool(json.loads((entry.path / FACTS).read_text())["trained"])

    def _subject(self, steps: tuple[Step, ...]) -> Subject[QatConfig]:
        return Subject(
            model=self.trained(steps[:-1]),
            step=steps[-1],
            config=self._config(steps[-1]),
            optimize=self.request.rewrite == "optimized",
        )

    def _config(self, step: Step) -> QatConfig:
        config: QatConfig = getattr(self.request, step.technique)
        return replace(config, seed=self.request.seed)

    def _learned(self, subject: Subject[QatConfig], steps: tuple[Step, ...]) -> Entry:
        from tflconv.compression.examples import Examples, check_tells_apart

        row = technique.technique_of(subject.step)
        inputs = {**self._origin, "steps": self._step_inputs(steps), "optimize": subject.optimize}

        def build(folder: Path) -> None:
            self._tell(row.name, f"training for {'_'.join(map(str, steps))}")
            labels = self._labels
            check_tells_apart(self.opened.source, self.pictures, labels)
            examples = Examples.of(self.pictures, replace(self._known_card, labels=labels))
            row.using(subject.config).train(subject, examples, folder, self.progress)

        inputs |= {"versions": versions(*row.packages)}
        return self.store.fetch(row.name, inputs, build)

    def _step_inputs(self, steps: tuple[Step, ...]) -> list[dict[str, Any]]:
        """What decides what ``steps`` learn, besides the model."""
        shared = {"dataset": self.pictures.digest, "labels": self._labels}
        normalization = asdict(self._known_card.normalization)
        return [
            {"step": str(step), **asdict(self._config(step)), **shared, **normalization}
            for step in steps
        ]

    @property
    def _known_card(self) -> ModelCard:
        assert self.card is not None  # without one there are no pictures to learn from
        return self.card

    @property
    def _labels(self) -> tuple[str, ...]:
        return self._known_card.labels or tuple(self.pictures.classes)

    def _card_of(self, recipe: Recipe) -> ModelCard | None:
        """What the file of ``recipe`` says about itself."""
        if self._trains(recipe):
            card: ModelCard | None = self._card_after(recipe)
        else:
            card = self.card
        if card is None:
            return None
        return replace(
            card,
            recipe=recipe.name,
            calibration=self._calibrated(recipe),
            parent=self.sha256,
            versions={**card.versions, **versions(*MAKERS)},
        )

    def _card_after(self, recipe: Recipe) -> ModelCard:
        """The card after the steps of ``recipe``: what the model learned, and from what."""
        pictures = self.pictures
        seen = {"dataset": pictures.name, "dataset_digest": pictures.digest}
        training, used = dict(self._known_card.training), dict(self._known_card.versions)
        for step in recipe.steps:
            training[step.technique] = {**asdict(self._config(step)), **seen}
            used |= versions(*technique.technique_of(step).packages)
        return replace(self._known_card, labels=self._labels, training=training, versions=used)

    @cached_property
    def _own_card(self) -> ModelCard | None:
        model = self.request.model
        return read_card(model) if isinstance(model, Path) and model.is_file() else None

    @property
    def _stem(self) -> str:
        if self.name is not None:
            return self.name
        card = self._own_card
        if card is not None and card.dataset is not None:
            return f"{card.model}-{card.dataset}"
        model = self.request.model
        return str(model.stem if isinstance(model, Path) else model.name)

    @cached_property
    def _origin(self) -> dict[str, Any]:
        """What an entry depends on before anything is done to the model; no two live ones agree."""
        code = self.request.custom_objects
        return {
            "model": self.sha256 or f"live {uuid.uuid4().hex}",
            "custom_objects": None if code is None else sha256_file(code),
            "resolution": self.request.resolution,
            "signature": self.request.signature,
        }

    def _tell(self, stage: str, message: str) -> None:
        self.progress(Progress(stage=stage, message=message))
