"""Let float operators of a file compute in half precision where a core can.

XNNPACK reads the entry ``reduced_precision_support`` of a file, which TensorFlow defines, and then
computes in half precision what the file has in float: on cores of Armv8.2, and nowhere else.
"""

from __future__ import annotations

import numpy as np
from ai_edge_litert import schema_py_generated as fb

NAME, VALUE = b"reduced_precision_support", b"fp16accfp16"


def allow(model: fb.ModelT) -> None:
    """Let the float operators of ``model`` compute and add up in half precision."""
    buffer, entry = fb.BufferT(), fb.MetadataT()
    buffer.data = np.frombuffer(VALUE, np.uint8)
    entry.name, entry.buffer = NAME, len(model.buffers)
    model.buffers.append(buffer)
    model.metadata = [*(model.metadata or ()), entry]


def entries(model: fb.ModelT) -> list[fb.MetadataT]:
    """Return the entries by which ``model`` computes so; none where it does not."""
    return [each for each in model.metadata or () if each.name == NAME]
