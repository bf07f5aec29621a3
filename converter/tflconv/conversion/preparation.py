"""Make a model ready once for all of its recipes."""

from __future__ import annotations

from pathlib import Path

from tflconv.conversion import tracing
from tflconv.conversion.calibration import Calibration, TensorRanges, measure
from tflconv.conversion.quantization import LeftInFloat, finish, quantize
from tflconv.errors import TflconvError, UsageError
from tflconv.model.interpreter import Interpreter
from tflconv.network.keras.opened import Opened
from tflconv.recipe import Recipe
from tflconv.tflite import editing, packing


class FloatModel:
    """A float ``.tflite`` file in memory, of which every recipe is made.

    Attributes:
        name: What it is called in messages.
        content: The float ``.tflite`` file.
        graph: The graph that TensorFlow traced; None for a model that was a ``.tflite`` file.
    """

    def __init__(self, name: str, content: bytes, graph: tracing.FrozenGraph | None = None) -> None:
        self.name, self.content, self.graph = name, content, graph
        self._ranges: dict[str, TensorRanges] = {}

    def make(self, recipe: Recipe, calibration: Calibration | None = None) -> bytes:
        """Return the ``.tflite`` file of ``recipe``.

        A model that was trained for int8 keeps its trained ranges. If litert-quantizer leaves
        operators in float, the TFLite converter is tried before that is an error.

        Args:
            recipe: The recipe.
            calibration: Samples, for a recipe with static ranges that were not trained.

        Raises:
            TflconvError: The recipe cannot be made of this model.
        """
        if self.graph is not None and self.has_trained_ranges:
            _check_trained(recipe)
            return finish(tracing.lower_trained(self.graph, recipe), recipe)
        if not recipe.needs_ranges:
            return quantize(self.content, recipe)
        samples = required(calibration, recipe)
        _check_without_loops(self.content, recipe)
        try:
            return quantize(self.content, recipe, self._measured(samples))
        except LeftInFloat:
            if self.graph is None or not recipe.is_integer:
                raise
            return finish(tracing.lower_static(self.graph, recipe, samples), recipe)

    @property
    def has_trained_ranges(self) -> bool:
        """Whether the model was trained for int8 before it came here."""
        return self.graph is not None and self.graph.has_trained_ranges

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
        """Number of values of each output."""
        return editing.output_sizes(packing.unpack(self.content))

    @property
    def own_arithmetic(self) -> list[str]:
        """Arithmetic that the model does to its input first, as ``Mul (rescaling/mul)``."""
        if self.graph is not None:
            return self.graph.leading_arithmetic
        return editing.leading_arithmetic(packing.unpack(self.content))


def required(calibration: Calibration | None, recipe: Recipe) -> Calibration:
    """Return ``calibration``, which ``recipe`` needs.

    Raises:
        UsageError: There is none.
    """
    if calibration is None:
        raise UsageError(
            f"recipe {recipe.name} needs samples of the data for the ranges of activations.",
            hint="Add --calibration DATASET, DIR or FILE.npy.",
        )
    return calibration


def as_it_is(model: Opened, *, resolution: int | None = None) -> FloatModel:
    """Lower ``model`` to float TFLite without rewriting its operators.

    Args:
        model: Any opened model.
        resolution: Side of the pictures in pixels, for a model that takes any.

    Raises:
        TflconvError: TFLite has no operators for the model, or its ``.tflite`` is quantized.
    """
    if model.is_tflite:
        assert model.path is not None
        return FloatModel(model.name, _read(model.path))
    graph = tracing.freeze(model.source, resolution=resolution)
    return FloatModel(model.name, tracing.lower(graph), graph)


def _check_trained(recipe: Recipe) -> None:
    if not recipe.is_integer:
        raise UsageError(
            "the model was trained for int8 and carries its ranges;"
            f" there is no {recipe.name} of it.",
            hint="Use static_wi8_ai8, or convert the model as it was before that training.",
        )


def _check_without_loops(content: bytes, recipe: Recipe) -> None:
    """Check that values are visible: what is computed inside of a loop cannot be observed."""
    model = packing.unpack(content)
    if any(name == "WHILE" for _, _, name in editing.operators(model)):
        raise TflconvError(
            f"recipe {recipe.name} needs the ranges of all activations, and those inside of a loop"
            " (LSTM, GRU and other layers that go step by step) cannot be measured.",
            hint="Use dynamic_wi8_afp32, or build those layers with unroll=True.",
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
        inputs, outputs = (editing.names(graph, ends) for ends in (graph.inputs, graph.outputs))
        editing.sign(model, inputs, outputs)
    return packing.pack(model)
