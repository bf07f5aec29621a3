"""Rules of the XNNPACK delegate: one per operator, which returns the reason of a refusal.

The rules are those of ``tflite/delegates/xnnpack/xnnpack_delegate.cc`` as ai-edge-litert 2.3
applies them; tests compare them with the real delegate. It looks at the shapes in the file, so
what an operator makes of run-time values has the size that stands there.
"""

from __future__ import annotations

import math
import struct

from tflconv.inspection.xnnpack_checks import (
    CheckedOperator,
    Rule,
    counts,
    described,
    every,
    float_only,
    float_or_q8,
    four_dimensional_output,
    fusable,
    is_float,
    is_q8,
    no_float16,
    ranked,
    ratio,
    same_quantization,
    same_types,
    scale,
    scales_between,
    shape_refusal,
    steered_by,
)  # fmt: skip
from tflconv.inspection.xnnpack_products import (
    BATCH_MATMUL,
    CONV_2D,
    DEPTHWISE_CONV_2D,
    FULLY_CONNECTED,
    TRANSPOSE_CONV,
    constant_of,
)  # fmt: skip
from tflconv.tflite.contents import Operator, Subgraph, TfliteTensor


def refusal(graph: Subgraph, operator: Operator, unpacked: frozenset[int]) -> str | None:
    """Return why XNNPACK refuses an operator, or None if it takes it.

    Args:
        graph: The graph of the operator.
        operator: The operator.
        unpacked: Tensors that the delegate unpacks while loading (``unpacked_tensors``).
    """
    rule = (_CUSTOM_RULES if operator.custom else _RULES).get(operator.name)
    if rule is None:
        return "XNNPACK has no such operator"
    return rule(CheckedOperator(graph, operator, unpacked))


def unpacking_operators(graph: Subgraph) -> dict[int, int]:
    """Return the DEQUANTIZE and DENSIFY of constants, which run once, on loading.

    Returns:
        The tensor that each of them makes, by index of the operator.
    """
    unpacking: dict[int, int] = {}
    unpacked: set[int] = set()
    for operator in graph.operators:
        ends = (*operator.inputs, *operator.outputs)
        if (len(operator.inputs), len(ends)) != (1, 2) or min(ends) < 0:
            continue
        source, target = graph.input_tensors(operator)[0], graph.output_tensors(operator)[0]
        is_constant = source.constant or source.index in unpacked
        if is_constant and _unpacks(operator, source, target):
            unpacking[operator.index] = target.index
            unpacked.add(target.index)
    return unpacking


def _unpacks(operator: Operator, source: TfliteTensor, target: TfliteTensor) -> bool:
    if operator.name == "DENSIFY":
        wide = source.dtype in ("float16", "int8", "float32")
        return wide and source.sparse and source.constant and source.dtype == target.dtype
    packed = source.dtype == "float16" or (source.dtype == "int8" and source.quantization)
    dense = operator.name == "DEQUANTIZE" and not source.sparse
    return dense and bool(packed) and target.dtype == "float32"


def _all_same_when_uint8(node: CheckedOperator) -> str | None:
    (target,) = node.outputs
    odd = target.dtype == "uint8" and not all(same_quantization(t, target) for t in node.inputs)
    return "an input is quantized otherwise than the output" if odd else None


def _reshaped(node: CheckedOperator) -> str | None:
    source, (target,) = node.inputs[0], node.outputs
    if target.dtype in ("int8", "uint8") and not same_quantization(source, target):
        return "its output is quantized otherwise than its input"
    if reason := shape_refusal(target):
        return reason
    return steered_by(1, rank=32)(node) if len(node.inputs) > 1 else None


def _no_uint8(node: CheckedOperator) -> str | None:
    kinds = {t.dtype for t in (*node.inputs, *node.outputs)}
    return "no kernel for uint8" if "uint8" in kinds else None


def _product_scale(node: CheckedOperator) -> str | None:
    (left, right), (target,) = node.inputs, node.outputs
    if is_q8(target) and not 2**-16 <= scale(left) * ratio(right, target) < 256:
        return "the scales of inputs and output lie too far apart"
    return None


def _leaky(node: CheckedOperator) -> str | None:
    alpha, (source,), (target,) = node.option("alpha", 0.0), node.inputs, node.outputs
    slope = alpha if isinstance(alpha, float) else 0.0
    if not math.isfinite(slope) or abs(slope) < 2**-126:
        return "its slope is 0"
    positive = ratio(source, target)
    low, high = 2**-8, 128
    if is_q8(source) and is_q8(target) and not low <= positive <= high:
        return "the scales of input and output lie too far apart"
    if is_q8(source) and is_q8(target) and not low <= abs(positive * slope) <= high:
        return "its slope is too small or too large for 8 bits"
    return None


def _pooling(node: CheckedOperator) -> str | None:
    strides, sides = _pair(node, "stride"), _pair(node, "filter")
    if min(*strides, *sides) < 1:
        return "its window has no size"
    if strides[0] > sides[0] or strides[1] > sides[1] or (sides == (1, 1) and max(strides) > 1):
        return "its stride is larger than its window"
    return None


