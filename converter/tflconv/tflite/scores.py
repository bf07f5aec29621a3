"""What the outputs of a model mean: probabilities, or the scores (logits) that they are made of."""

from __future__ import annotations

from collections.abc import Mapping

from ai_edge_litert import schema_py_generated as fb

from tflconv.tflite import editing, outline
from tflconv.tflite.contents import TfliteModel

PROBABILITIES, LOGITS = "probabilities", "logits"
_ACTIVATIONS = ("SOFTMAX", "LOGISTIC")
_LINEAR = ("FULLY_CONNECTED", "CONV_2D", "ADD", "MEAN")


def meaning(model: TfliteModel) -> str | None:
    """Return ``probabilities`` or ``logits``; None where that is not clear, or not of all alike."""
    return _meaning(outline.of(model).endings)


def _meaning(endings: Mapping[str, str]) -> str | None:
    if all(ending in _ACTIVATIONS for ending in endings.values()):
        return PROBABILITIES
    return LOGITS if all(ending in _LINEAR for ending in endings.values()) else None


def use_logits(model: fb.ModelT) -> bool:
    """Make outputs of softmax or sigmoid those values that it was computed from.

    Args:
        model: A float model; outputs of other operators stay as they are.

    Returns:
        Whether there is such an output.
    """
    graph, replaced = model.subgraphs[0], False
    for operator in list(graph.operators):
        target = int(operator.outputs[0])
        last = editing.operator_name(model, operator) in _ACTIVATIONS
        if last and target in map(int, graph.outputs) and not _is_read(graph, target):
            replaced = True
            graph.operators.remove(operator)
            _move_output(model, target, int(operator.inputs[0]))
    return replaced


def _is_read(graph: fb.SubGraphT, tensor: int) -> bool:
    return any(tensor in map(int, operator.inputs) for operator in graph.operators)


def _move_output(model: fb.ModelT, old: int, new: int) -> None:
    graph = model.subgraphs[0]
    graph.outputs = [new if int(index) == old else int(index) for index in graph.outputs]
    for signature in model.signatureDefs or ():
        for entry in signature.outputs:
            entry.tensorIndex = new if entry.tensorIndex == old else entry.tensorIndex
