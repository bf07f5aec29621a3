"""Steps of integers that LiteRT's kernels end the process over.

Those of comparisons know multipliers below 1 and above 1, and none that is 1, as for pixels of 0 to
255. The next smaller number of float32 changes no integer. Those of sums multiply the step by 2²⁰,
and find infinity.
"""

from __future__ import annotations

import numpy as np
from ai_edge_litert import schema_py_generated as fb

from tflconv.tflite import editing, schema
from tflconv.tflite.biases import scales

COMPARISONS = frozenset({"EQUAL", "GREATER", "GREATER_EQUAL", "LESS", "LESS_EQUAL", "NOT_EQUAL"})
LARGEST = float(np.finfo(np.float32).max) / 2**20
"""Largest step that a sum can be in."""
_BELOW = float(np.nextafter(np.float32(1), np.float32(0)))


def avoid_ones(model: fb.ModelT) -> None:
    """Make each step of 1 a hair smaller in a quantized ``model`` that compares integers.

    All of them, since many operators ask for the same step on both sides.
    """
    if not any(name in COMPARISONS for _, _, name in editing.operators(model)):
        return
    for graph in model.subgraphs:
        for tensor in graph.tensors:
            if tensor.quantization is not None and tensor.quantization.scale is not None:
                steps = scales(tensor)
                tensor.quantization.scale = np.where(steps == 1, _BELOW, steps).tolist()


def too_large(model: fb.ModelT) -> list[str]:
    """Return the names of integers in a quantized ``model`` whose steps are beyond ``LARGEST``."""
    return [
        schema.text(tensor.name)
        for graph in model.subgraphs
        for tensor in graph.tensors
        if tensor.type in (fb.TensorType.INT8, fb.TensorType.INT16)
        and scales(tensor).max(initial=0) > LARGEST
    ]