def _pair(node: CheckedOperator, name: str) -> tuple[int, int]:
    suffixes = ("Height", "Width") if name == "filter" else ("H", "W")
    height, width = (node.number(name + suffix) for suffix in suffixes)
    return height, width


def _block(node: CheckedOperator) -> str | None:
    size = node.number("blockSize")
    if size < 2:
        return "its block has no size"
    sides = node.inputs[0].shape[1:3]
    uneven = node.operator.name == "SPACE_TO_DEPTH" and any(side % size for side in sides)
    return "its block does not divide the picture" if uneven else None


def _paddings(node: CheckedOperator) -> str | None:
    source, paddings = node.inputs[:2]
    if paddings.shape != (len(source.shape), 2):
        return "its paddings have other dimensions"
    return "a padding is negative" if (paddings.integers()[:4] < 0).any() else None


def _target_size(node: CheckedOperator) -> str | None:
    return "its output has no size" if node.inputs[1].integers()[:1].min(initial=0) < 0 else None


def _slice(node: CheckedOperator) -> str | None:
    begin, size = (tensor.integers() for tensor in node.inputs[1:])
    if len(begin) != len(size):
        return "its begin and size have other lengths"
    return "a size is not positive" if (size <= 0).any() else None


def _strided(node: CheckedOperator) -> str | None:
    masks = ("ellipsisMask", "newAxisMask", "shrinkAxisMask")
    if any(node.option(mask) for mask in masks):
        return "it drops or adds an axis"
    source, begins, ends, strides = node.inputs
    if (strides.integers() != 1).any():
        return "its stride is not 1"
    if {begins.shape, ends.shape, strides.shape} != {(len(source.shape),)}:
        return "it slices fewer axes than there are"
    return _crop(node)


def _crop(node: CheckedOperator) -> str | None:
    source, begins, ends = node.inputs[:3]
    rows = zip(source.shape, begins.integers(), ends.integers(), strict=True)
    for axis, (extent, begin, end) in enumerate(rows):
        first = 0 if node.number("beginMask") >> axis & 1 else int(begin)
        last = 0 if node.number("endMask") >> axis & 1 else int(end) + first * _relative(node)
        offset = first + extent if first < 0 else first
        size = last + extent - offset if last <= 0 else last - offset
        if offset + size > extent:
            return "it reaches beyond its input"
    return None


def _relative(node: CheckedOperator) -> int:
    return int(bool(node.option("offset")))


def _splits(node: CheckedOperator) -> str | None:
    count = len(node.operator.outputs)
    if not 2 <= count <= 4:
        return f"{count} outputs, XNNPACK takes 2 to 4"
    if len(node.operator.inputs) != 2 or min(*node.operator.inputs, *node.operator.outputs) < 0:
        return "an input is left out"
    return None if node.number("numSplits") == count else "it has another number of outputs"


def _beta_one(node: CheckedOperator) -> str | None:
    return None if node.option("beta", 0.0) == 1.0 else "its beta is not 1"


def _quantize(node: CheckedOperator) -> str | None:
    (source,), (target,) = node.inputs, node.outputs
    if is_float(source) and (is_q8(target) or is_float(target)):
        return None
    if not is_q8(target) or not is_q8(source):
        return f"no kernel from {described(source)} to {described(target)}"
    if source.dtype != target.dtype:
        return f"no kernel from {source.dtype} to {target.dtype}"
    if not 2**-8 <= ratio(source, target) <= 128:
        return "the scales of input and output lie too far apart"
    return None


def _dequantize(node: CheckedOperator) -> str | None:
    (source,), (target,) = node.inputs, node.outputs
    if is_q8(source) and is_float(target):
        return None
    return f"no kernel from {described(source)} to {described(target)}"


def _custom_pooling(node: CheckedOperator) -> str | None:
    _, width, height, *window = _fields(node, 6)
    if min(width, height, *window[:2]) < 1:
        return "its window has no size"
    return None if window[:2] == [width, height] else "its stride is not its window"


def _custom_deconvolution(node: CheckedOperator) -> str | None:
    return None if min(_fields(node, 3)[1:]) > 0 else "it has no stride"


def _fields(node: CheckedOperator, count: int) -> list[int]:
    """Return the 32-bit integers of custom options; those that are missing are 0."""
    content = node.operator.custom_options[: 4 * count].ljust(4 * count, b"\0")
    return list(struct.unpack(f"<{count}i", content))


def _attention(node: CheckedOperator) -> str | None:
    query, key, value, *mask = node.inputs
    if min(len(each.shape) for each in node.inputs) < 2:
        return "fewer than 2 dimensions"
    if len({each.shape[-1] for each in (query, key, value)}) > 1:
        return "its heads have other sizes"
    lengths = {each.shape[1] for each in (key, value)} | {each.shape[-1] for each in mask}
    return "its mask has another length" if mask and len(lengths) > 1 else None


