"""Keep zeros away from reciprocal square roots.

    min(1 / sqrt(x), c)  =  1 / sqrt(max(x, 1 / c²))        for x >= 0

Keras writes the left side (UnitNormalization), whose root of 0 is infinite before it is limited.
XNNPACK refines an estimate of the root and answers 0 with NaN, which no limit takes back: one row
of zeros, as a ReLU leaves it, then ruins the whole answer. The right side is always a number.
"""

from __future__ import annotations

import numpy as np
from ai_edge_litert import schema_py_generated as fb

from tflconv.tflite import editing


def limit_before_roots(model: fb.ModelT) -> None:
    """Move each limit of a reciprocal square root in ``model`` before the root."""
    for graph in model.subgraphs:
        readers = _readers(graph)
        for root in list(graph.operators):
            if editing.operator_name(model, root) == "RSQRT":
                following = readers.get(int(root.outputs[0]), [])
                after = following[0] if len(following) == 1 else None
                if after is not None and (limit := _limit(model, graph, after)):
                    _exchange(model, graph, root, after, 1 / limit**2)


def _readers(graph: fb.SubGraphT) -> dict[int, list[fb.OperatorT | None]]:
    """The operators that read each tensor of ``graph``; None stands for the caller."""
    readers: dict[int, list[fb.OperatorT | None]] = {int(i): [None] for i in graph.outputs}
    for operator in graph.operators:
        for index in map(int, operator.inputs):
            readers.setdefault(index, []).append(operator)
    return readers


def _limit(model: fb.ModelT, graph: fb.SubGraphT, operator: fb.OperatorT) -> float | None:
    """The stored number that ``operator`` limits its other input to, whose square is normal."""
    if editing.operator_name(model, operator) != "MINIMUM":
        return None
    for index in map(int, operator.inputs):
        tensor = graph.tensors[index]
        if tensor.type == fb.TensorType.FLOAT32 and editing.has_values(model, tensor):
            values = editing.values(model, tensor, np.float32)
            is_one = values.size == 1 and 1 / _LARGEST < float(values[0]) < _LARGEST
            return float(values[0]) if is_one else None
    return None


_LARGEST = float(np.finfo(np.float32).tiny ** -0.5)
"""Beyond it, 1 / c² is no normal number."""


def _exchange(
    model: fb.ModelT, graph: fb.SubGraphT, root: fb.OperatorT, limit: fb.OperatorT, least: float
) -> None:
    """Let ``root`` work on what is at least ``least``, in place of what follows it."""
    source, target = int(root.inputs[0]), int(limit.outputs[0])
    raised = editing.tensor_like(graph, source, "/raised")
    bound = fb.TensorT()
    bound.type, bound.shape = fb.TensorType.FLOAT32, []
    bound.name = editing.suffixed(graph.tensors[source].name, "/least")
    bound.buffer = editing.add_buffer(model, np.array(least, np.float32))
    raising = editing.operator(model, fb.BuiltinOperator.MAXIMUM, source, raised)
    raising.inputs = [source, editing.add_tensor(graph, bound)]
    raising.builtinOptionsType = fb.BuiltinOptions.MaximumMinimumOptions
    raising.builtinOptions = fb.MaximumMinimumOptionsT()
    root.inputs, root.outputs = [raised], [target]
    graph.operators.remove(limit)
    graph.operators.insert(graph.operators.index(root), raising)
