"""Keep steps of exactly 1 from integers that are compared.

LiteRT's kernels of comparisons know multipliers below 1 and above 1, and end the process where one
is 1, as for pixels of 0 to 255. The next smaller number of float32 changes no integer.
"""

from __future__ import annotations

import numpy as np
from ai_edge_litert import schema_py_generated as fb

from tflconv.tflite import editing
from tflconv.tflite.biases import scales

COMPARISONS = frozenset({"EQUAL", "GREATER", "GREATER_EQUAL", "LESS", "LESS_EQUAL", "NOT_EQUAL"})
_BELOW = float(np.nextafter(np.float32(1), np.float32(0)))


def avoid(model: fb.ModelT) -> None:
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
