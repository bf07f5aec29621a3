"""Rules of the XNNPACK delegate for operators with weights: convolutions and matrix products."""

from __future__ import annotations

from tflconv.inspection.xnnpack_checks import (
    CheckedOperator,
    Rule,
    counts,
    described,
    every,
    four_dimensional_output,
    fusable,
    is_float,
    is_q8,
    ranked,
    steered_by,
)  # fmt: skip
from tflconv.tflite.contents import TfliteTensor

_SPARSE_VERSION = 8
"""FULLY_CONNECTED of sparse weights."""

_PER_BYTE = {"int4": 2, "int2": 4}
"""Small weights in a byte, by type."""

_BLOCK = 32
"""Least number of weights that share a scale."""


def constant_of(position: int, name: str) -> Rule:
    """Check that the input at ``position`` is known when the model is loaded."""

    def rule(node: CheckedOperator) -> str | None:
        is_known = node.known(node.inputs[position])
        return None if is_known else f"its {name} is computed at run time"

    return rule


def _weights(position: int, axis: int, *, dynamic: bool, packed: bool = False) -> Rule:
    """Check the types of data and weights; ``axis`` is that of channelwise scales."""

    def rule(node: CheckedOperator) -> str | None:
        weights, (target,) = node.inputs[position], node.outputs
        source = node.inputs[2 if position == 1 and node.operator.name == "TRANSPOSE_CONV" else 0]
        if not node.known(weights):
            return "its weights are computed at run time"
        if source.dtype != target.dtype or not (is_float(source) or is_q8(source)):
            return f"no kernel from {described(source)} to {described(target)}"
        return _weight_types(source, weights, axis, dynamic=dynamic, packed=packed)

    return rule


def _weight_types(
    source: TfliteTensor, weights: TfliteTensor, axis: int, *, dynamic: bool, packed: bool
) -> str | None:
    quantization = weights.quantization
    if quantization and quantization.channelwise and quantization.dimension != axis:
        return f"scales of its weights run along dimension {quantization.dimension}, not {axis}"
    if weights.block:
        return _blocks(source, weights) if packed else "its weights have block-wise scales"
    small = ("int8", *_PER_BYTE) if packed else ("int8",)
    hybrid = is_float(source) and weights.dtype in small and dynamic
    static = source.dtype == "int8" and weights.dtype in small
    if source.dtype != weights.dtype and not hybrid and not static:
        return f"no kernel for {source.dtype} with {weights.dtype} weights"
    if weights.dtype in (*small, "uint8") and quantization is None:
        return f"its {weights.dtype} weights have no scale"
    return _packed_rows(weights) if weights.dtype in _PER_BYTE else None


def _packed_rows(weights: TfliteTensor) -> str | None:
    """Rows of small weights must fill whole bytes; 2 bits need a scale per row, too."""
    scales = weights.quantization.scales if weights.quantization else ()
    each = _PER_BYTE[weights.dtype]
    if weights.shape[1] % each:
        return f"rows of its {weights.dtype} weights are not a multiple of {each}"
    if len(scales) != weights.shape[0] and (weights.dtype == "int2" or len(scales) != 1):
        return f"its {weights.dtype} weights have no scale per channel"
    return None


def _blocks(source: TfliteTensor, weights: TfliteTensor) -> str | None:
    if weights.dtype != "int4" or not is_float(source):
        return f"no kernel for {source.dtype} with block-wise {weights.dtype} weights"
    whole = weights.block % _BLOCK == 0
    return None if whole else f"blocks of its weights are not a multiple of {_BLOCK}"


def _bias(position: int, *, needed: bool) -> Rule:
    """Check the bias: float, or int32 with scales, and known on loading."""

    def rule(node: CheckedOperator) -> str | None:
        bias = node.input(position)
        if bias is None:
            return "it has no bias" if needed else None
        if not node.known(bias):
            return "its bias is computed at run time"
        quantization = bias.quantization
        scaled = quantization is not None and quantization.dimension == 0
        if bias.dtype not in ("float32", "float16") and not (bias.dtype == "int32" and scaled):
            return f"no kernel for a bias of {described(bias)}"
        flat = node.operator.name == "FULLY_CONNECTED" or len(bias.shape) == 1
        return None if flat else "its bias has more than one dimension"

    return rule


