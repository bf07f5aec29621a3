"""Rules of the XNNPACK delegate: one per operator, which returns the reason of a refusal.

The rules are those of ``tflite/delegates/xnnpack/xnnpack_delegate.cc`` as ai-edge-litert 2.3
applies them; tests compare them with the real delegate.
"""

from __future__ import annotations

from collections.abc import Callable

from tflconv.tflite.reading import Operator, Subgraph, TfliteTensor

Rule = Callable[[Subgraph, Operator], "str | None"]
"""Returns the reason why the delegate refuses a node, or None if it takes it."""

MAX_DIMENSIONS = 6
_FUSABLE = (None, "RELU", "RELU6", "RELU_N1_TO_1")


def refusal(graph: Subgraph, operator: Operator) -> str | None:
    """Return why XNNPACK refuses an operator, or None if it takes it."""
    rule = _RULES.get(operator.name)
    if rule is None:
        return "XNNPACK has no such operator"
    dynamic = [t for t in graph.input_tensors(operator) if any(size < 0 for size in t.shape)]
    if dynamic:
        return "its input has a dimension that is known only at run time"
    return rule(graph, operator)


def unpacked_constants(graph: Subgraph) -> set[int]:
    """Return the DEQUANTIZE and DENSIFY of constants, which the delegate runs once, on loading."""
    unpacking: set[int] = set()
    unpacked: set[int] = set()
    for operator in graph.operators:
        if operator.name not in ("DEQUANTIZE", "DENSIFY"):
            continue
        source, target = graph.tensors[operator.inputs[0]], graph.tensors[operator.outputs[0]]
        known = source.constant or source.index in unpacked
        dense = operator.name == "DEQUANTIZE" and not source.sparse
        packed = source.dtype == "float16" or (source.dtype == "int8" and source.quantization)
        if known and (
            (dense and packed and target.dtype == "float32")
            or (operator.name == "DENSIFY" and source.sparse and source.dtype == target.dtype)
        ):
            unpacking.add(operator.index)
            unpacked.add(target.index)
    return unpacking


def _is_float(tensor: TfliteTensor) -> bool:
    return tensor.dtype == "float32"


def _is_q8(tensor: TfliteTensor) -> bool:
    quantization = tensor.quantization
    return (
        tensor.dtype in ("int8", "uint8")
        and quantization is not None
        and not quantization.channelwise
        and quantization.dimension == 0
    )


def _scale(tensor: TfliteTensor) -> float:
    return tensor.quantization.scales[0] if tensor.quantization else 1.0


def _zero_point(tensor: TfliteTensor) -> int:
    zero_points = tensor.quantization.zero_points if tensor.quantization else ()
    return zero_points[0] if zero_points else 0


def _described(tensor: TfliteTensor) -> str:
    if tensor.quantization and tensor.quantization.channelwise:
        return f"channelwise {tensor.dtype}"
    return tensor.dtype


def all_tensors(graph: Subgraph, operator: Operator) -> list[TfliteTensor]:
    """Return inputs, then outputs of an operator."""
    return [*graph.input_tensors(operator), *graph.output_tensors(operator)]


def _data(graph: Subgraph, operator: Operator) -> list[TfliteTensor]:
    """Return inputs and outputs that hold data, without axes, shapes and paddings."""
    whole = ("int32", "int64")
    return [t for t in all_tensors(graph, operator) if t.dtype not in whole or t.quantization]


def _float_only(graph: Subgraph, operator: Operator) -> str | None:
    odd = [t for t in all_tensors(graph, operator) if not _is_float(t)]
    return f"XNNPACK has it in float only, here it is {_described(odd[0])}" if odd else None


def _float_or_q8(graph: Subgraph, operator: Operator) -> str | None:
    return _no_kernel(_data(graph, operator))


def _same_types(graph: Subgraph, operator: Operator) -> str | None:
    tensors = all_tensors(graph, operator)
    kinds = dict.fromkeys(t.dtype for t in tensors)
    return f"mixes {' and '.join(kinds)}" if len(kinds) > 1 else _no_kernel(tensors)


def _no_kernel(tensors: list[TfliteTensor]) -> str | None:
    odd = [t for t in tensors if not _is_float(t) and not _is_q8(t)]
    return f"no kernel for {_described(odd[0])}" if odd else None


def _no_uint8(graph: Subgraph, operator: Operator) -> str | None:
    kinds = {t.dtype for t in graph.output_tensors(operator)}
    return "no kernel for uint8" if "uint8" in kinds else None


def _constant_slope(graph: Subgraph, operator: Operator) -> str | None:
    slope = graph.input_tensors(operator)[1]
    return None if slope.constant else "its slope is computed at run time"