def _floats_of_four_dimensions(node: CheckedOperator) -> str | None:
    tensors = (*node.inputs[:2], node.outputs[0])
    odd = [t for t in tensors if not is_float(t)]
    return f"XNNPACK has it in float only, here it is {described(odd[0])}" if odd else None


_ONE, _TWO = counts(1), counts(2)
_REDUCE = every(_TWO, float_or_q8(0), steered_by(1))
_UNARY = every(_ONE, ranked(0))
_BINARY = every(_TWO, ranked(0, 1))
_UNARY_FLOAT = (
    "ABS", "CEIL", "COS", "EXP", "FLOOR", "GELU", "HARD_SWISH", "LOG", "NEG", "RELU", "RELU6",
    "RELU_N1_TO_1", "ROUND", "RSQRT", "SIN", "SQRT", "SQUARE",
)  # fmt: skip
_BINARY_FLOAT = ("DIV", "MAXIMUM", "MINIMUM", "SQUARED_DIFFERENCE")
_SUM = every(_BINARY, float_or_q8(), same_types, scales_between(2**-10, 256), fusable)
_DEPTH = every(_ONE, no_float16, float_or_q8(), _block)

_RULES: dict[str, Rule] = {
    **dict.fromkeys(_UNARY_FLOAT, every(_UNARY, float_only)),
    **dict.fromkeys(_BINARY_FLOAT, every(_BINARY, float_only, fusable)),
    "ADD": _SUM,
    "SUB": _SUM,
    "MUL": every(_BINARY, float_or_q8(), same_types, _product_scale, fusable),
    "AVERAGE_POOL_2D": every(_ONE, float_only, _pooling, fusable),
    "BATCH_MATMUL": BATCH_MATMUL,
    "CONCATENATION": every(counts(2, 5), float_or_q8(), _all_same_when_uint8),
    "CONV_2D": CONV_2D,
    "DEPTHWISE_CONV_2D": DEPTHWISE_CONV_2D,
    "DEPTH_TO_SPACE": _DEPTH,
    "DEQUANTIZE": every(_UNARY, _dequantize),
    "ELU": every(_UNARY, float_or_q8(), same_types, _no_uint8),
    "FULLY_CONNECTED": FULLY_CONNECTED,
    "LEAKY_RELU": every(_UNARY, float_or_q8(), same_types, _leaky),
    "LOGISTIC": every(_UNARY, float_or_q8(), same_types),
    "MAX_POOL_2D": every(_ONE, no_float16, float_or_q8(), _pooling, fusable),
    "MEAN": _REDUCE,
    "PAD": every(_TWO, float_or_q8(0), ranked(0, least=1), steered_by(1, rank=2), _paddings),
    "PRELU": every(_BINARY, float_only, constant_of(1, "slope")),
    "QUANTIZE": every(_UNARY, _quantize),
    "REDUCE_MAX": _REDUCE,
    "REDUCE_MIN": _REDUCE,
    "RESHAPE": every(counts(1, 2), float_or_q8(0), ranked(0), _reshaped),
    "RESIZE_BILINEAR": every(
        _TWO, no_float16, float_or_q8(0), ranked(0, least=4, most=4), steered_by(1), _target_size
    ),
    "SLICE": every(
        counts(3), float_or_q8(0), steered_by(1, "int32", "int64"),
        steered_by(2, "int32", "int64"), _slice, ranked(0),
    ),
    "SOFTMAX": every(_beta_one, _ONE, float_only),
    "SPACE_TO_DEPTH": _DEPTH,
    "SPLIT": every(_splits, steered_by(0), float_or_q8(1)),
    "STRIDED_SLICE": every(
        counts(4), steered_by(1), steered_by(2), steered_by(3), _strided, float_or_q8(0), ranked(0)
    ),
    "SUM": _REDUCE,
    "TANH": every(_UNARY, float_or_q8(), same_types),
    "TRANSPOSE": every(_TWO, float_or_q8(0), steered_by(1), ranked(0)),
    "TRANSPOSE_CONV": TRANSPOSE_CONV,
}  # fmt: skip

_CUSTOM_RULES: dict[str, Rule] = {
    "odml.scaled_dot_product_attention": every(counts(3, 4), float_only, _attention),
    "Convolution2DTransposeBias": every(
        counts(3), float_only, ranked(0, 1, least=4, most=4), ranked(2, least=1, most=1),
        constant_of(1, "weights"), constant_of(2, "bias"), four_dimensional_output,
        _custom_deconvolution,
    ),
    "MaxPoolingWithArgmax2D": every(
        counts(1, outputs=2), _floats_of_four_dimensions, ranked(0, least=4, most=4),
        _custom_pooling,
    ),
    "MaxUnpooling2D": every(
        _TWO, ranked(0, 1, least=4, most=4), four_dimensional_output, _custom_pooling
    ),
}  # fmt: skip
"""Custom operators of MediaPipe and of language models, by their name in the file."""
