"""Readers of arithmetic: between two values, and of a value with a number.

``applications.*.preprocess_input(x)`` inside of a model is ``x / 127.5`` and ``x - 1`` in Keras 3:
no layers, but operators with a number. Each is an affine function, as ``Rescaling`` is.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from tflconv.core.tensorflow import keras3_operators
from tflconv.network.keras.calls import Call, Nodes, Reader
from tflconv.network.keras.making import make
from tflconv.network.nodes import Node

_SECOND = ("argument 1", "x2")
"""What the second value of an operator is called where it is a number."""

_Affine = Callable[[float], tuple[float, float]]
"""Scale and shift of what an operator with a number does."""


def elementwise(kind: str) -> Nodes:
    """Return the reader of a sum or product of two values or more."""

    def read_elementwise(call: Call) -> list[Node] | None:
        ranks = {len(tensor.shape) for tensor in call.inputs}
        return [make(kind)] if len(call.inputs) > 1 and len(ranks) == 1 else None

    return read_elementwise


def of_operators() -> dict[type, Reader]:
    """Return the readers of ``+``, ``-``, ``*`` and ``/`` of Keras 3."""
    operators = keras3_operators()
    second = frozenset(_SECOND)
    add, mul = elementwise("add"), elementwise("mul")
    readers = {
        operators.Add: _with_number(lambda number: (1.0, number), add),
        operators.Subtract: _with_number(lambda number: (1.0, -number)),
        operators.Multiply: _with_number(lambda number: (number, 0.0), mul),
        operators.Divide: _with_number(lambda number: (1.0 / number, 0.0)),
        operators.TrueDivide: _with_number(lambda number: (1.0 / number, 0.0)),
    }
    return {kind: Reader(read=read, options=second) for kind, read in readers.items()}


def _with_number(affine: _Affine, between: Nodes = lambda _: None) -> Nodes:
    """Return the reader of an operator whose second value is a number, or else a value."""

    def read(call: Call) -> list[Node] | None:
        if len(call.inputs) != 1:
            return between(call)
        number = _number(call)
        if number is None or call.inputs[0].dtype != call.output.dtype:
            return None
        scale, shift = affine(number)
        return [make("affine", {"scale": np.array([scale]), "shift": np.array([shift])})]

    return read


def _number(call: Call) -> float | None:
    """Return the number that ``call`` has as its second value; 0 divides nothing."""
    seconds = [call.options[name] for name in _SECOND if name in call.options]
    number = seconds[0] if len(seconds) == 1 else None
    if isinstance(number, bool) or not isinstance(number, int | float):
        return None
    return float(number) if number and math.isfinite(number) else None
