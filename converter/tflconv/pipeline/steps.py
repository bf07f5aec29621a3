"""The steps of a recipe, done to a model one after another; each is an entry of the store.

An entry depends on the model, on the steps up to its own with their settings, and on the pictures,
so recipes and commands that begin with the same steps share them.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from tflconv.compression import settings, technique
from tflconv.compression.config import StepConfig
from tflconv.compression.technique import ModelTechnique, NetworkTechnique, Subject, Teaching
from tflconv.compression.weight_config import DistillStepConfig
from tflconv.core.files import sha256_path
from tflconv.core.store import Entry, Store
from tflconv.core.versions import versions
from tflconv.errors import UsageError
from tflconv.model.card import ModelCard
from tflconv.network.keras.opened import Opened, open_once
from tflconv.pipeline.origin import Origin
from tflconv.recipe import Step

KERAS = "model.keras"
UNFINISHED = "unfinished"

Steps = tuple[Step, ...]


@dataclass(frozen=True, kw_only=True)
class Todo:
    """What a recipe does to a model before it is quantized.

    Attributes:
        steps: Its steps, in their order.
        selective: Whether the last one trains for a selective scheme.
    """

    steps: Steps = ()
    selective: bool = False


class Workshop:
    """What is done to the model of ``origin`` before it is quantized.

    Args:
        origin: The model.
        store: Where what was made is kept.
        optimize: Whether network techniques may change what outputs mean (``Subject.optimize``).
    """

    def __init__(self, origin: Origin, store: Store, *, optimize: bool = False) -> None:
        self.origin, self.store, self.optimize = origin, store, optimize
        self._opened: dict[Todo, Opened] = {}

    def after(self, todo: Todo) -> Opened:
        """Return the opened model after ``todo``."""
        if not todo.steps:
            return self.origin.opened
        if todo not in self._opened:
            self._opened[todo] = self._load(todo)
        return self._opened[todo]

    def file(self, steps: Steps) -> Path:
        """Return the Keras file that model techniques have made, which is in the store."""
        return self._entry(Todo(steps=steps)).path / KERAS

    def inputs(self, steps: Steps) -> list[dict[str, Any]]:
        """Return what decides what ``steps`` make, besides the model."""
        return [
            {"step": str(step), **self._settings(step), **self._seen_by(step, steps)}
            for step in steps
        ]

    def _settings(self, step: Step) -> dict[str, Any]:
        """The settings of ``step``, and the hashes of files that they name."""
        config = self.config(step)
        hashes = {f"{name}_sha256": sha256_path(path) for name, path in config.files.items()}
        return asdict(config) | hashes

    def config(self, step: Step) -> StepConfig:
        """Return the settings of ``step``, with the seed of the request."""
        return settings.seeded(self.origin.request.config_of(step), self.origin.request.seed)

    def card(self, steps: Steps) -> ModelCard | None:
        """Return the card after ``steps``: what the model learned, and from what."""
        card = self.origin.card
        if card is None or not steps:
            return card
        training, used = dict(card.training), dict(card.versions)
        for step in steps:
            training[str(step)] = {**self._settings(step), **self._told_of(step)}
            used |= versions(*technique.technique_of(step).packages)
        learns = any(self._learns(step) for step in steps)
        labels = self._labels(steps) if learns else card.labels
        return replace(card, labels=labels, training=training, versions=used)

    def _load(self, todo: Todo) -> Opened:
        entry, subject = self._entry(todo), self._subject(todo)
        row = technique.technique_of(subject.step)
        if isinstance(row, NetworkTechnique):
            return row.using(subject.config).load(subject, entry.path)
        before = self.origin.opened
        loaded = open_once(
            entry.path / KERAS,
            custom_objects=before.custom_objects,
            resolution=before.resolution,
        )
        loaded.name = before.name
        return loaded

    def _entry(self, todo: Todo) -> Entry:
        steps = todo.steps
        row, config = technique.technique_of(steps[-1]), self.config(steps[-1])
        inputs = {**self.origin.key, "steps": self.inputs(steps)}
        if isinstance(row, NetworkTechnique):
            inputs["optimize"] = self.optimize
            inputs |= {"selective": True} if todo.selective else {}
        inputs["versions"] = versions(*row.packages)

        def build(folder: Path) -> None:
            self.origin.tell(row.name, f"making {'_'.join(map(str, steps))}")
            subject = self._subject(todo)
            if isinstance(row, NetworkTechnique):
                row.using(config).train(
                    subject, self._examples(steps), folder, self.origin.progress
                )
            elif isinstance(row, ModelTechnique):
                self._compress(row, subject, steps, folder, self.store.key(row.name, inputs))

        return self.store.fetch(row.name, inputs, build)

    def _compress(
        self,
        row: ModelTechnique[Any],
        subject: Subject[Any],
        steps: Steps,
        folder: Path,
        key: str,
    ) -> None:
        import shutil

        from tflconv.training.saving import write_model

        unfinished = self.store.root / UNFINISHED / key
        examples = self._examples(steps) if self._learns(steps[-1]) else None
        module = row.using(subject.config)
        model = module.compress(subject, examples, unfinished, self.origin.progress)
        card = self.card(steps)
        if card is not None:
            facts = _read(unfinished / technique.FACTS)
            before = {} if subject.model.card is None else subject.model.card.training
            training = {
                **card.training,
                **before,
                str(steps[-1]): {**facts, **_training_of(card, steps[-1])},
            }
            name = "_".join(map(str, steps))
            card = replace(card, training=training, recipe=name, parent=self.origin.sha256)
        write_model(folder / KERAS, model, card)
        shutil.rmtree(unfinished, ignore_errors=True)

    def _subject(self, todo: Todo) -> Subject[Any]:
        *before, last = todo.steps
        return Subject(
            model=self.after(Todo(steps=tuple(before))),
            step=last,
            config=self.config(last),
            optimize=self.optimize,
            selective=todo.selective,
            teaching=self._teaching(todo.steps),
        )

    def _teaching(self, steps: Steps) -> Teaching | None:
        """The teacher of the last of ``steps``: that of the last ``distill`` among them."""
        configs = [self.config(step) for step in reversed(steps)]
        config = next((each for each in configs if isinstance(each, DistillStepConfig)), None)
        if config is None:
            return None
        if not config.teacher:
            return Teaching(model=self.origin.opened, config=config.distillation)
        code = self.origin.opened.custom_objects
        model = open_once(Path(config.teacher), custom_objects=code)
        return Teaching(model=model, config=config.distillation)

    def _examples(self, steps: Steps) -> Any:
        from tflconv.compression.examples import Examples, check_tells_apart

        origin, labels = self.origin, self._labels(steps)
        if not self._has_new_head(steps):
            check_tells_apart(origin.opened.source, origin.pictures, labels)
        return Examples.of(origin.pictures, replace(origin.known_card, labels=labels))

    def _labels(self, steps: Steps) -> tuple[str, ...]:
        """Names of the outputs after ``steps``: the classes of the pictures where the head is new.

        Raises:
            UsageError: The head is made new by another step than the first, so that those before
                would have learned other classes than the model has.
        """
        origin = self.origin
        return tuple(origin.pictures.classes) if self._has_new_head(steps) else origin.labels

    def _has_new_head(self, steps: Steps) -> bool:
        renews = [getattr(self.config(step), "head", "kept") == "new" for step in steps]
        if any(renews[1:]):
            raise UsageError(
                f"{steps[renews.index(True)]} makes a new head, for other classes than those that"
                f" {steps[0]} sees.",
                hint="Let it be the first of the steps.",
            )
        return any(renews)

    def _learns(self, step: Step) -> bool:
        return technique.technique_of(step).needs_pictures(self.config(step))

    def _seen_by(self, step: Step, steps: Steps) -> dict[str, Any]:
        """What decides what ``step`` sees of the pictures."""
        if not self._learns(step):
            return {}
        origin = self.origin
        pictures = origin.pictures
        normalization = asdict(origin.known_card.normalization)
        return {"dataset": pictures.digest, "labels": self._labels(steps), **normalization}

    def _told_of(self, step: Step) -> dict[str, Any]:
        if not self._learns(step):
            return {}
        return {"dataset": self.origin.pictures.name, "dataset_digest": self.origin.pictures.digest}


def _training_of(card: ModelCard, step: Step) -> dict[str, Any]:
    facts = card.training[str(step)]
    return dict(facts) if isinstance(facts, dict) else {}


def _read(path: Path) -> dict[str, Any]:
    facts: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    return facts