def _same_quantization(graph: Subgraph, operator: Operator) -> str | None:
    source, target = graph.input_tensors(operator)[0], graph.output_tensors(operator)[0]
    if _is_q8(target) and (
        _scale(source) != _scale(target) or _zero_point(source) != _zero_point(target)
    ):
        return "its output is quantized otherwise than its input"
    return None


def _scale_between(low: float, high: float) -> Rule:
    def rule(graph: Subgraph, operator: Operator) -> str | None:
        (target,) = graph.output_tensors(operator)
        for source in graph.input_tensors(operator):
            both = _is_q8(source) and _is_q8(target) and source.dtype == target.dtype
            if both and not low <= _scale(source) / _scale(target) < high:
                return "the scales of input and output lie too far apart"
        return None

    return rule


def _product_scale(graph: Subgraph, operator: Operator) -> str | None:
    left, right = graph.input_tensors(operator)
    (target,) = graph.output_tensors(operator)
    if _is_q8(target) and not 2**-16 <= _scale(left) * _scale(right) / _scale(target) < 256:
        return "the scales of inputs and output lie too far apart"
    return None


def _fusable(_: Subgraph, operator: Operator) -> str | None:
    if operator.activation not in _FUSABLE:
        return f"the fused activation {operator.activation} has no kernel"
    return None


def _few_dimensions(graph: Subgraph, operator: Operator) -> str | None:
    if any(len(t.shape) > MAX_DIMENSIONS for t in _data(graph, operator)):
        return f"more than {MAX_DIMENSIONS} dimensions"
    return None


def _steered_by_constants(graph: Subgraph, operator: Operator) -> str | None:
    steering = [t for t in graph.input_tensors(operator) if t.dtype in ("int32", "int64")]
    if all(t.constant for t in steering):
        return None
    return "a shape or axis is known only at run time"


def _inputs_between(low: int, high: int) -> Rule:
    def rule(_: Subgraph, operator: Operator) -> str | None:
        count = len(operator.inputs)
        return None if low <= count <= high else f"{count} inputs, XNNPACK takes {low} to {high}"

    return rule


def _weights(axis: int, *, dynamic: bool, int4: bool = False) -> Rule:
    """Check the types of convolutions and dense layers; ``axis`` is that of channelwise scales."""

    def rule(graph: Subgraph, operator: Operator) -> str | None:
        source, weights = (graph.tensors[index] for index in operator.inputs[:2])
        (target,) = graph.output_tensors(operator)
        if not weights.constant and not _unpacked(graph, weights):
            return "its weights are computed at run time"
        if source.dtype != target.dtype or not (_is_float(source) or _is_q8(source)):
            return f"no kernel from {_described(source)} to {_described(target)}"
        return _weight_types(source, weights, axis, dynamic=dynamic, int4=int4)

    return rule


def _weight_types(
    source: TfliteTensor, weights: TfliteTensor, axis: int, *, dynamic: bool, int4: bool
) -> str | None:
    quantization = weights.quantization
    if quantization and quantization.channelwise and quantization.dimension != axis:
        return f"scales of its weights run along dimension {quantization.dimension}, not {axis}"
    small = ("int8", "int4") if int4 else ("int8",)
    mixed = source.dtype != weights.dtype and weights.dtype != "float16"
    hybrid = _is_float(source) and weights.dtype in small and dynamic
    static = source.dtype == "int8" and weights.dtype in small
    if mixed and not hybrid and not static:
        return f"no kernel for {source.dtype} with {weights.dtype} weights"
    return None


def _unpacked(graph: Subgraph, tensor: TfliteTensor) -> bool:
    producer = graph.producers.get(tensor.index)
    return producer is not None and producer.index in unpacked_constants(graph)


def _biased(_: Subgraph, operator: Operator) -> str | None:
    return None if len(operator.inputs) > 2 and operator.inputs[2] >= 0 else "it has no bias"


def _batch_matmul(graph: Subgraph, operator: Operator) -> str | None:
    left, right = graph.input_tensors(operator)
    (target,) = graph.output_tensors(operator)
    kinds = (left.dtype, right.dtype, target.dtype)
    if kinds == ("float32",) * 3 or kinds == ("float32", "int8", "float32"):
        return None
    if kinds != ("int8",) * 3:
        return f"no kernel for {left.dtype} times {right.dtype}"
    if right.quantization is None or not right.quantization.symmetric:
        return "the zero point of its right operand is not 0"
    return None


def _beta_one(_: Subgraph, operator: Operator) -> str | None:
    return None if operator.options.get("beta", 1.0) == 1.0 else "its beta is not 1"


def _plain_slice(graph: Subgraph, operator: Operator) -> str | None:
    masks = ("ellipsisMask", "newAxisMask", "shrinkAxisMask")
    if any(operator.options.get(mask) for mask in masks):
        return "it drops or adds an axis"
    source, *_, strides = graph.input_tensors(operator)
    if strides.dtype != "int32" or not strides.constant or (strides.integers() != 1).any():
        return "its stride is not 1"
    if len(source.shape) != strides.elements:
        return "it slices fewer axes than there are"
    return None


