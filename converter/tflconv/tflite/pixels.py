"""Let a float model that takes pixels as plain 8-bit integers take them as quantized ones.

Such a model begins with a CAST to float. Full INT8 would keep input and CAST beside its own types;
without the CAST the input is a tensor like any other, and its integers are the pixels themselves.
"""

from __future__ import annotations

import numpy as np
from ai_edge_litert import schema_py_generated as fb

from tflconv.tflite import editing

_TYPES = {fb.TensorType.INT8: np.iinfo(np.int8), fb.TensorType.UINT8: np.iinfo(np.uint8)}


def take_as_floats(model: fb.ModelT) -> dict[str, tuple[int, int]]:
    """Remove the CAST of each 8-bit input of the main graph that only CASTs read.

    Args:
        model: A float model.

    Returns:
        Smallest and largest value by name of the tensors that are inputs now.
    """
    graph, limits = model.subgraphs[0], dict[str, tuple[int, int]]()
    for index in map(int, list(graph.inputs)):
        readers = [each for each in graph.operators if index in map(int, each.inputs)]
        ends = _TYPES.get(graph.tensors[index].type)
        if ends is None or not readers or not all(_casts(model, each) for each in readers):
            continue
        target = int(readers[0].outputs[0])
        others = {int(each.outputs[0]) for each in readers}
        graph.operators = [each for each in graph.operators if each not in readers]
        for each in graph.operators:
            each.inputs = [target if int(i) in others else int(i) for i in each.inputs]
        graph.inputs = [target if int(i) == index else int(i) for i in graph.inputs]
        for entry in (e for s in model.signatureDefs or [] for e in s.inputs):
            entry.tensorIndex = target if int(entry.tensorIndex) == index else entry.tensorIndex
        limits[editing.names(graph, [target])[0]] = (ends.min, ends.max)
    return limits


def _casts(model: fb.ModelT, operator: fb.OperatorT) -> bool:
    graph = model.subgraphs[0]
    made = int(operator.outputs[0])
    return (
        editing.operator_name(model, operator) == "CAST"
        and graph.tensors[made].type == fb.TensorType.FLOAT32
        and made not in map(int, graph.outputs)
    )
