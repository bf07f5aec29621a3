"""Trace a float model to a frozen graph, and lower the graph to ``.tflite``.

``TFLiteConverter.from_keras_model`` goes through a SavedModel on disk and traces again for every
file: about 22 s for a MobileNetV2 on two cores. Tracing once with a batch of 1, freezing the
variables to constants and converting the concrete function takes 2 s and leaves no operators with
dynamic shapes.
"""

from __future__ import annotations

import contextlib
import logging
import re
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tflconv.conversion.calibration import Calibration
from tflconv.core import quiet
from tflconv.core.limits import limited
from tflconv.core.shortening import first_line
from tflconv.core.typing import ConcreteFunction, GraphNode, GraphTensor, Operation, Shape, Tensor
from tflconv.errors import TflconvError, UsageError
from tflconv.model.opening import FloatFunction, Input
from tflconv.recipe import Recipe
from tflconv.tflite import editing, half_casts, naming, packing, roots

if TYPE_CHECKING:
    from tflconv.core.tensorflow import tf


@dataclass(frozen=True, kw_only=True, eq=False)
class FrozenGraph:
    """A concrete function without variables, for a batch of 1.

    Attributes:
        function: The function.
        inputs: Names of its inputs.
        outputs: Names of its outputs.
        traced: The same with its variables, if it is known: TensorFlow takes several times as long
            to start a function that carries its weights as constants.
        layers: What tensors of the node at each place are called, if a network was traced.
        ends: The same of each output.
    """

    function: ConcreteFunction
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    traced: ConcreteFunction | None = None
    layers: tuple[str, ...] = ()
    ends: tuple[str, ...] = ()

    @property
    def has_trained_ranges(self) -> bool:
        """Whether it contains ranges (fake-quant operators) of quantization-aware training."""
        return any(node.op.startswith("FakeQuant") for node in _nodes(self.function))

    @property
    def types(self) -> dict[str, str]:
        """Types of the inputs by their names."""
        dtypes = (np.dtype(tensor.dtype.as_numpy_dtype).name for tensor in self.function.inputs)
        return dict(zip(self.inputs, dtypes, strict=True))

    @property
    def endings(self) -> dict[str, str]:
        """The TFLite operator of each output that softmax or sigmoid makes, by its name."""
        kinds = [_origin(tensor).type for tensor in self.function.outputs]
        return {
            name: _PROBABILITIES[kind]
            for name, kind in zip(self.outputs, kinds, strict=True)
            if kind in _PROBABILITIES
        }

    def answer(self, sample: Mapping[str, NDArray[np.float32]]) -> dict[str, NDArray[np.float32]]:
        """Return all outputs by their names for one sample.

        Args:
            sample: One array of real numbers ``[1, ...]`` per input, by name.

        Raises:
            TflconvError: TensorFlow cannot compute them, such as for an integer that is no row of
                an embedding.
        """
        from tflconv.core.tensorflow import run_plainly, tf

        fed = [tf.constant(sample[name].astype(dtype)) for name, dtype in self.types.items()]
        try:
            results = run_plainly(self.traced or self.function, fed)
        except tf.errors.OpError as error:
            reason = first_line(ValueError(error.message), 200)
            raise TflconvError(f"TensorFlow cannot run the model: {reason}.") from error
        return {
            name: np.asarray(value).astype(np.float32)
            for name, value in zip(self.outputs, results, strict=True)
        }

    @property
    def leading_arithmetic(self) -> list[str]:
        """Arithmetic on the first input before any trained layer, as ``Mul (scale/mul)``.

        The graph shows it; the TFLite converter may fold it into the first convolution.
        """
        nodes = {node.name: node for node in self.function.graph.as_graph_def().node}
        readers = {name: node for node in nodes.values() for name in node.input}
        current, arithmetic = self.function.inputs[0].op.name, list[str]()
        while (node := readers.get(current)) and node.op in (*_ARITHMETIC, *_MOVING):
            if node.op in _ARITHMETIC:
                if not all(_is_constant(nodes, name) for name in node.input if name != current):
                    break
                arithmetic.append(f"{node.op} ({node.name})")
            current = node.name
        return arithmetic


_PROBABILITIES = {"Softmax": "SOFTMAX", "Sigmoid": "LOGISTIC"}
_ARITHMETIC = ("Add", "AddV2", "BiasAdd", "Mul", "RealDiv", "Sub")
_MOVING = (
    "Cast",
    "ConcatV2",
    "ExpandDims",
    "Identity",
    "Pad",
    "Reshape",
    "ReverseV2",
    "StridedSlice",
)


