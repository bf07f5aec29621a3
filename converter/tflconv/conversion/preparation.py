"""Make a model ready once for all of its recipes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from tflconv.conversion import integer_ends, logarithms, masks, relief, selection, tracing
from tflconv.conversion.calibration import Answer, Calibration, TensorRanges, measure_with_answers
from tflconv.conversion.dense import groups, kernels_beside
from tflconv.conversion.pixel_steps import on_steps
from tflconv.conversion.quantization import LeftInFloat, finish, quantize
from tflconv.conversion.rounding import to_four_bits
from tflconv.core import telling
from tflconv.errors import TflconvError, UsageError
from tflconv.model.inference import quantized_by_keras, unrolled
from tflconv.model.interpreter import Interpreter
from tflconv.network.keras.opened import Opened
from tflconv.network.passes import PassOutcome
from tflconv.recipe import Precision, Recipe
from tflconv.tflite import editing, ends, half_casts, modernizing, packing, roots, scores
from tflconv.tflite.wiring import Wiring

Rewrite = Literal["auto", "as-is", "optimized", "unfused"]
"""What is done to the operators before a recipe: nothing, all passes, or the opposite of fusing.

``auto`` stands for one of the first two, which is decided for each file (``pipeline.choosing``).
"""

Precisions = Mapping[str, Precision]
"""What results of operators are computed in, by their names."""

NONE: Precisions = MappingProxyType({})

_STEPS = 256
"""Longest input whose loops are written out, an operator for each step of each."""


class FloatModel:
    """A float ``.tflite`` file in memory, of which every recipe is made.

    Attributes:
        name: What it is called in messages.
        content: The float ``.tflite`` file.
        graph: The graph that TensorFlow traced; None for a model that was a ``.tflite`` file.
        unroll: Makes the same model without loops, if something can.
        outcomes: What each graph pass did to it, if any were applied.
        rewrite: How its operators were rewritten; ``as-is`` also where that could not be done.
    """

    rewrite: Rewrite = "as-is"

    def __init__(
        self,
        name: str,
        content: bytes,
        graph: tracing.FrozenGraph | None = None,
        unroll: Callable[[], FloatModel] | None = None,
    ) -> None:
        self.name, self.content, self.graph, self.unroll = name, content, graph, unroll
        self.outcomes: Sequence[PassOutcome] = ()
        self._ranges: dict[tuple[str, str], TensorRanges] = {}
        self._answers: dict[str, list[Answer] | None] = {}
        self._masked: dict[tuple[str, str], tuple[bytes, TensorRanges]] = {}
        self._straight: FloatModel | None = None

    def make(
        self,
        recipe: Recipe,
        calibration: Calibration | None = None,
        precisions: Precisions = NONE,
    ) -> bytes:
        """Return the ``.tflite`` file of ``recipe``.

        A model that was trained for int8 keeps its trained ranges. If litert-quantizer leaves
        operators in float that have an int8 form, the TFLite converter is tried before that is an
        error.

        Args:
            recipe: The recipe.
            calibration: Samples, for a recipe with static ranges that were not trained.
            precisions: Of a mixed recipe, what results of operators are computed in that are not
                computed in 8 bits; of a selective one, which of ``reliefs`` are left in float.

        Raises:
            TflconvError: The recipe cannot be made of this model.
        """
        if not integer_ends.needed(recipe):
            made = self._make(recipe, calibration, precisions)
            if calibration is not None and recipe.needs_ranges:
                made = on_steps(made, calibration)
            return self._corrected(made, recipe, calibration)
        floats = recipe.with_io("float32")
        made = self._corrected(self._make(floats, calibration, precisions), floats, calibration)
        source = self._without_loops(recipe) if self.has_loops else self
        ranges = {} if calibration is None else source._measured(calibration)
        return integer_ends.give(made, source.content, recipe, ranges)

    def _make(
        self, recipe: Recipe, calibration: Calibration | None, precisions: Precisions
    ) -> bytes:
        """The file of ``recipe``, its inputs and outputs integers only in a static recipe."""
        if self.graph is not None and self.has_trained_ranges:
            _check_trained(recipe)
            return finish(tracing.lower_trained(self.graph, recipe), recipe)
        if not recipe.needs_ranges:
            return quantize(self.content, recipe)
        samples = required(calibration, recipe)
        if self.has_loops:
            return self._without_loops(recipe).make(recipe, samples, precisions)
        if recipe.is_mixed:
            return self._mixed(recipe, samples, precisions)
        also: dict[str, list[str]] = {}
        if recipe.compute == "selective":
            content, ranges = self.content, self._fitted(samples)
            also = {selection.UPWARDS: selection.upwards(packing.unpack(content))}
        else:
            content, ranges = self._bounded(samples)
        raised = {name for name, precision in precisions.items() if precision == "float32"}
        run_time = relief.layers(packing.unpack(content), raised) if raised else {}
        try:
            return quantize(content, recipe, ranges, also=also, run_time=run_time)
        except LeftInFloat as error:
            has_int8 = error.operators <= tracing.INT8_OPERATORS
            if self.graph is None or not recipe.is_integer or not has_int8:
                raise
            check_covers_all(samples, recipe)
            logarithms.warn_of_clipped(content, ranges)
            return finish(tracing.lower_static(self.graph, recipe, samples), recipe)

    def _corrected(self, made: bytes, recipe: Recipe, calibration: Calibration | None) -> bytes:
        """The file ``made`` of ``recipe``; a rewritten model takes errors out that samples show."""
        return made

    def reliefs(self, recipe: Recipe, calibration: Calibration | None) -> tuple[str, ...]:
        """Return what ``recipe`` may leave in float, most worth first: ``precisions`` of ``make``.

        Args:
            recipe: The recipe.
            calibration: Samples, for a recipe with static ranges.
        """
        if recipe.is_mixed:
            return relief.tail(packing.unpack(self.content))
        chosen = recipe.compute == "selective" and recipe.weights == "int8"
        skipped = not chosen or self.has_trained_ranges or self.has_loops
        return () if skipped else relief.ends(packing.unpack(self.content))

    @property
    def activations(self) -> dict[str, tuple[str, ...]]:
        """Results of the operators that make and read each activation."""
        users = selection.users(packing.unpack(self.content)).items()
        return {name: tuple(step.makes[0] for step in steps) for name, steps in users}

    @property
    def four_bit_layers(self) -> tuple[str, ...]:
        """Results of the operators whose weights may be stored in 4 bits."""
        alike = groups(packing.unpack(self.content))
        return tuple(layer.result for group in alike for layer in group.layers)

    def _mixed(self, recipe: Recipe, samples: Calibration, precisions: Precisions) -> bytes:
        four = [name for name, precision in precisions.items() if precision == "int4"]
        content, ranges = self._bounded(samples)
        source = packing.unpack(self.content)
        kept = kernels_beside(source, four) if recipe.weights == "int4" else ()
        if four:
            content = to_four_bits(self.content, samples, kept)
            content, ranges = masks.bounded(content, self._fitted(samples), samples)
        by_precision: dict[Precision, dict[str, list[str]]] = {}
        for name, kind in self._kinds.items():
            if (precision := precisions.get(name)) is not None:
                by_precision.setdefault(precision, {}).setdefault(kind, []).append(name)
        return quantize(content, recipe, ranges, precisions=by_precision, kept=kept)

    @cached_property
    def _kinds(self) -> Mapping[str, str]:
        """Kinds of the operators by their first results, in the order of execution."""
        return {step.makes[0]: step.kind for step in Wiring(packing.unpack(self.content)).steps}

    def _bounded(self, samples: Calibration) -> tuple[bytes, TensorRanges]:
        """The float file with bounded masks and its ranges; a mixed recipe asks many times."""
        key = (samples.digest, samples.method)
        if key not in self._masked:
            self._masked[key] = masks.bounded(self.content, self._fitted(samples), samples)
        return self._masked[key]

    @cached_property
    def has_loops(self) -> bool:
        """Whether it has loops, inside of which nothing can be measured."""
        operators = editing.operators(packing.unpack(self.content))
        return any(name == "WHILE" for _, _, name in operators)

    @property
    def has_trained_ranges(self) -> bool:
        """Whether the model was trained for int8 before it came here."""
        return self.graph is not None and self.graph.has_trained_ranges

    def with_logits(self) -> FloatModel:
        """Return the model that gives the values which a last softmax or sigmoid is computed from.

        Raises:
            UsageError: It was trained for int8, with the range of its probabilities.
        """
        if self.has_trained_ranges:
            raise UsageError(
                f"{self.name} was trained for int8 with its last softmax or sigmoid.",
                hint="Leave --logits out.",
            )
        model = packing.unpack(self.content)
        if not scores.use_logits(model):
            telling.warn(
                f"--logits changes nothing: {self.name} ends in no softmax or sigmoid that could"
                " be left out."
            )
        return FloatModel(self.name, packing.pack(model))

    def _without_loops(self, recipe: Recipe) -> FloatModel:
        """The model with the steps of its loops written out, so that all values are visible."""
        if self._straight is None and self.unroll is not None:
            self._straight = self.unroll()
        if self._straight is None or self._straight.has_loops:
            raise TflconvError(
                f"recipe {recipe.name} needs the ranges of all activations, and those inside of a"
                " loop (LSTM, GRU and other layers that go step by step) cannot be measured.",
                hint=f"Use dynamic_wi8_afp32, or a Keras model of at most {_STEPS} steps.",
            )
        return self._straight

    def _fitted(self, calibration: Calibration) -> TensorRanges:
        """Ranges as kernels need them, which a rewritten model says more of."""
        return self._measured(calibration)

    def _measured(self, calibration: Calibration) -> TensorRanges:
        key = (calibration.digest, calibration.method)
        if key not in self._ranges:
            self._ranges[key], answers = measure_with_answers(self.content, calibration)
            self._answers[calibration.digest] = answers
        return self._ranges[key]

    def answers(self, calibration: Calibration) -> list[Answer] | None:
        """Return the outputs for the ``few`` of the samples, as built-in kernels compute them.

        They come with the ranges; None where those were not measured, or an output has none.
        """
        return self._answers.get(calibration.digest)

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
    """Return ``calibration``, which ``recipe`` needs; 16 bits have steps enough for all values.

    Raises:
        UsageError: There is none.
    """
    if calibration is None:
        raise UsageError(
            f"recipe {recipe.name} needs samples of the data for the ranges of activations.",
            hint="Add --calibration DATASET, DIR or FILE.npy.",
        )
    return replace(calibration, method="min-max") if recipe.activations == "int16" else calibration


def check_covers_all(calibration: Calibration, recipe: Recipe) -> None:
    """Raise ``UsageError`` for ranges that are not those of all values.

    Args:
        calibration: The samples.
        recipe: A recipe that the TFLite converter makes, which knows no other ranges.
    """
    if calibration.method != "min-max":
        raise UsageError(
            f"{recipe.name} of this model is made by the TFLite converter, which has no ranges by"
            f" {calibration.method}.",
            hint="Leave --calibration-method out for it.",
        )


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
        return _read(model.path)
    source = model.source

    def lowered() -> FloatModel:
        graph = tracing.freeze(source, resolution=resolution)
        try:
            return FloatModel(model.name, tracing.lower(graph), graph)
        except TflconvError as error:
            if modes := sorted(quantized_by_keras(source.model)):
                raise _quantized(source.name, modes, error) from error
            raise

    def unroll() -> FloatModel:
        with unrolled(source.model):
            return lowered()

    made = lowered()
    if all((entry.shape[:1] or (1,))[0] in range(_STEPS + 1) for entry in source.inputs):
        made.unroll = unroll
    return made


def _quantized(name: str, modes: Sequence[str], error: TflconvError) -> TflconvError:
    return TflconvError(
        f"{name} was quantized by Keras ({', '.join(modes)}), and TFLite has no operators for that:"
        f" {error.message}",
        hint="Convert the model from before model.quantize(), by a recipe such as static_wi8_ai8.",
    )


def _check_trained(recipe: Recipe) -> None:
    if not recipe.is_integer:
        raise UsageError(
            "the model was trained for int8 and carries its ranges;"
            f" there is no {recipe.name} of it.",
            hint="Use static_wi8_ai8, or convert the model as it was before that training.",
        )


def _read(path: Path) -> FloatModel:
    """The model in a ``.tflite`` file, its constants in float32 and its batch 1."""
    Interpreter(path)
    model = packing.unpack(path.read_bytes())
    modernizing.use_float32(model)
    modernizing.fix_batch(model)
    editing.name_tensors(model)
    half_casts.drop_half_casts(model)
    roots.limit_before_roots(model)
    graph, signatures = model.subgraphs[0], model.signatureDefs or []
    model.signatureDefs = sorted(signatures, key=lambda each: each.subgraphIndex)  # its own first
    if not any(each.subgraphIndex == 0 for each in signatures):
        inputs, outputs = (editing.names(graph, ends) for ends in (graph.inputs, graph.outputs))
        editing.sign(model, inputs, outputs)
    quantized = editing.quantized_operators(model)
    if not quantized:
        return FloatModel(path.stem, packing.pack(model))
    named = f"{path} is quantized already: {', '.join(dict.fromkeys(quantized))}."
    if not modernizing.has_uint8_kernels(model) or modernizing.unknown_to_int8(model):
        raise TflconvError(named, hint="Start from the float model.")
    return LegacyModel(path.stem, packing.pack(model), named)


class LegacyModel(FloatModel):
    """A quantized file of uint8, of which an int8 file with the same ranges can be made.

    Args:
        name: What it is called in messages.
        content: The ``.tflite`` file.
        quantized: What to say to recipes that need a float model.
    """

    def __init__(self, name: str, content: bytes, quantized: str) -> None:
        super().__init__(name, content)
        self._quantized = quantized

    def _make(
        self, recipe: Recipe, calibration: Calibration | None, precisions: Precisions
    ) -> bytes:
        """The int8 file, if ``recipe`` is that of int8 with a scale per channel."""
        if recipe.name != _INT8:
            raise UsageError(
                self._quantized,
                hint=f"Its uint8 can become int8, which is faster: --recipe {_INT8}.",
            )
        model = packing.unpack(self.content)
        modernizing.use_int8(model)
        if recipe.io == "float32":
            ends.use_float(model)
        return finish(packing.pack(model), recipe)


_INT8 = "static_wi8_ai8"
