"""From a float model to ``.tflite`` files: trace and freeze once, lower once, then quantize.

``convert`` is the whole stage. Its parts: ``tracing`` (TFLite converter, the only part that
needs TensorFlow), ``calibration`` (ranges of activations), ``quantization`` (ai-edge-quantizer),
``schema`` (the flatbuffer itself). The same model, recipe and calibration give the same bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from tflconv import model_card, store
from tflconv.artifact import ModelArtifact, Variant
from tflconv.conversion import schema, tracing
from tflconv.conversion.calibration import Calibration, Ranges, measure
from tflconv.conversion.quantization import finish, quantize
from tflconv.errors import TflconvError, UsageError
from tflconv.files import replacing_file, sha256_file
from tflconv.interpreter import Interpreter
from tflconv.model_card import ModelCard
from tflconv.recipe import Recipe
from tflconv.source import Source, of_keras, open_model

__all__ = ["Calibration", "convert", "float_model", "quantize"]


def convert(
    model: Path | Any,
    recipes: Sequence[Recipe],
    folder: Path,
    *,
    calibration: Calibration | None = None,
    card: ModelCard | None = None,
    name: str | None = None,
    custom_objects: Path | None = None,
) -> list[ModelArtifact]:
    """Write ``<slug>.tflite`` into ``folder`` for each of ``recipes``; return them in order.

    ``model`` is a ``.keras``, ``.h5``, SavedModel folder, float ``.tflite`` or a live Keras 2 or
    Keras 3 model. ``card`` is what the files will say about themselves, by default what ``model``
    says; ``name`` takes the place of model and dataset in the file names. Files appear whole or
    not at all. Raises ``TflconvError`` for a model that cannot be read or a recipe that cannot be
    made of it.
    """
    _check_calibrated(recipes, calibration)
    path = model if isinstance(model, Path) else None
    if card is None and path is not None and path.is_file():
        card = model_card.read(path)
    parent = sha256_file(path) if path is not None and path.is_file() else None
    stem = name or _stem(model, card)
    make = _maker(model, calibration, custom_objects)
    return [
        _write(
            folder / f"{stem}-{recipe.name}.tflite",
            make(recipe),
            None if card is None else _card_of(card, recipe, calibration, parent),
            parent,
        )
        for recipe in recipes
    ]


def float_model(model: Path | Any, *, custom_objects: Path | None = None) -> bytes:
    """The float ``.tflite`` of ``model``, with its inputs and outputs named in a signature."""
    if isinstance(model, Path) and model.suffix == ".tflite":
        return _read_tflite(model)
    return tracing.lower(tracing.freeze(_source(model, custom_objects)))


def _maker(
    model: Path | Any, calibration: Calibration | None, custom_objects: Path | None
) -> Callable[[Recipe], bytes]:
    """A function from a recipe to the bytes of its file; what recipes share is done once."""
    if isinstance(model, Path) and model.suffix == ".tflite":
        return _quantizer(_read_tflite(model), calibration)
    graph = tracing.freeze(_source(model, custom_objects))
    if graph.has_trained_ranges:
        return lambda recipe: _lower_trained(graph, recipe)
    return _quantizer(tracing.lower(graph), calibration)


def _quantizer(content: bytes, calibration: Calibration | None) -> Callable[[Recipe], bytes]:
    @cache
    def ranges() -> Ranges | None:
        return None if calibration is None else measure(content, calibration)

    def make(recipe: Recipe) -> bytes:
        return quantize(content, recipe, ranges() if recipe.needs_calibration else None)

    return make


def _lower_trained(graph: tracing.FrozenGraph, recipe: Recipe) -> bytes:
    if (recipe.compute, recipe.activations) != ("static", "int8"):
        raise UsageError(
            f"the model was trained for int8 and carries its ranges; it has no recipe"
            f" {recipe.name}.",
            hint="Use static_wi8_ai8, or convert the model from before that training.",
        )
    return finish(tracing.lower_trained(graph, io=recipe.io), recipe)


def _source(model: Path | Any, custom_objects: Path | None) -> Source:
    if isinstance(model, Path):
        return open_model(model, custom_objects=custom_objects)
    return of_keras(model)


def _read_tflite(path: Path) -> bytes:
    Interpreter(path)
    model = schema.unpack(path.read_bytes())
    quantized = schema.quantized_operators(model)
    if quantized:
        raise TflconvError(
            f"{path} is quantized already: {', '.join(quantized[:4])}.",
            hint="Start from the float model.",
        )
    graph = model.subgraphs[0]
    if not model.signatureDefs:
        schema.sign(model, schema.names(graph, graph.inputs), schema.names(graph, graph.outputs))
    return schema.pack(model)


def _check_calibrated(recipes: Sequence[Recipe], calibration: Calibration | None) -> None:
    waiting = [recipe.name for recipe in recipes if recipe.needs_calibration]
    if waiting and calibration is None:
        raise UsageError(
            f"recipe {waiting[0]} fixes the ranges of activations from samples of the data.",
            hint="Say which: --calibration DATASET, DIR or FILE.npy.",
        )


def _stem(model: Path | Any, card: ModelCard | None) -> str:
    if card is not None and card.dataset is not None:
        slug = Variant(model=card.model, dataset=card.dataset, recipe="").slug
        return slug.rstrip("-")
    return str(model.stem if isinstance(model, Path) else model.name)


def _card_of(
    card: ModelCard, recipe: Recipe, calibration: Calibration | None, parent: str | None
) -> ModelCard:
    used = calibration if recipe.needs_calibration else None
    return replace(
        card,
        recipe=recipe.name,
        calibration=None if used is None else used.to_json(),
        parent=parent,
        versions={**card.versions, **store.versions(*_MAKERS)},
    )


_MAKERS = ("tflconv", "tensorflow", "ai-edge-quantizer", "ai-edge-litert")


def _write(
    target: Path, content: bytes, card: ModelCard | None, parent: str | None
) -> ModelArtifact:
    with replacing_file(target) as temporary:
        temporary.write_bytes(content)
        if card is not None:
            model_card.embed(temporary, card)
    return ModelArtifact.of(target, parent=parent)