def freeze(source: FloatFunction, *, resolution: int | None = None) -> FrozenGraph:
    """Trace ``source`` with a batch of 1 and turn its variables into constants.

    Args:
        source: The model.
        resolution: Side of the pictures in pixels, for a model that takes any.

    Raises:
        UsageError: An input has no fixed shape, or a type that cannot be converted.
    """
    from tflconv.core.tensorflow import tf

    specs = [
        tf.TensorSpec(
            (1, *_fixed_shape(entry, source, resolution)),
            entry.dtype,
            name=_identifier(entry.name),
        )
        for entry in source.inputs
    ]
    traced = _trace(source.call, specs)
    return FrozenGraph(
        function=_frozen(traced),
        inputs=tuple(entry.name for entry in source.inputs),
        outputs=source.outputs,
        traced=traced,
    )


def freeze_function(
    call: Callable[..., Tensor | Sequence[Tensor]], specs: Sequence[tf.TensorSpec]
) -> ConcreteFunction:
    """Trace ``call`` for inputs like ``specs`` and turn its variables into constants.

    Raises:
        TflconvError: A layer changes a variable when it is called, or cannot be traced at all.
    """
    return _frozen(_trace(call, specs))


def _trace(
    call: Callable[..., Tensor | Sequence[Tensor]], specs: Sequence[tf.TensorSpec]
) -> ConcreteFunction:
    from tflconv.core.tensorflow import plain_choices, tf

    try:
        with limited(), plain_choices():
            function: ConcreteFunction = tf.function(call, autograph=False).get_concrete_function(
                *specs
            )
    except _UNTRACEABLE as error:
        raise _untraced(error) from error
    return function


def _frozen(function: ConcreteFunction) -> ConcreteFunction:
    from tflconv.core.tensorflow import freeze

    try:
        return freeze(function)
    except _UNTRACEABLE as error:
        _refuse_state(function)
        raise _untraced(error) from error


_UNTRACEABLE = (ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError)
"""What layers raise that do not compute; the errors of TensorFlow's operators are ValueErrors."""


def _refuse_state(function: ConcreteFunction) -> None:
    """Check that no layer of ``function`` changes a variable, which a file cannot."""
    changed = [node.name for node in _nodes(function) if re.match(r"Assign\w*VariableOp", node.op)]
    layers = dict.fromkeys((name.split("/")[:-1] or [name])[-1] for name in changed)
    if layers:
        raise TflconvError(
            f"a .tflite file keeps nothing from call to call, but {', '.join(layers)} changes a"
            " variable of the model whenever it is called.",
            hint="Let the layer do so only where `training` is true, as random layers of Keras do;"
            " build a recurrent layer with stateful=False.",
        )


def _untraced(error: Exception) -> TflconvError:
    plain = re.sub(r"\x1b\[[0-9;]*m", "", str(error))  # Keras prints its messages in bold
    lines = [line.strip("'\" ") for line in plain.splitlines() if line.strip("'\" ")]
    return TflconvError(
        f"TensorFlow cannot trace the model: {' '.join(lines[:2])[:400] or repr(error)}",
        hint="Does it answer to one sample of its input, model(x, training=False)?",
    )


def lower(graph: FrozenGraph) -> bytes:
    """Return the float ``.tflite`` file of ``graph``, made by the TFLite converter.

    Raises:
        TflconvError: TFLite lacks operators of TensorFlow that the graph uses.
    """
    return _convert(graph)


def lower_trained(graph: FrozenGraph, recipe: Recipe) -> bytes:
    """Return the integer ``.tflite`` file of a ``graph`` that contains its ranges."""
    return _convert(graph, recipe)


INT8_OPERATORS = frozenset(
    {"ARG_MAX", "ARG_MIN", "BATCH_TO_SPACE_ND", "DEPTH_TO_SPACE", "LOG_SOFTMAX",
     "SPACE_TO_BATCH_ND", "TILE", "TOPK_V2", "TRANSPOSE_CONV"}
)  # fmt: skip
"""Operators that litert-quantizer leaves in float and the TFLite converter does not. The converter
is not tried with others: it gains nothing, and its quantizer ends the whole process over some.
"""


def lower_static(graph: FrozenGraph, recipe: Recipe, calibration: Calibration) -> bytes:
    """Return the integer ``.tflite`` file of ``graph``, quantized by the TFLite converter itself.

    It has int8 forms of ``INT8_OPERATORS``.

    Args:
        graph: A float graph.
        recipe: An integer recipe.
        calibration: Samples that the ranges are measured with.
    """
    return _convert(graph, recipe, calibration)