def _splits(_: Subgraph, operator: Operator) -> str | None:
    count = len(operator.outputs)
    return None if 2 <= count <= 4 else f"{count} outputs, XNNPACK takes 2 to 4"


def _all_inputs_like_output(graph: Subgraph, operator: Operator) -> str | None:
    (target,) = graph.output_tensors(operator)
    for source in graph.input_tensors(operator):
        if target.dtype == "uint8" and (_scale(source), _zero_point(source)) != (
            _scale(target),
            _zero_point(target),
        ):
            return "an input is quantized otherwise than the output"
    return None


def _quantize(graph: Subgraph, operator: Operator) -> str | None:
    (source,), (target,) = graph.input_tensors(operator), graph.output_tensors(operator)
    if not _is_q8(target) or not (_is_float(source) or _is_q8(source)):
        return f"no kernel from {_described(source)} to {_described(target)}"
    if _is_q8(source) and source.dtype != target.dtype:
        return f"no kernel from {source.dtype} to {target.dtype}"
    return None


def _dequantize(graph: Subgraph, operator: Operator) -> str | None:
    (source,), (target,) = graph.input_tensors(operator), graph.output_tensors(operator)
    if _is_q8(source) and _is_float(target):
        return None
    return f"no kernel from {_described(source)} to {_described(target)}"


def _all(*rules: Rule) -> Rule:
    """Combine rules: the first reason that one of them returns."""

    def rule(graph: Subgraph, operator: Operator) -> str | None:
        return next((reason for check in rules if (reason := check(graph, operator))), None)

    return rule


_CONV = _all(_biased, _weights(0, dynamic=True), _fusable)
_REDUCE = _all(_float_or_q8, _steered_by_constants)
_SHAPING = _all(_float_or_q8, _few_dimensions, _steered_by_constants)
_UNARY_FLOAT = (
    "ABS", "CEIL", "COS", "EXP", "FLOOR", "GELU", "HARD_SWISH", "LOG", "NEG", "RELU", "RELU6",
    "RELU_N1_TO_1", "ROUND", "RSQRT", "SIN", "SQRT", "SQUARE",
)  # fmt: skip
_BINARY_FLOAT = ("DIV", "MAXIMUM", "MINIMUM", "SQUARED_DIFFERENCE")

_RULES: dict[str, Rule] = {
    **dict.fromkeys(_UNARY_FLOAT, _all(_float_only, _few_dimensions)),
    **dict.fromkeys(_BINARY_FLOAT, _all(_float_only, _few_dimensions, _fusable)),
    "ADD": _all(_same_types, _scale_between(2**-10, 256), _fusable, _few_dimensions),
    "SUB": _all(_same_types, _scale_between(2**-10, 256), _fusable, _few_dimensions),
    "MUL": _all(_same_types, _product_scale, _fusable, _few_dimensions),
    "AVERAGE_POOL_2D": _all(_float_only, _fusable),
    "BATCH_MATMUL": _batch_matmul,
    "CONCATENATION": _all(_inputs_between(2, 5), _float_or_q8, _all_inputs_like_output),
    "CONV_2D": _CONV,
    "DEPTHWISE_CONV_2D": _all(_biased, _weights(3, dynamic=False), _fusable),
    "DEPTH_TO_SPACE": _float_or_q8,
    "DEQUANTIZE": _dequantize,
    "ELU": _all(_same_types, _no_uint8),
    "FULLY_CONNECTED": _all(_weights(0, dynamic=True, int4=True), _fusable),
    "LEAKY_RELU": _same_types,
    "LOGISTIC": _same_types,
    "MAX_POOL_2D": _all(_float_or_q8, _fusable),
    "MEAN": _REDUCE,
    "PAD": _SHAPING,
    "PRELU": _all(_float_only, _constant_slope),
    "QUANTIZE": _all(_quantize, _scale_between(2**-8, 128)),
    "REDUCE_MAX": _REDUCE,
    "REDUCE_MIN": _REDUCE,
    "RESHAPE": _all(_SHAPING, _same_quantization),
    "RESIZE_BILINEAR": _SHAPING,
    "SLICE": _SHAPING,
    "SOFTMAX": _all(_beta_one, _float_only),
    "SPACE_TO_DEPTH": _float_or_q8,
    "SPLIT": _all(_splits, _SHAPING),
    "STRIDED_SLICE": _all(_plain_slice, _SHAPING),
    "SUM": _REDUCE,
    "TANH": _same_types,
    "TRANSPOSE": _SHAPING,
    "TRANSPOSE_CONV": _float_or_q8,
}
