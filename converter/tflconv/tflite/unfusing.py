"""Split the operators of a float model: each bias and each activation becomes an operator.

This undoes what the TFLite converter has fused, for the baseline that fusing is compared with
(``conversion/unfused``).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from ai_edge_litert import schema_py_generated as fb
from numpy.typing import NDArray

from tflconv.tflite import editing, schema

_BIASED = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")
_NONE = fb.ActivationFunctionType.NONE


def store_inputs(model: fb.ModelT, values: Sequence[NDArray[np.float32]]) -> None:
    """Turn the last inputs of ``model`` into constants with these ``values``."""
    graph, (signature,) = model.subgraphs[0], model.signatureDefs or []
    first = len(graph.inputs) - len(values)
    for index, constant in zip(graph.inputs[first:], values, strict=True):
        graph.tensors[index].buffer = editing.add_buffer(model, constant)
    graph.inputs, signature.inputs = graph.inputs[:first], signature.inputs[:first]


def take_apart(model: fb.ModelT) -> None:
    """Split each fused bias and each fused activation off its operator."""
    graph = model.subgraphs[0]
    graph.operators = [piece for whole in graph.operators for piece in _pieces(model, whole)]


def _pieces(model: fb.ModelT, operator: fb.OperatorT) -> list[fb.OperatorT]:
    pieces = [operator]
    options = operator.builtinOptions
    if options is not None and hasattr(options, "fusedActivationFunction"):
        fused, options.fusedActivationFunction = options.fusedActivationFunction, _NONE
        if fused != _NONE:
            pieces.append(_follow(model, operator, schema.ACTIVATIONS[fused]))
    if editing.operator_name(model, operator) in _BIASED and _has_bias(model, operator):
        pieces.insert(1, _bias_apart(model, operator))
    return pieces


def _has_bias(model: fb.ModelT, operator: fb.OperatorT) -> bool:
    if len(operator.inputs) < 3 or operator.inputs[2] < 0:
        return False
    bias = model.subgraphs[0].tensors[operator.inputs[2]]
    return bool(editing.values(model, bias, np.float32).any())


def _bias_apart(model: fb.ModelT, operator: fb.OperatorT) -> fb.OperatorT:
    """An ADD of the bias behind ``operator``, which keeps a bias of 0 that XNNPACK requires."""
    graph, bias = model.subgraphs[0], int(operator.inputs[2])
    zeros = editing.tensor_like(graph, bias, "/zeros")
    stored = editing.values(model, graph.tensors[bias], np.float32)
    graph.tensors[zeros].buffer = editing.add_buffer(model, np.zeros_like(stored))
    operator.inputs = [*operator.inputs[:2], zeros]
    addition = _follow(model, operator, "ADD")
    addition.inputs = [*addition.inputs, bias]
    addition.builtinOptionsType = fb.BuiltinOptions.AddOptions
    addition.builtinOptions = fb.AddOptionsT()
    return addition


def _follow(model: fb.ModelT, operator: fb.OperatorT, name: str) -> fb.OperatorT:
    """A new operator ``name`` between ``operator`` and its output."""
    graph, end = model.subgraphs[0], int(operator.outputs[0])
    between = editing.tensor_like(graph, end, f"/before_{name.lower()}")
    operator.outputs = [between]
    return editing.operator(model, getattr(fb.BuiltinOperator, name), between, end)
