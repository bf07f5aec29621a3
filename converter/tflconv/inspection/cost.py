"""Cost of operators: multiply-accumulates (MACs) exactly, arm64 instructions estimated.

The estimate is fitted to instructions counted under qemu cortex-a76. An XNNPACK float kernel needs
about 0.4 instructions per MAC, an int8 kernel 0.1 (SDOT computes 16 at once), one that unpacks int4
weights 0.135, a legacy uint8 kernel 0.43, a built-in int8 kernel 2; each of them 5500 per call. Any
other value needs about 1 in XNNPACK and 65 in built-in int8 kernels (SOFTMAX 18, GELU 4: they use
tables). Each further partition needs 12 000. The totals of 13 models are right within a factor of
1.3, which is enough to tell whether a file is slower than float.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from tflconv.tflite.reading import Operator, Subgraph, TfliteTensor

_PER_MAC = {"float": 0.4, "hybrid": 0.2, "int8": 0.1, "int4": 0.135, "uint8": 0.43, "builtin": 2.0}
_PER_VALUE = {"delegated": 1.0, "float": 2.0, "int8": 65.0, "SOFTMAX": 18.0, "GELU": 4.0}
_PER_CALL = 5500.0
_PER_PARTITION = 12_000.0
_FREE = {"RESHAPE", "SQUEEZE", "EXPAND_DIMS"}


def macs(graph: Subgraph, operator: Operator) -> int:
    """Return the multiply-accumulates of one execution of an operator; 0 if it has none."""
    tensors = graph.input_tensors(operator)
    if operator.name == "TRANSPOSE_CONV":
        source, kernel = tensors[2], tensors[1]
        return source.elements * math.prod(kernel.shape[:3])
    if operator.name in ("CONV_2D", "CONV_3D", "FULLY_CONNECTED"):
        kernel = tensors[1]
        outputs = graph.output_tensors(operator)[0].elements
        return outputs * kernel.elements // max(_output_channels(operator, kernel), 1)
    if operator.name == "DEPTHWISE_CONV_2D":
        return graph.output_tensors(operator)[0].elements * math.prod(tensors[1].shape[1:3])
    if operator.name == "BATCH_MATMUL":
        inner = tensors[0].shape[-2 if operator.options.get("adjX") else -1]
        return graph.output_tensors(operator)[0].elements * inner
    return 0


def instructions(graph: Subgraph, partitions: Sequence[Sequence[int]]) -> float:
    """Estimate the arm64 instructions of one inference.

    Args:
        graph: The subgraph.
        partitions: Indices of the operators that XNNPACK runs, by partition.
    """
    delegated = {index for partition in partitions for index in partition}
    work = sum(_instructions(graph, o, o.index in delegated) for o in graph.operators)
    return work + _PER_PARTITION * max(len(partitions) - 1, 0)


def float_instructions(graph: Subgraph) -> float:
    """Estimate the arm64 instructions of the same graph in float, all of it run by XNNPACK."""
    return sum(
        _arithmetic(graph, o, "float") + _values(graph, o) * _PER_VALUE["delegated"]
        for o in graph.operators
        if o.name not in ("QUANTIZE", "DEQUANTIZE")
    )


def _instructions(graph: Subgraph, operator: Operator, delegated: bool) -> float:
    values = _values(graph, operator)
    if delegated:
        kind = _kind(graph, operator)
        return _arithmetic(graph, operator, kind) + values * _PER_VALUE["delegated"]
    outputs = graph.output_tensors(operator)
    kind = "float" if outputs and outputs[0].dtype == "float32" else "int8"
    per_value = _PER_VALUE[operator.name if operator.name in _PER_VALUE else kind]
    return _arithmetic(graph, operator, "builtin") + values * per_value


def _arithmetic(graph: Subgraph, operator: Operator, kind: str) -> float:
    count = macs(graph, operator)
    return count * _PER_MAC[kind] + _PER_CALL if count else 0.0


def _kind(graph: Subgraph, operator: Operator) -> str:
    kinds = {t.dtype for t in graph.input_tensors(operator)[:2]}
    if "float32" not in kinds:
        return next((kind for kind in ("uint8", "int4") if kind in kinds), "int8")
    return "float" if kinds == {"float32"} else "hybrid"


def _values(graph: Subgraph, operator: Operator) -> int:
    if operator.name in _FREE:
        return 0
    sources = [t for t in graph.input_tensors(operator) if t.constant]
    if operator.name in ("DEQUANTIZE", "DENSIFY") and sources:
        return 0
    return sum(t.elements for t in graph.output_tensors(operator))


def _output_channels(operator: Operator, kernel: TfliteTensor) -> int:
    return kernel.shape[-1 if operator.name == "CONV_3D" else 0]
