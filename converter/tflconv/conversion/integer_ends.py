"""Integer inputs and outputs of recipes that compute in float where a static one does not."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from tflconv.conversion.calibration import TensorRanges
from tflconv.errors import TflconvError
from tflconv.recipe import Recipe
from tflconv.tflite import editing, integer_ends, outline, packing, reading
from tflconv.tflite.integer_ends import Range

_PROBABILITIES = (0.0, 255 / 256)
"""What integers of softmax and sigmoid stand for in every TFLite file."""


def needed(recipe: Recipe) -> bool:
    """Return whether the integer inputs and outputs of ``recipe`` are made when all else is."""
    return recipe.io != "float32" and not recipe.is_integer


def give(made: bytes, float_model: bytes, recipe: Recipe, ranges: TensorRanges) -> bytes:
    """Give a file the inputs and outputs of ``recipe``.

    Args:
        made: The file, whose inputs and outputs are float.
        float_model: The file that it was made of.
        recipe: The recipe.
        ranges: Ranges of the activations of ``float_model``.

    Raises:
        TflconvError: It is not known which values one of them has.
    """
    model, source = packing.unpack(made), packing.unpack(float_model)
    graph = source.subgraphs[0]
    inputs, outputs = editing.names(graph, graph.inputs), editing.names(graph, graph.outputs)
    scores = [kind in ("SOFTMAX", "LOGISTIC") for kind in _endings(float_model)]
    results = [
        _PROBABILITIES if is_score else _range(ranges, name)
        for name, is_score in zip(outputs, scores, strict=True)
    ]
    left = integer_ends.use_integers(
        model,
        [_range(ranges, name) for name in inputs],
        results,
        unsigned=recipe.io == "uint8",
    )
    if left:
        raise TflconvError(
            f"{recipe.name}: it is not known which values {', '.join(left)} of the model can have,"
            f" so there is no {recipe.io} for them.",
            hint="Leave --io out, or use a static recipe.",
        )
    editing.drop_unused_tensors(model)
    return packing.pack(model)


def _endings(float_model: bytes) -> Iterable[str]:
    return outline.of(reading.parse(float_model, Path("model.tflite"))).endings.values()


def _range(ranges: TensorRanges, name: str) -> Range | None:
    ends = ranges.get(name)
    return None if ends is None else (ends["min"].item(), ends["max"].item())
