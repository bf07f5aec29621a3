"""One lane of a study: from data to converted models that were compared with their reference.

Every stage goes through the store, keyed by the settings and the content that it depends on, and
imports TensorFlow only if it has something to do.
"""

from __future__ import annotations

import json
import shutil
import warnings
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tflconv import conversion, data, models, training, verification
from tflconv.conversion import Calibration, FloatModel
from tflconv.core.files import sha256_file, write_bytes, write_json
from tflconv.core.store import Entry, Store
from tflconv.core.versions import versions
from tflconv.core.workers import Say
from tflconv.data import Dataset
from tflconv.errors import TflconvError, VerificationFailed
from tflconv.inspection import delegation
from tflconv.model.artifact import ModelArtifact, Variant
from tflconv.model.card import require_card
from tflconv.pipeline import retraining
from tflconv.pipeline.plan import ModelPlan, Plan
from tflconv.recipe import Recipe, get
from tflconv.results import Accuracy, MeasuredModel
from tflconv.verification import Verification

if TYPE_CHECKING:
    from tflconv.training.loop import Progress

TRAINERS = ("tflconv", "tensorflow", "tf_keras", "numpy")
QUANTIZERS = ("tflconv", "ai-edge-quantizer", "ai-edge-litert")
RETRAINERS = ("tensorflow-model-optimization",)
RUNTIMES = ("tflconv", "ai-edge-litert", "numpy")

