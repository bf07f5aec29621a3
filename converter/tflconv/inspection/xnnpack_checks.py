"""What the rules of the XNNPACK delegate are made of: checks of one node's tensors.

A check returns the reason of a refusal, or None where there is none.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from tflconv.tflite.contents import Operator, Subgraph, TfliteTensor
from tflconv.tflite.tables import OperatorOption

MAX_DIMENSIONS = 6
_FUSABLE = (None, "RELU", "RELU6", "RELU_N1_TO_1")


@dataclass(frozen=True)
class CheckedOperator:
    """An operator with its tensors; ``unpacked`` are those that are unpacked while loading."""

    graph: Subgraph
    operator: Operator
    unpacked: frozenset[int] = frozenset()

    @property
    def inputs(self) -> list[TfliteTensor]:
        """The inputs that are there, in order."""
        return self.graph.input_tensors(self.operator)

    @property
    def outputs(self) -> list[TfliteTensor]:
        """The outputs, in order."""
        return self.graph.output_tensors(self.operator)

    def input(self, position: int) -> TfliteTensor | None:
        """The input at ``position``; None if it was left out."""
        indices = self.operator.inputs
        left_out = position >= len(indices) or indices[position] < 0
        return None if left_out else self.graph.tensors[indices[position]]

    def option(self, name: str, default: OperatorOption = 0) -> OperatorOption:
        """An option of the operator, or what the schema says of one that was left out."""
        return self.operator.options.get(name, default)

    def number(self, name: str) -> int:
        """An option that is an integer."""
        value = self.option(name)
        return value if isinstance(value, int) else 0

    def known(self, tensor: TfliteTensor) -> bool:
        """Whether its values are known when the model is loaded."""
        return tensor.constant or tensor.index in self.unpacked

    def stored(self, tensor: TfliteTensor) -> str:
        """The type of the constant that ``tensor`` is unpacked from, else its own."""
        producer = self.graph.producers.get(tensor.index)
        if producer is None or tensor.index not in self.unpacked:
            return tensor.dtype
        return self.graph.tensors[producer.inputs[0]].dtype


Rule = Callable[[CheckedOperator], "str | None"]
"""Returns the reason why the delegate refuses a node, or None if it takes it."""


def every(*rules: Rule) -> Rule:
    """Combine rules: the first reason that one of them returns."""

    def rule(node: CheckedOperator) -> str | None:
        return next((reason for check in rules if (reason := check(node))), None)

    return rule


def counts(least: int, most: int | None = None, *, outputs: int = 1, optional: int = 9) -> Rule:
    """Take ``least`` to ``most`` inputs; those before ``optional`` must not be left out."""
    highest = most or least

    def rule(node: CheckedOperator) -> str | None:
        inputs, count = node.operator.inputs, len(node.operator.outputs)
        if not least <= len(inputs) <= highest:
            span = str(least) if least == highest else f"{least} to {highest}"
            return f"{len(inputs)} inputs, XNNPACK takes {span}"
        if count != outputs or min(node.operator.outputs) < 0:
            return f"{count} outputs, XNNPACK takes {outputs}"
        return "an input is left out" if min(inputs[:optional]) < 0 else None

    return rule


def is_float(tensor: TfliteTensor) -> bool:
    """Whether it is a float of 16 or 32 bits."""
    return tensor.dtype in ("float32", "float16")


def is_q8(tensor: TfliteTensor) -> bool:
    """Whether it has 8 bits and one scale."""
    quantization = tensor.quantization
    return (
        tensor.dtype in ("int8", "uint8")
        and quantization is not None
        and not quantization.channelwise
        and quantization.dimension == 0
    )


def scale(tensor: TfliteTensor) -> float:
    """The first scale."""
    return tensor.quantization.scales[0] if tensor.quantization else 1.0


def zero_point(tensor: TfliteTensor) -> int:
    """The first zero point."""
    zero_points = tensor.quantization.zero_points if tensor.quantization else ()
    return zero_points[0] if zero_points else 0


def same_quantization(first: TfliteTensor, second: TfliteTensor) -> bool:
    """Whether both stand for the same numbers."""
    return (scale(first), zero_point(first)) == (scale(second), zero_point(second))


def described(tensor: TfliteTensor) -> str:
    """The type, as a reason names it."""
    if tensor.quantization and tensor.quantization.channelwise:
        return f"channelwise {tensor.dtype}"
    return tensor.dtype


def float_or_q8(*positions: int) -> Rule:
    """Check that the inputs at ``positions`` and all outputs are float or have one scale."""

    def rule(node: CheckedOperator) -> str | None:
        data = [node.inputs[p] for p in positions] if positions else node.inputs
        odd = [t for t in (*data, *node.outputs) if not is_float(t) and not is_q8(t)]
        return f"no kernel for {described(odd[0])}" if odd else None

    return rule


def float_only(node: CheckedOperator) -> str | None:
    """Check that all tensors are floats."""
    odd = [t for t in (*node.inputs, *node.outputs) if not is_float(t)]
    return f"XNNPACK has it in float only, here it is {described(odd[0])}" if odd else None


def no_float16(node: CheckedOperator) -> str | None:
    """Check that there is no float16."""
    half = any(t.dtype == "float16" for t in (*node.inputs, *node.outputs))
    return "no kernel for float16" if half else None


def same_types(node: CheckedOperator) -> str | None:
    """Check that inputs and outputs have one type."""
    kinds = dict.fromkeys(t.dtype for t in (*node.inputs, *node.outputs))
    return f"mixes {' and '.join(kinds)}" if len(kinds) > 1 else None


def ranked(*positions: int, least: int = 0, most: int = MAX_DIMENSIONS) -> Rule:
    """Check the dimensions of the inputs at ``positions``: their number, and that none is 0."""

    def rule(node: CheckedOperator) -> str | None:
        for tensor in (node.inputs[position] for position in positions):
            if reason := shape_refusal(tensor, least=least, most=most):
                return reason
        return None

    return rule


def shape_refusal(
    tensor: TfliteTensor, *, least: int = 0, most: int = MAX_DIMENSIONS
) -> str | None:
    """Return what is wrong with the shape of a tensor."""
    if len(tensor.shape) > most:
        return f"more than {most} dimensions"
    if len(tensor.shape) < least:
        return f"fewer than {least} dimensions"
    smallest = min(tensor.shape, default=1)
    if smallest < 0:
        return "its input has a dimension that is known only at run time"
    return "a tensor without values" if smallest == 0 else None


def four_dimensional_output(node: CheckedOperator) -> str | None:
    """Check that the output is a batch of pictures."""
    return shape_refusal(node.outputs[0], least=4, most=4)


AT_RUN_TIME = "a shape or axis is known only at run time"


def steered_by(position: int, *dtypes: str, rank: int = 1) -> Rule:
    """Check that the input at ``position``, a shape or axis, is a constant of such a type."""

    def rule(node: CheckedOperator) -> str | None:
        tensor = node.inputs[position]
        if not tensor.constant:
            return AT_RUN_TIME
        if tensor.sparse or tensor.dtype not in (dtypes or ("int32",)):
            return f"a shape or axis is {tensor.dtype}"
        return "a shape or axis has other dimensions" if len(tensor.shape) > rank else None

    return rule


def fusable(node: CheckedOperator) -> str | None:
    """Check the activation that was fused into the operator."""
    if node.operator.activation not in _FUSABLE:
        return f"the fused activation {node.operator.activation} has no kernel"
    return None


def ratio(source: TfliteTensor, target: TfliteTensor) -> float:
    """Return the scale of ``source`` over that of ``target``; infinity for one of 0."""
    return scale(source) / scale(target) if scale(target) else math.inf


def scales_between(low: float, high: float) -> Rule:
    """Check how far apart the scales of 8-bit inputs and output lie."""

    def rule(node: CheckedOperator) -> str | None:
        (target,) = node.outputs
        if not is_q8(target):
            return None
        ratios = [ratio(source, target) for source in node.inputs if source.dtype == target.dtype]
        near = all(low <= each < high for each in ratios)
        return None if near else "the scales of input and output lie too far apart"

    return rule