def _convert(
    graph: FrozenGraph, integers: Recipe | None = None, calibration: Calibration | None = None
) -> bytes:
    """Lower ``graph``, with the ranges that it contains or with measured ones."""
    from tflconv.core.tensorflow import tf

    try:
        with _quiet():
            converter = tf.lite.TFLiteConverter.from_concrete_functions([graph.function])
            converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
            if integers is not None:
                ends = tf.float32 if integers.io == "float32" else tf.int8
                converter.optimizations = [tf.lite.Optimize.DEFAULT]
                converter.inference_input_type = converter.inference_output_type = ends
            if calibration is not None:
                samples = calibration.for_inputs(graph.inputs)
                types = [tensor.dtype.as_numpy_dtype for tensor in graph.function.inputs]
                converter.representative_dataset = lambda: samples.samples(types)
                converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
            content = converter.convert()
    except Exception as error:  # the converter raises its own kinds and plain ones alike
        raise _explained(error) from error
    model = packing.unpack(content)
    editing.sign(model, graph.inputs, graph.outputs)
    if graph.layers:
        naming.name(model, graph.layers, graph.ends)
    half_casts.drop_half_casts(model)
    roots.limit_before_roots(model)
    return packing.pack(model)


_TEXT = (
    "Leave the layers that take text (StringLookup, TextVectorization) out of the model: let it"
    " begin at the numbers behind them, and look words up in the app."
)


def _fixed_shape(entry: Input, source: FloatFunction, resolution: int | None) -> Shape:
    if entry.dtype not in _INPUT_TYPES:
        raise UsageError(
            f"input '{entry.name}' of {source.name} is {entry.dtype};"
            f" conversion takes {', '.join(_INPUT_TYPES)}.",
            hint=_TEXT if entry.dtype == "string" else "Give the model an input of float32.",
        )
    shape = entry.shape
    if len(shape) == 3 and resolution is not None:
        shape = (*(side or resolution for side in shape[:2]), shape[2])
    fixed = tuple(side for side in shape if side is not None)
    if len(fixed) < len(shape):
        raise UsageError(
            f"input '{entry.name}' of {source.name} has no fixed shape. Received: {list(shape)}.",
            hint="Add --resolution with the side of its pictures in pixels, such as 224.",
        )
    return fixed


_INPUT_TYPES = ("float32", "float16", "int32", "int64", "uint8", "int8", "bool")


def _identifier(name: str) -> str:
    """``name`` with only those characters that TensorFlow allows in names of arguments."""
    return re.sub(r"\W", "_", name)


def _origin(tensor: GraphTensor) -> Operation:
    """What computes ``tensor``, before anything that only hands it on."""
    operation = tensor.op
    while operation.type in ("Identity", "Reshape") and operation.inputs:
        operation = operation.inputs[0].op
    return operation


def _is_constant(nodes: Mapping[str, GraphNode], name: str) -> bool:
    node = nodes[name]
    if node.op in ("Cast", "Identity"):
        return _is_constant(nodes, node.input[0])
    return node.op == "Const"


def _nodes(function: ConcreteFunction) -> Iterator[GraphNode]:
    definition = function.graph.as_graph_def()
    yield from definition.node
    for inner in definition.library.function:
        yield from inner.node_def


def _explained(error: Exception) -> TflconvError:
    operators = sorted(set(re.findall(r"^\s+tf\.(\w+)\(", str(error), re.MULTILINE)))
    if operators:
        return TflconvError(
            f"TFLite has no operators for {', '.join(operators)} of TensorFlow.",
            hint="Replace the layers that use them; Flex operators do not run in plain LiteRT.",
        )
    if scaled := re.search(r"'tfl\.(\w+)' op quantization parameters violate the same", str(error)):
        return TflconvError(
            f"{scaled[1].upper()} in int8 has one scale for all that it takes and makes, and the"
            " ranges of the layers around it differ."
        )
    lines = [line for line in str(error).splitlines() if line.strip()]
    message = re.sub(r"^.*?\d+:\d+: error: ", "", lines[0]) if lines else repr(error)
    return TflconvError(f"the TFLite converter failed: {message}")


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Discard what the C++ side of the converter prints, for which it has no option."""
    logger = logging.getLogger("absl")
    level = logger.level
    logger.setLevel(logging.ERROR)
    with warnings.catch_warnings(), quiet.native_stderr():
        warnings.simplefilter("ignore")
        try:
            yield
        finally:
            logger.setLevel(level)
