"""Names the operators that the GPU delegate of TFLite refuses, and why.

The rules are those of ``tflite/delegates/gpu/common/model_builder.cc``: which operators it has,
that no tensor has five dimensions or more, and which types it takes. It may refuse single settings
of an operator besides, and the GPU accelerators of LiteRT are newer and may take more:
what is refused here is a warning, and what is taken is no promise. `tflconv bench --use-gpu` asks
the device. Compilation for NPUs is out of scope.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from tflconv.core import markup
from tflconv.core.jsonvalue import JsonValue
from tflconv.tflite.contents import Operator, Subgraph, TfliteModel

OPERATORS = frozenset(
    (
        "ABS", "ADD", "ADD_N", "AVERAGE_POOL_2D", "BATCH_MATMUL", "CAST", "CONCATENATION",
        "CONV_2D", "COS", "CUMSUM", "DENSIFY", "DEPTHWISE_CONV_2D", "DEPTH_TO_SPACE",
        "DEQUANTIZE", "DIV", "EQUAL", "ELU", "EXP", "FLOOR", "FLOOR_DIV", "FLOOR_MOD",
        "FULLY_CONNECTED", "GATHER", "GELU", "GREATER", "GREATER_EQUAL", "HARD_SWISH", "LESS",
        "LESS_EQUAL", "LOGISTIC", "LOG", "LOGICAL_AND", "LSTM", "MAXIMUM", "MAX_POOL_2D", "MEAN",
        "MINIMUM", "MIRROR_PAD", "MUL", "NEG", "NOT_EQUAL", "ONE_HOT", "PACK", "PAD", "PADV2",
        "POW", "REDUCE_MAX", "REDUCE_MIN", "REDUCE_PROD", "QUANTIZE", "RELU", "RELU6",
        "RELU_0_TO_1", "RELU_N1_TO_1", "LEAKY_RELU", "PRELU", "RESHAPE", "RESIZE_BILINEAR",
        "RESIZE_NEAREST_NEIGHBOR", "RSQRT", "SELECT", "SELECT_V2", "SIGN", "SIN", "SLICE",
        "SOFTMAX", "SPACE_TO_DEPTH", "SPLIT", "SPLIT_V", "SQRT", "SQUARE", "SQUARED_DIFFERENCE",
        "STRIDED_SLICE", "SUB", "SUM", "TANH", "TILE", "TRANSPOSE", "TRANSPOSE_CONV", "UNPACK",
    )
)  # fmt: skip

_TYPES = ("float32", "float16", "int8", "uint8", "int32", "bool")
_MOST_DIMENSIONS = 4


def refusals(model: TfliteModel) -> Mapping[int, str]:
    """Return why the GPU delegate refuses operators of the main graph, by index.

    Args:
        model: The file.
    """
    graph = model.main
    reasons = {operator.index: _refusal(graph, operator) for operator in graph.operators}
    return {index: reason for index, reason in reasons.items() if reason is not None}


def summary(model: TfliteModel) -> tuple[str, ...]:
    """Return what is refused, one line per kind of operator and reason."""
    refused = refusals(model)
    count, graph = len(model.main.operators), model.main
    named = Counter((graph.operators[index].name, reason) for index, reason in refused.items())
    head = f"GPU delegate: takes {count - len(refused)} of {count} operators by their kind"
    return (head, *(f"  {n} x {name}: {reason}" for (name, reason), n in named.most_common()))


def to_html(model: TfliteModel) -> str:
    """Return the refused operators as a table for a notebook."""
    return markup.table(to_json(model), summary(model)[0])


def to_json(model: TfliteModel) -> list[dict[str, JsonValue]]:
    """Return the refused operators as JSON values."""
    operators = model.main.operators
    return [
        {"index": index, "operator": operators[index].name, "reason": reason}
        for index, reason in refusals(model).items()
    ]


def _refusal(graph: Subgraph, operator: Operator) -> str | None:
    if operator.custom or operator.name not in OPERATORS:
        return "the GPU delegate has no such operator"
    for index in (*operator.inputs, *operator.outputs):
        if index < 0:
            continue
        tensor = graph.tensors[index]
        if len(tensor.shape) > _MOST_DIMENSIONS:
            return f"a tensor has {len(tensor.shape)} dimensions, and 4 are the most"
        if not tensor.constant and tensor.dtype not in _TYPES:
            return f"a tensor is {tensor.dtype}"
    return None
