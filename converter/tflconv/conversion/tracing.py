"""From a float model to one frozen graph, and from there to one float ``.tflite``.

``TFLiteConverter.from_keras_model`` goes through a SavedModel on disk and traces anew for every
file: about 22 s for a MobileNetV2 on two cores. Tracing once with the batch fixed to 1, freezing
the variables to constants and handing over the concrete function takes 2 s and leaves no
dynamic-shape operators behind.
"""

from __future__ import annotations

import contextlib
import logging
import re
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from tflconv import quiet
from tflconv.conversion import packing, schema
from tflconv.errors import TflconvError, UsageError
from tflconv.source import Input, Source


@dataclass(frozen=True, kw_only=True, eq=False)
class FrozenGraph:
    """A concrete function without variables, for batch 1, and the names it keeps."""

    function: Any
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]

    @property
    def has_trained_ranges(self) -> bool:
        """Whether quantization-aware training left its ranges (fake-quant operators) inside."""
        return any(node.op.startswith("FakeQuant") for node in _nodes(self.function))


def freeze(source: Source) -> FrozenGraph:
    """Trace ``source`` at batch 1 and turn its variables into constants."""
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    from tflconv.keras import tf

    specs = [
        tf.TensorSpec((1, *_fixed_shape(entry, source)), entry.dtype, name=_identifier(entry.name))
        for entry in source.inputs
    ]
    traced = tf.function(source.call, autograph=False).get_concrete_function(*specs)
    return FrozenGraph(
        function=convert_variables_to_constants_v2(traced),
        inputs=tuple(entry.name for entry in source.inputs),
        outputs=source.outputs,
    )


def lower(graph: FrozenGraph) -> bytes:
    """The float ``.tflite`` of ``graph``: the TFLite converter with nothing quantized.

    Raises ``TflconvError`` naming the TensorFlow operators that TFLite does not have.
    """
    return _convert(graph, lambda _: None)


def lower_trained(graph: FrozenGraph, *, io: str) -> bytes:
    """The integer ``.tflite`` of a graph that carries its trained ranges.

    ``io`` is the type of inputs and outputs: float32, int8 or uint8.
    """
    from tflconv.keras import tf

    def set_up(converter: Any) -> None:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.inference_input_type = converter.inference_output_type = tf.as_dtype(io)

    return _convert(graph, set_up)


def _convert(graph: FrozenGraph, set_up: Callable[[Any], None]) -> bytes:
    from tflconv.keras import tf

    try:
        with _quiet():
            converter = tf.lite.TFLiteConverter.from_concrete_functions([graph.function])
            converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
            set_up(converter)
            content = converter.convert()
    except Exception as error:  # the converter raises its own kinds and plain ones alike
        raise _explained(error) from error
    model = packing.unpack(content)
    schema.sign(model, graph.inputs, graph.outputs)
    return packing.pack(model)


def _fixed_shape(entry: Input, source: Source) -> tuple[int, ...]:
    if entry.dtype not in _INPUT_TYPES:
        raise UsageError(
            f"input '{entry.name}' of {source.name} is {entry.dtype};"
            f" conversion takes {', '.join(_INPUT_TYPES)}."
        )
    if any(size is None for size in entry.shape):
        raise UsageError(
            f"input '{entry.name}' of {source.name} has no fixed shape."
            f" Received: {list(entry.shape)}.",
            hint="Say it with --resize HEIGHTxWIDTH.",
        )
    return tuple(size for size in entry.shape if size is not None)


_INPUT_TYPES = ("float32", "float16", "int32", "int64", "uint8", "int8", "bool")


def _identifier(name: str) -> str:
    """``name`` as TensorFlow allows it for an argument."""
    return re.sub(r"\W", "_", name)


def _nodes(function: Any) -> Iterator[Any]:
    definition = function.graph.as_graph_def()
    yield from definition.node
    for inner in definition.library.function:
        yield from inner.node_def


def _explained(error: Exception) -> TflconvError:
    operators = sorted(set(re.findall(r"\btf\.(\w+)\(", str(error))))
    if "Some ops are not supported" in str(error) and operators:
        return TflconvError(
            f"TFLite has no operators for {', '.join(operators)}.",
            hint="Replace the layers that use them; Flex operators do not run in plain LiteRT.",
        )
    lines = [line for line in str(error).splitlines() if line.strip()]
    return TflconvError(f"the TFLite converter failed: {lines[-1] if lines else error!r}")


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Hold back what the converter's C++ side prints, which no option turns off."""
    logger = logging.getLogger("absl")
    level = logger.level
    logger.setLevel(logging.ERROR)
    with warnings.catch_warnings(), quiet.native_stderr():
        warnings.simplefilter("ignore")
        try:
            yield
        finally:
            logger.setLevel(level)
