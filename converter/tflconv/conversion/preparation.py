"""A model made ready once for all of its recipes, whatever it came as."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tflconv.conversion import tracing
from tflconv.conversion.calibration import Calibration, TensorRanges, measure
from tflconv.conversion.quantization import LeftInFloat, finish, quantize
from tflconv.core.files import sha256_file
from tflconv.errors import TflconvError, UsageError
from tflconv.model.card import ModelCard, read_card
from tflconv.model.interpreter import Interpreter
from tflconv.model.opening import of_keras, open_model
from tflconv.recipe import Recipe
from tflconv.tflite import editing, packing


@dataclass(frozen=True, kw_only=True, eq=False)
class FloatModel:
    """A float ``.tflite`` in memory: where it comes from and what it says about itself.

    ``parent`` is the hash of the file it was made from, ``graph`` what TensorFlow traced, if it
    did; ``retrained`` is the same model after quantization-aware training, which ``qat`` recipes
    are made of. TensorRanges of activations are measured once for each calibration.
    """

    content: bytes
    name: str
    card: ModelCard | None = None
    parent: str | None = None
    graph: tracing.FrozenGraph | None = None
    retrained: FloatModel | None = None
    _ranges: dict[str, TensorRanges] = field(default_factory=dict)

    def make(self, recipe: Recipe, calibration: Calibration | None = None) -> bytes:
        """The file that ``recipe`` makes of this model.

        What was trained for int8 is made by its trained ranges. Where litert-quantizer leaves
        operators in float, the TFLite converter gets its chance before that is an error.
        """
        if self.graph is not None and self.has_trained_ranges:
            _check_trained(recipe)
            return finish(tracing.lower_trained(self.graph, recipe), recipe)
        if not recipe.needs_calibration or calibration is None:
            return quantize(self.content, recipe)
        try:
            return quantize(self.content, recipe, self._measured(calibration))
        except LeftInFloat:
            if self.graph is None or not recipe.is_integer:
                raise
            return finish(tracing.lower_static(self.graph, recipe, calibration), recipe)

    @property
    def has_trained_ranges(self) -> bool:
        """Whether the model was trained for int8 before it came here."""
        return self.graph is not None and self.graph.has_trained_ranges

    def for_recipe(self, recipe: Recipe) -> FloatModel:
        """The model itself, or what training made of it where ``recipe`` asks for that."""
        if not recipe.qat or self.has_trained_ranges:
            return self
        if self.retrained is None:
            raise UsageError(
                f"recipe {recipe.name} trains {self.name} with its rounding first.",
                hint="Say on which labelled pictures: --dataset NAME or DIR.",
            )
        return self.retrained

    def _measured(self, calibration: Calibration) -> TensorRanges:
        if calibration.digest not in self._ranges:
            self._ranges[calibration.digest] = measure(self.content, calibration)
        return self._ranges[calibration.digest]

    @property
    def input_shapes(self) -> list[tuple[int, ...]]:
        """Shapes of the inputs, without batch."""
        return [shape[1:] for shape in editing.input_shapes(packing.unpack(self.content))]

    @property
    def outputs(self) -> list[int]:
        """How many values each output has."""
        return editing.output_sizes(packing.unpack(self.content))

    @property
    def own_arithmetic(self) -> list[str]:
        """What the model itself does to its input first, as ``Mul (rescaling/mul)``."""
        if self.graph is not None:
            return self.graph.leading_arithmetic
        return editing.leading_arithmetic(packing.unpack(self.content))


def prepare(
    model: Path | Any, *, custom_objects: Path | None = None, resolution: int | None = None
) -> FloatModel:
    """Open a model file, or take a live Keras 2 or Keras 3 model, and make it float TFLite.

    ``custom_objects`` is a Python file that is run: name only one that you trust. ``resolution``
    is the side of pictures, for a model that takes any.
    """
    if not isinstance(model, Path):
        graph = tracing.freeze(of_keras(model), resolution=resolution)
        return FloatModel(content=tracing.lower(graph), graph=graph, name=model.name)
    parent = sha256_file(model) if model.is_file() else None
    card = read_card(model) if model.is_file() else None
    if model.suffix == ".tflite":
        return FloatModel(content=_read(model), name=model.stem, card=card, parent=parent)
    source = open_model(model, custom_objects=custom_objects)
    graph = tracing.freeze(source, resolution=resolution)
    content = tracing.lower(graph)
    return FloatModel(content=content, graph=graph, name=model.stem, card=card, parent=parent)


def _check_trained(recipe: Recipe) -> None:
    if not recipe.is_integer:
        raise UsageError(
            "the model was trained for int8 and carries its ranges;"
            f" there is no {recipe.name} of it.",
            hint="Use static_wi8_ai8, or convert the model from before that training.",
        )


def _read(path: Path) -> bytes:
    Interpreter(path)
    model = packing.unpack(path.read_bytes())
    quantized = editing.quantized_operators(model)
    if quantized:
        raise TflconvError(
            f"{path} is quantized already: {', '.join(dict.fromkeys(quantized))}.",
            hint="Start from the float model.",
        )
    editing.name_tensors(model)
    graph = model.subgraphs[0]
    if not model.signatureDefs:
        editing.sign(model, editing.names(graph, graph.inputs), editing.names(graph, graph.outputs))
    return packing.pack(model)