KERAS = "model.keras"
FLOAT = "float.tflite"
LOGITS = "logits.npy"
VERIFICATION = "verification.json"
UNFINISHED = "unfinished"


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A converted model that was compared with its reference and may now be measured."""

    model: MeasuredModel
    path: Path
    accuracy: Accuracy
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """What a lane led to: candidates, and by slug what failed or missed its threshold.

    ``warnings`` are those of the dataset.
    """

    candidates: tuple[Candidate, ...]
    failures: tuple[tuple[str, TflconvError], ...]
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Lane:
    """One model of a plan, and the store that all lanes share."""

    plan: Plan
    model: ModelPlan
    store: Store

    @cached_property
    def dataset(self) -> Dataset:
        """The data of the plan."""
        plan = self.plan
        return data.load(
            plan.dataset, resolution=plan.resolution, channels=plan.channels, seed=plan.seed
        )

    @property
    def recipes(self) -> tuple[str, ...]:
        """What is made of the model; the first is the baseline of the others."""
        return self.model.recipes or self.plan.recipes

    @property
    def seed(self) -> int:
        """The seed of the training."""
        return self.plan.seed if self.model.seed is None else self.model.seed

    def variant(self, recipe: str) -> Variant:
        """The name of what ``recipe`` makes of the model."""
        return Variant(model=self.model.title, dataset=self.dataset.name, recipe=recipe)


def prepare(lane: Lane, say: Say) -> Prepared:
    """Train, convert and verify the model of ``lane``.

    What fails for the whole model is raised; what fails for one recipe is in the answer.
    """
    trained = train(lane, say)
    reference = reference_logits(lane, trained, say)
    float_model = lower(lane, trained, say)
    candidates, failures = list[Candidate](), list[tuple[str, TflconvError]]()
    for name in lane.recipes:
        slug = lane.variant(name).slug
        try:
            make = retrain if get(name).qat else convert
            converted = make(lane, trained, float_model, get(name), say)
            verified = verify(lane, trained, reference, converted, slug, say)
            candidate = _candidate(lane, name, converted, verified)
            candidates.append(candidate)
            verified.check(max_drop=lane.plan.largest_drop)
        except VerificationFailed as missed:
            failures.append((slug, missed))
            candidates[-1] = replace(candidate, warnings=(*candidate.warnings, missed.message))
        except TflconvError as error:
            failures.append((slug, error))
    say(lane.model.title, "ready")
    return Prepared(
        candidates=tuple(candidates), failures=tuple(failures), warnings=lane.dataset.warnings
    )


def train(lane: Lane, say: Say) -> Entry:
    """The trained model as ``model.keras``; an interrupted training goes on where it was."""
    config = replace(lane.model.training, seed=lane.seed)
    inputs = {
        "dataset": lane.dataset.digest,
        "model": lane.model.model,
        "options": dict(lane.model.options),
        "training": asdict(config),
        "versions": versions(*TRAINERS),
    }
    unfinished = lane.store.root / UNFINISHED / lane.store.key("train", inputs) / KERAS

    def build(folder: Path) -> None:
        say(lane.model.title, "starting TensorFlow")
        training.train(
            lane.dataset,
            lane.model.model,
            config,
            unfinished,
            options=lane.model.options,
            progress=lambda now: say(lane.model.title, _told(now)),
        )
        unfinished.replace(folder / KERAS)
        shutil.rmtree(unfinished.parent)

    return lane.store.fetch("train", inputs, build)


def reference_logits(lane: Lane, trained: Entry, say: Say) -> Entry:
    """What the Keras model says about the test split, as ``logits.npy``."""
    inputs = {
        "model": trained.digest,
        "dataset": lane.dataset.digest,
        "versions": versions(*TRAINERS),
    }

    def build(folder: Path) -> None:
        say(lane.model.title, "asking Keras about the test split")
        images = lane.dataset.test.images
        np.save(folder / LOGITS, verification.reference_logits(trained.path / KERAS, images))

    return lane.store.fetch("reference", inputs, build)


def lower(lane: Lane, trained: Entry, say: Say) -> Entry:
    """The float graph as ``float.tflite``: traced, frozen and lowered once for all recipes."""
    graph = lane.plan.rewrite
    inputs = {"model": trained.digest, "graph": graph, "versions": versions(*TRAINERS)}

    def build(folder: Path) -> None:
        say(lane.model.title, "tracing")
        path = trained.path / KERAS
        found = _rewritten(path) if graph == "optimized" else conversion.prepare(path)
        write_bytes(folder / FLOAT, found.content)

    return lane.store.fetch("lower", inputs, build)


def convert(lane: Lane, trained: Entry, float_model: Entry, recipe: Recipe, say: Say) -> Entry:
    """The ``.tflite`` file of ``recipe``, named by its slug."""
    pictures = _calibration(lane, trained) if recipe.needs_calibration else None
    inputs = {
        "model": float_model.digest,
        "card": trained.digest,
        "recipe": asdict(recipe),
        "calibration": pictures.to_json() if pictures else None,
        "slug": lane.variant(recipe.name).slug,
        "versions": versions(*QUANTIZERS),
    }

    def build(folder: Path) -> None:
        say(lane.model.title, f"converting to {recipe.name}")
        path = trained.path / KERAS
        optimized = lane.plan.rewrite == "optimized"
        source = _rewritten(path) if optimized else _opened(lane, trained, float_model)
        _write(lane, source, recipe, folder, pictures)

    return lane.store.fetch("convert", inputs, build)


def retrain(lane: Lane, trained: Entry, float_model: Entry, recipe: Recipe, say: Say) -> Entry:
    """The ``.tflite`` file of a ``recipe`` that trains the model with its rounding first."""
    config = replace(lane.plan.qat, seed=lane.seed)
    optimize = lane.plan.rewrite == "optimized"
    inputs = {
        "model": trained.digest,
        "dataset": lane.dataset.digest,
        "recipe": asdict(recipe),
        "qat": asdict(config),
        "optimize": optimize,
        "slug": lane.variant(recipe.name).slug,
        "versions": versions(*TRAINERS, *RETRAINERS, *QUANTIZERS),
    }

    def told(epoch: int, loss: float) -> None:
        say(lane.model.title, f"qat: epoch {epoch + 1} of {config.epochs}, loss {loss:.3f}")

    def build(folder: Path) -> None:
        say(lane.model.title, f"training for {recipe.name}")
        path = trained.path / KERAS
        card = require_card(path)
        retrained = retraining.train_for_int8(
            path, lane.dataset, card, config, optimize=optimize, told=told
        )
        source = replace(_opened(lane, trained, float_model), retrained=retrained)
        _write(lane, source, recipe, folder)

    return lane.store.fetch("qat", inputs, build)


def verify(
    lane: Lane, trained: Entry, reference: Entry, converted: Entry, slug: str, say: Say
) -> Verification:
    """Compare the converted model with its reference over the test split."""
    inputs = {
        "reference": reference.digest,
        "target": converted.digest,
        "dataset": lane.dataset.digest,
        "versions": versions(*RUNTIMES),
    }

    def build(folder: Path) -> None:
        say(lane.model.title, f"verifying {slug}")
        found = verification.verify(
            trained.path / KERAS,
            converted.path / f"{slug}.tflite",
            lane.dataset,
            reference_scores=np.load(reference.path / LOGITS),
        )
        write_json(folder / VERIFICATION, found.to_json())

    entry = lane.store.fetch("verify", inputs, build)
    return Verification.from_json(json.loads((entry.path / VERIFICATION).read_text()))


def _rewritten(path: Path) -> FloatModel:
    from tflconv.conversion import optimized

    return optimized.prepare(path)


def _opened(lane: Lane, trained: Entry, float_model: Entry) -> FloatModel:
    return FloatModel(
        content=(float_model.path / FLOAT).read_bytes(),
        name=lane.model.title,
        card=require_card(trained.path / KERAS),
        parent=sha256_file(trained.path / KERAS),
    )


def _write(
    lane: Lane,
    source: FloatModel,
    recipe: Recipe,
    folder: Path,
    pictures: Calibration | None = None,
) -> None:
    stem = lane.variant(recipe.name).slug.removesuffix(f"-{recipe.name}")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the candidate carries what there is to say
        conversion.convert(source, [recipe], folder, calibration=pictures, name=stem)


def _candidate(lane: Lane, recipe: str, converted: Entry, verified: Verification) -> Candidate:
    variant = lane.variant(recipe)
    artifact = ModelArtifact.of(converted.path / f"{variant.slug}.tflite")
    shape, classes = lane.dataset.test.images.shape[1:], len(lane.dataset.classes)
    cost = models.cost(lane.model.model, shape, classes, **lane.model.options)
    return Candidate(
        model=MeasuredModel(
            slug=variant.slug,
            name=variant.model,
            recipe=recipe,
            dataset=variant.dataset,
            sha256=artifact.sha256,
            bytes=artifact.bytes,
            baseline=lane.variant(lane.recipes[0]).slug,
            parameters=cost.parameters,
            macs=cost.macs,
        ),
        path=artifact.path,
        accuracy=verified.to_accuracy(),
        warnings=tuple(delegation.warn_if_slower(artifact.path)[:1]),
    )


def _calibration(lane: Lane, trained: Entry) -> Calibration:
    card = require_card(trained.path / KERAS)
    count, seed = lane.plan.calibration.count, lane.plan.seed
    pictures = data.calibration(lane.dataset, count, seed=seed)
    return Calibration.of_pictures(pictures, card.normalization, seed=seed)


def _told(now: Progress) -> str:
    accuracy = "" if now.accuracy is None else f", validation {now.accuracy:.1%}"
    return f"training: epoch {now.epoch} of {now.epochs}{accuracy}"
