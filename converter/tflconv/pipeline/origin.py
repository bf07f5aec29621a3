"""The model that a request names: opened once, with its card and the pictures it learned from."""

from __future__ import annotations

import uuid
from dataclasses import asdict, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from tflconv import conversion, data
from tflconv.conversion import FloatModel, Rewrite, description
from tflconv.core import telling
from tflconv.core.files import sha256_file, sha256_path
from tflconv.core.progress import Callback, Progress, silent
from tflconv.data import Dataset
from tflconv.data.outputs import listed
from tflconv.errors import TflconvError, UsageError
from tflconv.model import own_labels
from tflconv.model.card import ModelCard, read_card
from tflconv.model.normalization import NAMED
from tflconv.network.keras.opened import Opened, open_once
from tflconv.pipeline.requests import ConversionRequest, ModelRequest


class Origin:
    """The model of a request, before anything is done to it.

    Args:
        request: Which model, and what is said about it.
        progress: Is told what is being done.
    """

    def __init__(self, request: ModelRequest, progress: Callback = silent) -> None:
        self.request, self.progress = request, progress
        self._floats: dict[Rewrite, FloatModel] = {}
        self._refusals: dict[Rewrite, TflconvError] = {}

    @cached_property
    def opened(self) -> Opened:
        """The model, opened."""
        request = self.request
        self.tell("open", f"opening {request.model.name}")
        return open_once(
            request.model,
            custom_objects=request.custom_objects,
            signature=self._signature,
            resolution=request.resolution,
        )

    @cached_property
    def sha256(self) -> str | None:
        """Hash of the model's file or folder; None for a live model."""
        model = self.request.model
        return sha256_path(model) if isinstance(model, Path) and model.exists() else None

    @cached_property
    def key(self) -> dict[str, Any]:
        """What an entry depends on before anything is done to the model; no two live ones agree."""
        code = self.request.custom_objects
        return {
            "model": self.sha256 or f"live {uuid.uuid4().hex}",
            "custom_objects": None if code is None else sha256_file(code),
            "resolution": self.request.resolution,
            "signature": self._signature,
            "logits": self._logits,
        }

    @cached_property
    def card(self) -> ModelCard | None:
        """What is known about the model: what it says, changed by what the request says.

        Outputs without names are called as the classes of the pictures, if the counts fit.
        """
        card = self._described_card
        if card is None or card.labels or not (classes := self._fitting_classes):
            return card
        telling.warn(
            f"{card.model} does not name its outputs; they are taken to be {listed(classes)} in"
            " this order. Name them with --labels FILE."
        )
        return replace(card, labels=classes)

    @property
    def normalization(self) -> dict[str, Any] | None:
        """How pixels become inputs, as an entry of the store says what it depends on."""
        return None if self.card is None else asdict(self.card.normalization)

    @property
    def known_card(self) -> ModelCard:
        """The card, where there is one for sure: no pictures can be learned from without it."""
        assert self.card is not None
        return self.card

    @cached_property
    def own_card(self) -> ModelCard | None:
        """The card in the file of the model."""
        model = self.request.model
        return read_card(model) if isinstance(model, Path) and model.is_file() else None

    @cached_property
    def pictures(self) -> Dataset:
        """The labelled pictures that steps learn from and drops are measured on.

        Raises:
            UsageError: It is not known which they are, or how they become inputs.
        """
        if self.card is None:
            raise UsageError(
                "labelled pictures, which steps and --max-drop need, must be normalized as the"
                " model was trained.",
                hint=f"Say how: --normalize {', '.join(NAMED)} or MEAN,STD.",
            )
        pictures = data.load_for(self.card, self.request.dataset, seed=self.request.seed)
        pictures.warn()
        return pictures

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of the outputs, by default the classes of the pictures."""
        return self.known_card.labels or tuple(self.pictures.classes)

    @property
    def stem(self) -> str:
        """First part of the names of files: model and dataset of the card, or the file's name."""
        card, model = self.own_card, self.request.model
        if card is not None and card.dataset is not None:
            steps = [] if card.recipe is None else [card.recipe]
            return "-".join([card.model, card.dataset, *steps])
        return str(model.stem if isinstance(model, Path) else model.name)

    def lowered(self, rewrite: Rewrite) -> FloatModel:
        """Return the model made float TFLite, once for each way of rewriting it.

        Raises:
            TflconvError: It cannot be made so; said again at once when it is asked for again.
        """
        if rewrite in self._refusals:
            raise self._refusals[rewrite]
        if rewrite not in self._floats:
            try:
                self._floats[rewrite] = self.prepared(self.opened, rewrite)
            except TflconvError as error:
                self._refusals[rewrite] = error
                raise
        return self._floats[rewrite]

    def known(self, rewrite: Rewrite) -> FloatModel | None:
        """Return what ``lowered`` has made already."""
        return self._floats.get(rewrite)

    def prepared(self, opened: Opened, rewrite: Rewrite) -> FloatModel:
        """Make ``opened`` float TFLite."""
        self.tell("lower", "tracing")
        is_original = opened is self.opened
        logits = self._logits and is_original
        if self._chooses and rewrite == "optimized":
            float_model = conversion.alternative(self.lowered("as-is"))
        elif rewrite == "optimized" and is_original and opened.ranges is None and not logits:
            float_model = conversion.rewritten(self.lowered("as-is"))  # which the check needs, too
        else:
            resolution = self.request.resolution
            float_model = conversion.prepare(opened, rewrite, resolution=resolution, logits=logits)
        self._tell_passes(float_model)
        return float_model

    def tell(self, stage: str, message: str) -> None:
        """Report what is being done."""
        self.progress(Progress(stage=stage, message=message))

    def note(self, stage: str, message: str) -> None:
        """Report what was found out."""
        self.progress(Progress(stage=stage, message=message, state="note"))

    @property
    def float_model(self) -> FloatModel:
        """The model made float TFLite, for what only the graph of it says."""
        request = self.request
        if isinstance(request, ConversionRequest) and request.rewrite != "auto":
            return self.lowered(request.rewrite)
        return self.lowered("as-is")

    def _tell_passes(self, float_model: FloatModel) -> None:
        if self._chooses:
            applied = ", ".join(each.name for each in float_model.outcomes if each.skipped is None)
            if applied:
                self.note("rewrite", f"rewritten by {applied}")
            return
        for outcome in float_model.outcomes:
            self.note("rewrite", str(outcome))

    @property
    def _chooses(self) -> bool:
        """Whether it is chosen for each file if the graph is rewritten."""
        request = self.request
        return isinstance(request, ConversionRequest) and request.rewrite == "auto"

    @property
    def _logits(self) -> bool:
        request = self.request
        return isinstance(request, ConversionRequest) and request.logits

    @property
    def _signature(self) -> str | None:
        request = self.request
        return request.signature if isinstance(request, ConversionRequest) else None

    @property
    def _fitting_classes(self) -> tuple[str, ...]:
        """The classes of the pictures that were named, if the model has as many outputs."""
        for source in self.request.named_pictures:
            classes = data.class_names(source) if isinstance(source, str) else ()
            if classes and self.float_model.outputs == [len(classes)]:
                return classes
        return ()

    @cached_property
    def _described_card(self) -> ModelCard | None:
        request, own_card = self.request, self.own_card
        if own_card is not None and not (request.normalize or request.resize or request.labels):
            return own_card
        described = description.describe(
            self.float_model,
            own_card,
            normalize=request.normalize,
            resize=request.resize,
            labels=request.labels,
        )
        path = self.opened.path
        if described is None or described.labels or path is None or not self.opened.is_tflite:
            return described
        return replace(described, labels=own_labels.fitting(path, self.float_model.outputs))
