"""One model of a study: trained, converted, and compared with its reference.

Every stage goes through the store, keyed by the settings and the content that it depends on, and
imports TensorFlow only if it has something to do.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import asdict, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from tflconv import data, models, verification
from tflconv.benchmark.testset import PackedSet
from tflconv.core import telling
from tflconv.core.files import sha256_path, write_json
from tflconv.core.jsonvalue import JsonValue
from tflconv.core.progress import Callback, Progress, State, about, working
from tflconv.core.store import Entry
from tflconv.core.text import file_name
from tflconv.core.versions import versions
from tflconv.data import Dataset
from tflconv.errors import TflconvError, UsageError, VerificationFailed
from tflconv.inspection.inspect import inspect
from tflconv.model.artifact import ModelArtifact, Variant
from tflconv.model.card import to_json
from tflconv.model.normalization import NAMED
from tflconv.pipeline import known_models, promises, training
from tflconv.pipeline.fidelity import Fidelity
from tflconv.pipeline.golden import Contracts
from tflconv.pipeline.line import Line
from tflconv.pipeline.measuring import check_scores, packed
from tflconv.pipeline.prepared import Candidate, Prepared
from tflconv.pipeline.requests import TrainingRequest
from tflconv.pipeline.steps import KERAS, UNFINISHED
from tflconv.pipeline.study_model import StudyModel
from tflconv.recipe import Recipe
from tflconv.results import MeasuredModel
from tflconv.verification import Verification, metrics, parse_share

TRAINERS = ("tflconv", "tensorflow", "tf_keras", "numpy")
RUNTIMES = ("tflconv", "ai-edge-litert", "numpy")

LOGITS = "logits.npy"
VERIFICATION = "verification.json"
TEST_SETS = "testsets"

_EPOCHS = 200
"""Most epochs of a learning curve."""


def prepare(model: StudyModel, progress: Callback) -> Prepared:
    """Train, convert and verify one model of a plan.

    What fails for one recipe is in the answer.

    Args:
        model: Which model of which plan.
        progress: Is told what is being done, with the model's title.

    Raises:
        TflconvError: Something failed for the whole model.
    """
    with telling.collecting() as warned:
        stages = _Stages(model, about(model.model.title, progress))
        candidates, failures = stages.candidates()
    return Prepared(
        candidates=tuple(candidates),
        failures=tuple(failures),
        warnings=tuple(dict.fromkeys((*stages.dataset.warnings, *warned.texts))),
        curve=stages.curve,
    )


class _Stages:
    """The stages of one model, in the process that works on it."""

    def __init__(self, job: StudyModel, progress: Callback) -> None:
        self.job, self.progress = job, progress
        self.store = job.store

    @cached_property
    def dataset(self) -> Dataset:
        """The pictures, in the size of the model."""
        dataset, resolution, channels = self.job.pictures
        if not self.job.model.is_file:
            return data.load(dataset, resolution=resolution, channels=channels, seed=self.job.seed)
        card = self.line.card
        if card is None:
            raise UsageError(
                f"{self.job.model.model} does not say how pixels become its input.",
                hint=f"Say how: normalize = {', '.join(NAMED)} or MEAN,STD.",
            )
        return data.load_for(card, dataset, seed=self.job.seed)

    @cached_property
    def source(self) -> Path:
        """The file that everything is made of: the user's, a known one, or the trained one."""
        model = self.job.model
        if model.is_file:
            return Path(model.model)
        known_file = None if model.sha256 is None else known_models.find(model.sha256)
        if known_file is None:
            return self._trained().path / KERAS
        self._end("train", "done")
        return known_file

    @cached_property
    def teacher(self) -> Path | None:
        """The file that teaches the model: a user's, or that of another model of the plan."""
        if self.job.teacher is not None:
            return _Stages(self.job.teacher, working(self.progress)).source
        named = self.job.model.teacher
        return None if named is None else Path(named)

    @cached_property
    def start(self) -> str | None:
        """Where the weights are that it starts from: a user's, or those of another model."""
        if self.job.start is not None:
            return str(_Stages(self.job.start, working(self.progress)).source)
        return self.job.model.weights

    @cached_property
    def line(self) -> Line:
        """The way from that file to those of the recipes."""
        return Line(self.job.conversion(self.source), self.store, self.progress)

    @property
    def curve(self) -> tuple[JsonValue, ...]:
        """What each epoch of the training came to; of a long one, evenly drawn epochs."""
        card = self.line.card
        rows = card.training.get("history") if card is not None else None
        if not isinstance(rows, list) or not rows:
            return ()
        indices = np.linspace(0, len(rows) - 1, min(len(rows), _EPOCHS)).round().astype(int)
        return tuple(rows[index] for index in indices)

    @cached_property
    def contracts(self) -> Contracts:
        """The golden contracts of those files."""
        return Contracts(self.line)

    def candidates(self) -> tuple[list[Candidate], list[tuple[str, TflconvError]]]:
        """Make and compare the file of every recipe."""
        candidates, failures = list[Candidate](), list[tuple[str, TflconvError]]()
        plan = self.job.plan
        self.line.name = f"{self.job.model.title}-{self.dataset.name}"
        reference = self._reference()
        for recipe in self.line.request.chosen:
            slug = self._variant(recipe).slug
            try:
                verified = self._verified(recipe, reference)
                fidelity = self.line.fidelity(recipe)
            except TflconvError as error:
                failures.append((slug, error))
                self._end("verify", "failed")
                continue
            candidate = self._candidate(recipe, verified, fidelity)
            try:
                fidelity.check(
                    None if plan.min_cosine is None else parse_share(plan.min_cosine), slug
                )
                verified.check(max_drop=plan.max_drop, min_agreement=plan.min_agreement)
            except VerificationFailed as missed:
                failures.append((slug, missed))
                candidate = replace(candidate, warnings=(*candidate.warnings, missed.message))
            candidates.append(candidate)
            self._end("verify", "done")
        return candidates, failures

    def _trained(self) -> Entry:
        """The trained model; an interrupted training goes on where it was."""
        request = self.job.training(self.teacher, self.start)
        inputs = {
            "dataset": self.dataset.digest,
            "model": request.model,
            "options": dict(request.options),
            "training": asdict(request.config),
            "teacher": self._taught_by(request),
            "weights": self._begun_with(request),
            "versions": versions(*TRAINERS),
        }
        unfinished = self.store.root / UNFINISHED / self.store.key("train", inputs) / KERAS

        def build(folder: Path) -> None:
            self._say_how_long()
            training.train(
                request, unfinished, dataset=self.dataset, store=self.store, progress=self.progress
            )
            unfinished.replace(folder / KERAS)
            shutil.rmtree(unfinished.parent)

        entry = self.store.fetch("train", inputs, build)
        self._end("train", "done")
        return entry

    def _say_how_long(self) -> None:
        model = self.job.model
        if model.sha256 is not None:
            self._tell("train", f"no file in ${known_models.VARIABLE} has its sha256: training it")
        if model.hours is not None:
            self._tell("train", f"training it takes about {model.hours:g} h on two cores")

    def _taught_by(self, request: TrainingRequest) -> Mapping[str, Any] | None:
        """What decides what the model learns from a teacher."""
        if request.teacher is None:
            return None
        return {
            "sha256": sha256_path(request.teacher),
            "normalize": request.teacher_normalize,
            **asdict(request.distill),
        }

    def _begun_with(self, request: TrainingRequest) -> str | None:
        """The hash of the weights that the training starts from."""
        if request.weights is None or request.weights_sha256 is not None:
            return request.weights_sha256
        return sha256_path(Path(request.weights))

    def _reference(self) -> Entry:
        """What the reference says about the test split, as ``logits.npy``."""
        card = self.line.card
        inputs = {
            "model": self.line.sha256,
            "card": None if card is None else to_json(card),
            "dataset": self.dataset.digest,
            "versions": versions(*TRAINERS),
        }

        def build(folder: Path) -> None:
            self._tell("verify", "running the reference on the test split")
            images = self.dataset.test.images
            scores = verification.reference_logits(self.line.opened, images, card=card)
            np.save(folder / LOGITS, scores)

        return self.store.fetch("reference", inputs, build)

    def _verified(self, recipe: Recipe, reference: Entry) -> Verification:
        """Compare the file of ``recipe`` with its reference over the test split."""
        converted = self.line.entry(recipe)
        inputs = {
            "reference": reference.digest,
            "target": converted.digest,
            "dataset": self.dataset.digest,
            "metric": self.job.plan.metric,
            "versions": versions(*RUNTIMES),
        }

        def build(folder: Path) -> None:
            self._tell("verify", f"verifying {self._variant(recipe).slug}")
            verified = verification.verify(
                self.source,
                self.line.file(recipe),
                self.dataset,
                card=self.line.card,
                reference_scores=np.load(reference.path / LOGITS),
                metric=metrics.resolve(self.job.plan.metric),
            )
            write_json(folder / VERIFICATION, verified.to_json())

        entry = self.store.fetch("verify", inputs, build)
        verified = Verification.from_json(json.loads((entry.path / VERIFICATION).read_text()))
        for doubt in verified.doubts:
            telling.warn(doubt)
        return verified

    def _candidate(self, recipe: Recipe, verified: Verification, fidelity: Fidelity) -> Candidate:
        variant, path = self._variant(recipe), self.line.file(recipe)
        artifact = ModelArtifact.of(path)
        parameters, macs = self._cost(path)
        return Candidate(
            model=MeasuredModel(
                slug=variant.slug,
                name=variant.model,
                recipe=recipe.name,
                dataset=variant.dataset,
                sha256=artifact.sha256,
                bytes=artifact.bytes,
                download_bytes=artifact.download_bytes,
                baseline=self._variant(self.line.request.chosen[0]).slug,
                parameters=parameters,
                macs=macs,
            ),
            path=path,
            accuracy=replace(verified.to_accuracy(), cosine=fidelity.cosine),
            test_set=self._test_set(path) if self.job.plan.evaluation.on_device else None,
            golden=self.contracts.of(recipe),
            warnings=(
                *(doubt.splitlines()[0] for doubt in promises.doubts(path, recipe)),
                *([] if fidelity.warning is None else [fidelity.warning]),
            ),
        )

    def _test_set(self, path: Path) -> PackedSet:
        """The test pictures as a device evaluates them with the file at ``path``."""
        check_scores(path)
        card = self.line.card
        assert card is not None  # the reference was run by it
        target = self.store.root / TEST_SETS / f"{file_name(str(self.line.name))}.testset"
        count = self.job.plan.evaluation.pictures
        return packed(self.dataset, card, target, count, seed=self.job.plan.bench.seed)

    def _cost(self, path: Path) -> tuple[int, int]:
        """Parameters and MACs: of a model of the registry as it is described, else of the file."""
        model = self.job.model
        if model.is_file:
            inspection = inspect(path)
            return inspection.parameters, inspection.macs
        shape, classes = self.dataset.test.images.shape[1:], len(self.dataset.classes)
        cost = models.cost(model.model, shape, classes, **model.options)
        return cost.parameters, cost.macs

    def _variant(self, recipe: Recipe) -> Variant:
        title = self.job.model.title
        return Variant(model=title, dataset=self.dataset.name, recipe=recipe.name)

    def _tell(self, stage: str, message: str) -> None:
        self.progress(Progress(stage=stage, message=message))

    def _end(self, stage: str, state: State) -> None:
        self.progress(Progress(stage=stage, state=state))
