"""Drop detours through half precision, which no CPU kernel of LiteRT computes in.

A float32 value that is cast to float16 and straight back is only rounded. Keras does so where a
nested model of mixed precision was given an input of float16; each detour parts the graph in two
for XNNPACK, and integers have no form of it.
"""

from __future__ import annotations

from ai_edge_litert import schema_py_generated as fb

from tflconv.tflite import editing

_CASTS = ("CAST", "DEQUANTIZE")


def drop_half_casts(model: fb.ModelT) -> None:
    """Let what reads a float32 value by way of float16 read it itself."""
    for graph in model.subgraphs:
        origins = {
            int(operator.outputs[0]): int(operator.inputs[0])
            for operator in graph.operators
            if _casts(model, graph, operator, fb.TensorType.FLOAT32, fb.TensorType.FLOAT16)
        }
        whole: dict[int, int] = {}
        for operator in graph.operators:
            if _casts(model, graph, operator, fb.TensorType.FLOAT16, fb.TensorType.FLOAT32):
                half, back = int(operator.inputs[0]), int(operator.outputs[0])
                if half in origins:
                    origin = origins[half]
                    whole[back] = whole.get(origin, origin)
        for operator in graph.operators:
            operator.inputs = [whole.get(int(index), int(index)) for index in operator.inputs]
        _drop_idle(graph, {*origins, *whole})


def _casts(
    model: fb.ModelT, graph: fb.SubGraphT, operator: fb.OperatorT, source: int, target: int
) -> bool:
    if editing.operator_name(model, operator) not in _CASTS:
        return False
    ends = graph.tensors[int(operator.inputs[0])], graph.tensors[int(operator.outputs[0])]
    return (ends[0].type, ends[1].type) == (source, target)


def _drop_idle(graph: fb.SubGraphT, results: set[int]) -> None:
    """Remove the operators that make ``results`` which nobody reads any more, the last first."""
    read = [*map(int, graph.outputs)] + [int(i) for each in graph.operators for i in each.inputs]
    kept = []
    for operator in reversed(graph.operators):
        made = int(operator.outputs[0]) if len(operator.outputs) else -1
        if made in results and made not in read:
            read.remove(int(operator.inputs[0]))
        else:
            kept.append(operator)
    graph.operators = kept[::-1]
