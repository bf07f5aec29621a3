"""Remove what changes nothing in integers."""

from __future__ import annotations

import numpy as np
from ai_edge_litert import schema_py_generated as fb

from tflconv.tflite import editing

_SMALLEST = -128


def remove_idle_relus(model: fb.ModelT) -> None:
    """Remove each int8 RELU whose input has no number below 0: the smallest integer stands for it.

    Args:
        model: A quantized model.
    """
    graph = model.subgraphs[0]
    ends = {*map(int, graph.inputs), *map(int, graph.outputs)}
    for operator in list(graph.operators):
        if editing.operator_name(model, operator) != "RELU":
            continue
        source, target = int(operator.inputs[0]), int(operator.outputs[0])
        if target not in ends and _is_idle(graph.tensors[source], graph.tensors[target]):
            graph.operators.remove(operator)
            for reader in graph.operators:
                reader.inputs = [source if int(i) == target else int(i) for i in reader.inputs]


def _is_idle(source: fb.TensorT, target: fb.TensorT) -> bool:
    if source.type != fb.TensorType.INT8 or target.type != fb.TensorType.INT8:
        return False
    before, after = (_steps(tensor) for tensor in (source, target))
    return before == after and before[1] == [_SMALLEST]


def _steps(tensor: fb.TensorT) -> tuple[list[float], list[int]]:
    """Scales and zero points."""
    steps = tensor.quantization
    if steps is None or steps.scale is None or steps.zeroPoint is None:
        return [], []
    return np.asarray(steps.scale).tolist(), np.asarray(steps.zeroPoint).tolist()