def _halves(node: CheckedOperator) -> str | None:
    """A bias that stays float16 in memory needs weights that do, too."""
    bias = node.input(2)
    half = bias is not None and node.stored(bias) == "float16"
    if half and node.stored(node.inputs[1]) != "float16":
        return "its bias is float16, but its weights are not"
    if bias is not None and bias.dtype == "int32" and node.inputs[0].dtype == "float16":
        return "no kernel for float16 with a bias of int32"
    return None


def _strides(node: CheckedOperator) -> str | None:
    names = ["strideW", "strideH"]
    if node.operator.name == "CONV_2D":
        names += ["dilationWFactor", "dilationHFactor"]
    return None if min(node.number(name) for name in names) > 0 else "it has no stride"


def _groups(node: CheckedOperator) -> str | None:
    source, kernel = node.inputs[:2]
    return None if source.shape[3] >= kernel.shape[3] else "its input has too few channels"


def _multiplier(node: CheckedOperator) -> str | None:
    multiplier, channels = node.number("depthMultiplier"), node.inputs[1].shape[3]
    whole = multiplier > 0 and channels % multiplier == 0
    return None if whole else "its channels are not a multiple of its depth multiplier"


def _plain_weights(node: CheckedOperator) -> str | None:
    if node.operator.version == _SPARSE_VERSION or node.inputs[1].sparse:
        return "its weights are sparse"
    return "its weights are shuffled" if node.option("weightsFormat") else None


def _one_bias_per_row(node: CheckedOperator) -> str | None:
    bias = node.input(2)
    odd = bias is not None and bias.elements != node.inputs[1].shape[0]
    return "its bias has another length than its output" if odd else None


def _matrices(node: CheckedOperator) -> str | None:
    left, right, target = *node.inputs, *node.outputs
    rank = len(right.shape)
    axis = rank - 2 if node.option("adjY") else rank - 1
    scales = right.quantization
    if scales and scales.channelwise and scales.dimension != axis:
        return f"scales of its right operand run along dimension {scales.dimension}, not {axis}"
    hybrid = left.dtype == target.dtype == "float32" and right.dtype == "int8"
    if hybrid or (is_float(left) and left.dtype == right.dtype == target.dtype):
        return None
    if left.dtype != right.dtype or left.dtype != target.dtype or not is_q8(left):
        return f"no kernel for {left.dtype} times {right.dtype}"
    if left.dtype == "int8" and (scales is None or not scales.symmetric):
        return "the zero point of its right operand is not 0"
    return None


def _transposed(node: CheckedOperator) -> str | None:
    shape, kernel, source = node.inputs[:3]
    if shape.elements != 4:
        return "its output has not 4 dimensions"
    _, height, width, channels = (int(size) for size in shape.integers())
    if channels != kernel.shape[0] or source.shape[3] != kernel.shape[3]:
        return "its weights have other channels"
    sides, strides = kernel.shape[1:3], (node.number("strideH"), node.number("strideW"))
    if min(strides) < 1:
        return "it has no stride"
    if node.number("padding"):
        return None if sides[0] <= height and sides[1] <= width else "its output is too small"
    if sides[0] < strides[0] or sides[1] < strides[1]:
        return "its stride is larger than its weights"
    whole = (-(-height // strides[0]), -(-width // strides[1])) == source.shape[1:3]
    return None if whole else "its input has another size than its output says"


_PICTURES = ranked(0, 1, least=4, most=4)
CONV_2D = every(
    counts(3, optional=2), _strides, _PICTURES, _bias(2, needed=True),
    _weights(1, 0, dynamic=True), four_dimensional_output, _groups, _halves, fusable,
)  # fmt: skip
DEPTHWISE_CONV_2D = every(
    counts(3, optional=2), _strides, _PICTURES, _bias(2, needed=True),
    _weights(1, 3, dynamic=False), four_dimensional_output, _multiplier, _halves, fusable,
)  # fmt: skip
FULLY_CONNECTED = every(
    counts(2, 3, optional=2), _plain_weights, ranked(1, least=2, most=2),
    _weights(1, 0, dynamic=True, packed=True), _bias(2, needed=False), _one_bias_per_row, _halves,
    fusable,
)  # fmt: skip
BATCH_MATMUL = every(counts(2), ranked(0, 1, least=2), _matrices)
TRANSPOSE_CONV = every(
    counts(3, 4, optional=3), steered_by(0), ranked(1, 2, least=4, most=4),
    _weights(1, 0, dynamic=True), _bias(3, needed=False), four_dimensional_output, _transposed,
    fusable,
)  # fmt: skip
