"""From a float model to ``.tflite`` files: trace and freeze once, lower once, then quantize.

``prepare`` opens a model, ``convert`` is the whole stage. The parts: ``tracing`` (TFLite
converter, the only part that needs TensorFlow), ``calibration`` (ranges of activations),
``quantization`` (litert-quantizer), ``schema`` (the flatbuffer itself), ``description`` (what a
user says about a model of their own). The same model, recipe and calibration give the same bytes.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from tflconv.conversion.calibration import Calibration
from tflconv.conversion.preparation import FloatModel, prepare
from tflconv.core.files import replacing_file
from tflconv.core.versions import versions
from tflconv.errors import UsageError
from tflconv.inspection import delegation
from tflconv.model.artifact import ModelArtifact
from tflconv.model.card import ModelCard, embed_card, to_metadata
from tflconv.recipe import Recipe
from tflconv.tflite import metadata_writing, packing, stripping

__all__ = ["Calibration", "FloatModel", "convert", "prepare"]

_MAKERS = ("tflconv", "tensorflow", "litert-quantizer", "ai-edge-litert")


def convert(
    model: FloatModel | Path | Any,
    recipes: Sequence[Recipe],
    folder: Path,
    *,
    calibration: Calibration | None = None,
    card: ModelCard | None = None,
    name: str | None = None,
    custom_objects: Path | None = None,
    strip: bool = False,
    with_card: bool = True,
) -> list[ModelArtifact]:
    """Write ``<name>-<recipe>.tflite`` into ``folder`` for each of ``recipes``, in order.

    ``model`` is a ``.keras``, ``.h5``, SavedModel folder, float ``.tflite``, a live Keras 2 or
    Keras 3 model, or what ``prepare`` made of one. ``card`` is what the files will say about
    themselves, by default what the model says; ``name`` is by default its model and dataset;
    ``strip`` takes out names and TFLite metadata; without ``with_card`` the files tell nothing.
    Files appear whole or not at all. Warns where a phone will run a file slower than float. Raises
    ``TflconvError`` for a model that cannot be read or a recipe that cannot be made of it.
    """
    if not isinstance(model, FloatModel):
        model = prepare(model, custom_objects=custom_objects)
    if not model.has_trained_ranges:
        _check_calibrated(recipes, calibration)
    card = card or model.card
    stem = name or _stem(model, card)
    makers = [model.for_recipe(recipe) for recipe in recipes]
    contents = [
        maker.make(recipe, calibration) for maker, recipe in zip(makers, recipes, strict=True)
    ]
    return [
        _write(
            folder / f"{stem}-{recipe.name}.tflite",
            content,
            _card_of(maker.card if recipe.qat else card, recipe, calibration, model.parent)
            if with_card
            else None,
            model.parent,
            strip=strip,
        )
        for maker, recipe, content in zip(makers, recipes, contents, strict=True)
    ]


def _check_calibrated(recipes: Sequence[Recipe], calibration: Calibration | None) -> None:
    waiting = [recipe.name for recipe in recipes if recipe.needs_calibration]
    if waiting and calibration is None:
        raise UsageError(
            f"recipe {waiting[0]} fixes the ranges of activations from samples of the data.",
            hint="Say which: --calibration DATASET, DIR or FILE.npy.",
        )


def _stem(model: FloatModel, card: ModelCard | None) -> str:
    if card is None or card.dataset is None:
        return model.name
    return f"{card.model}-{card.dataset}"


def _card_of(
    card: ModelCard | None, recipe: Recipe, calibration: Calibration | None, parent: str | None
) -> ModelCard | None:
    if card is None:
        return None
    used = calibration if recipe.needs_calibration else None
    return replace(
        card,
        recipe=recipe.name,
        calibration=None if used is None else used.to_json(),
        parent=parent,
        versions={**card.versions, **versions(*_MAKERS)},
    )


def _write(
    target: Path, content: bytes, card: ModelCard | None, parent: str | None, *, strip: bool
) -> ModelArtifact:
    with replacing_file(target) as temporary:
        temporary.write_bytes(_finished(content, card, strip=strip))
        if card is not None:
            embed_card(temporary, card)
    if slower := delegation.warn_if_slower(target):
        warnings.warn("\n  ".join(slower), stacklevel=3)
    return ModelArtifact.of(target, parent=parent)


def _finished(content: bytes, card: ModelCard | None, *, strip: bool) -> bytes:
    """``content`` with TFLite metadata, or without anything that is not needed to run it."""
    if card is None and not strip:
        return content
    model = packing.unpack(content)
    if strip:
        stripping.strip(model)
    elif card is not None:
        metadata_writing.attach(model, to_metadata(card))
    return packing.pack(model)
