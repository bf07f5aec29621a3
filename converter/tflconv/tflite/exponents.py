"""Spell a softmax between integers by its exponentials, which XNNPACK looks up in a table.

    softmax(s)  =  e / sum(e)        where e = exp(s - max(s))

XNNPACK computes softmax in float, at 11 instructions a value. It makes one lookup of a float
operator between a DEQUANTIZE and a QUANTIZE that treats each value by itself. So in integers the
largest score of a row, the differences to it and their exponentials take 4 instructions a value,
and the division by their sum, in float, as many.
"""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
from ai_edge_litert import schema_py_generated as fb

from tflconv.tflite import biases, editing, packing, rows

LEAST = -6.25
"""Difference of a score to the largest of its row from which on its weight is stored as 0."""

_STEPS = 255
_SMALLEST = 1024
"""With fewer values the calls of more operators cost more than they save."""


def spelled_out(content: bytes, names: Collection[str]) -> bytes:
    """Return a quantized file in which softmaxes that read and make integers are spelled so.

    Args:
        content: A quantized ``.tflite`` file; its tensors have names.
        names: Results of the softmaxes that may be.
    """
    model = packing.unpack(content)
    graph = model.subgraphs[0]
    softmaxes = [
        (softmax, scores)
        for softmax in graph.operators
        if editing.operator_name(model, softmax) == "SOFTMAX"
        and editing.names(graph, softmax.outputs)[0] in names
        and (scores := _scores(model, softmax)) is not None
    ]
    for softmax, scores in softmaxes:
        place = graph.operators.index(softmax)
        graph.operators[place : place + 1] = _spelled(model, softmax, scores)
        _drop_idle(model, int(softmax.inputs[0]))
    editing.drop_unused_tensors(model)
    return packing.pack(model) if softmaxes else content


def _scores(model: fb.ModelT, softmax: fb.OperatorT) -> int | None:
    """The int8 tensor that a softmax is computed of, if int8 is all that is made of it."""
    graph = model.subgraphs[0]
    maker = next((o for o in graph.operators if softmax.inputs[0] in o.outputs), None)
    readers = [o for o in graph.operators if softmax.outputs[0] in o.inputs]
    if maker is None or editing.operator_name(model, maker) != "DEQUANTIZE":
        return None
    is_output = softmax.outputs[0] in graph.outputs
    is_read_otherwise = is_output or {editing.operator_name(model, each) for each in readers} != {
        "QUANTIZE"
    }
    scores = graph.tensors[int(maker.inputs[0])]
    is_small = np.prod(scores.shape) < _SMALLEST
    if is_read_otherwise or is_small or scores.type != fb.TensorType.INT8:
        return None
    options = softmax.builtinOptions
    is_natural = isinstance(options, fb.SoftmaxOptionsT) and options.beta == 1
    return int(maker.inputs[0]) if is_natural else None


def _spelled(model: fb.ModelT, softmax: fb.OperatorT, scores: int) -> list[fb.OperatorT]:
    graph, kinds, result = model.subgraphs[0], fb.BuiltinOperator, int(softmax.outputs[0])
    scale = biases.spelling(graph.tensors[scores])[0]
    finding, largest = rows.reduce(model, kinds.REDUCE_MAX, scores, "/largest")
    below = _stored(graph, scores, "/below", min(-LEAST / _STEPS, scale), 127)
    powers = _stored(graph, scores, "/powers", 1 / _STEPS, -128)
    differences, exact, floats = (
        editing.tensor_like(graph, result, suffix) for suffix in ("/below", "/exact", "/powers")
    )
    summing, sums = rows.reduce(model, kinds.SUM, floats, "/sums")
    return [
        finding,
        rows.pair(model, kinds.SUB, fb.SubOptionsT(), (scores, largest), below),
        editing.operator(model, kinds.DEQUANTIZE, below, differences),
        editing.operator(model, kinds.EXP, differences, exact),
        editing.operator(model, kinds.QUANTIZE, exact, powers),
        editing.operator(model, kinds.DEQUANTIZE, powers, floats),
        summing,
        rows.pair(model, kinds.DIV, fb.DivOptionsT(), (floats, sums), result),
    ]


def _stored(graph: fb.SubGraphT, like: int, suffix: str, scale: float, zero_point: int) -> int:
    index = editing.tensor_like(graph, like, suffix)
    made = fb.QuantizationParametersT()
    made.scale, made.zeroPoint = np.array([scale], np.float32), np.array([zero_point], np.int64)
    graph.tensors[index].quantization = made
    return index


def _drop_idle(model: fb.ModelT, index: int) -> None:
    """Remove what makes a tensor that nothing reads any more."""
    graph = model.subgraphs[0]
    if not any(index in map(int, each.inputs) for each in graph.operators):
        graph.operators = [o for o in graph.operators if index not in map(int, o.outputs)]
