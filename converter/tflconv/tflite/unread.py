"""Let litert-quantizer see outputs of operators that nobody reads.

It decides by the readers of a tensor how to quantize it, and leaves an operator in float that has
an output without any. The first step of an LSTM has one: its forget gate, which meets a state of
zeros. As outputs of the graph such tensors have a reader while the model is quantized.
"""

from __future__ import annotations

from ai_edge_litert import schema_py_generated as fb

from tflconv.tflite import editing


def expose(model: fb.ModelT) -> int:
    """Append what nobody reads to the outputs of the graph, and return how many there are.

    Args:
        model: A float model.
    """
    graph = model.subgraphs[0]
    read = {int(index) for operator in graph.operators for index in operator.inputs}
    read.update(map(int, graph.outputs))
    made = [int(index) for operator in graph.operators for index in operator.outputs]
    unread = [index for index in made if index not in read]
    graph.outputs = [*map(int, graph.outputs), *unread]
    return len(unread)


def hide(model: fb.ModelT, count: int) -> None:
    """Take the last ``count`` outputs off the graph, and what made them float for a caller.

    Args:
        model: The model after it was quantized.
        count: What ``expose`` returned.
    """
    graph = model.subgraphs[0]
    outputs = [int(index) for index in graph.outputs]
    kept, hidden = outputs[: len(outputs) - count], set(outputs[len(outputs) - count :])
    graph.outputs = kept
    graph.operators = [
        operator
        for operator in graph.operators
        if editing.operator_name(model, operator) != "DEQUANTIZE"
        or hidden.isdisjoint(map(int, operator.outputs))
    ]
