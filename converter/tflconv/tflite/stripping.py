"""Remove from a ``.tflite`` file what no runtime needs.

Names of tensors and of the graph, the description, TFLite metadata, the version of the converter
and the smallest and largest values of the calibration serve people and tools. The names of inputs
and outputs stay in the signature, where runtimes look them up. Outputs stay equal, bit for bit.
"""

from __future__ import annotations

import numpy as np
from ai_edge_litert import schema_py_generated as fb

from tflconv.tflite import half_precision


def strip(model: fb.ModelT) -> None:
    """Remove from ``model`` what is not needed to run it."""
    model.description, model.metadataBuffer = None, None
    model.metadata = half_precision.entries(model) or None
    for graph in model.subgraphs:
        graph.name = None
        for tensor in graph.tensors:
            tensor.name = None
            if tensor.quantization is not None:
                tensor.quantization.min = tensor.quantization.max = None
    share_equal(model)


def share_equal(model: fb.ModelT) -> None:
    """Let tensors with equal constants share one buffer, and remove buffers that are not used."""
    kept = [model.buffers[0]]
    known: dict[bytes, int] = {}
    entries = [*(t for graph in model.subgraphs for t in graph.tensors), *(model.metadata or ())]
    for entry in entries:
        buffer = model.buffers[entry.buffer]
        if buffer.data is None or len(buffer.data) == 0:
            entry.buffer = 0
            continue
        content = np.asarray(buffer.data, np.uint8).tobytes()
        if content not in known:
            known[content] = len(kept)
            kept.append(buffer)
        entry.buffer = known[content]
    model.buffers = kept
