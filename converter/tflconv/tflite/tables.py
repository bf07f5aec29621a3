"""Parts of the flatbuffer as plain values: options of an operator, vectors of numbers."""

from __future__ import annotations

import numpy as np
from ai_edge_litert import schema_py_generated as fb
from numpy.typing import NDArray

from tflconv.tflite import schema

OperatorOption = bool | int | float | bytes | tuple[int, ...] | None
"""Value of an option of an operator."""


def options(operator: fb.Operator) -> dict[str, OperatorOption]:
    """Return options by their schema names: ``strideW``, ``fusedActivationFunction``, ``adjY``."""
    name, table = schema.OPTIONS.get(operator.BuiltinOptionsType()), operator.BuiltinOptions()
    if name is None or table is None:
        return {}
    accessor = getattr(fb, name)()
    accessor.Init(table.Bytes, table.Pos)
    unpacked = vars(getattr(fb, f"{name}T").InitFromObj(accessor))
    return {
        key: integers(value) if isinstance(value, np.ndarray) else value
        for key, value in unpacked.items()
    }


def raw(values: NDArray[np.uint8] | int) -> bytes:
    """Return the bytes of a vector, which is the integer 0 where it was left out."""
    return b"" if isinstance(values, int) else values.tobytes()


def integers(values: NDArray[np.integer] | int) -> tuple[int, ...]:
    """Return the numbers of a vector, which is the integer 0 where it was left out."""
    return () if isinstance(values, int) else tuple(map(int, values.tolist()))
