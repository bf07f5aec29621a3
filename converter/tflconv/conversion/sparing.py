"""Which kernels of a 4-bit file keep 8 bits.

Layers differ in what their rounding does to the outputs: on a trained vision transformer the last
layer, a five-hundredth of all weights, does a quarter of the harm. Each group of layers is rounded
by itself, and those that do most harm per weight keep 8 bits, up to a tenth of all weights.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from tflconv.conversion.calibration import Calibration, observe
from tflconv.conversion.dense import Group, groups
from tflconv.conversion.rounding import nearest_rows
from tflconv.tflite import editing, packing

_SAMPLES = 16
_SHARE = 0.1


def kept_in_eight_bits(content: bytes, calibration: Calibration) -> frozenset[str]:
    """Return the names of kernels that keep 8 bits.

    Args:
        content: A float ``.tflite`` file.
        calibration: Samples to run it with.
    """
    found = groups(packing.unpack(content))
    first = replace(calibration, inputs=tuple(each[:_SAMPLES] for each in calibration.inputs))
    expected = _outputs(content, first)
    harm = [_error(expected, _outputs(_rounded(content, group), first)) for group in found]
    left = _SHARE * sum(group.size for group in found)
    kept: set[str] = set()
    for place in sorted(range(len(found)), key=lambda n: (-harm[n] / found[n].size, n)):
        if found[place].size <= left:
            left -= found[place].size
            kept |= found[place].names
    return frozenset(kept)


def _rounded(content: bytes, group: Group) -> bytes:
    """The file with the weights of ``group`` alone rounded."""
    model = packing.unpack(content)
    group.store(model, nearest_rows(np.concatenate([each.weights for each in group.layers])))
    return packing.pack(model)


def _outputs(content: bytes, calibration: Calibration) -> list[NDArray[np.float32]]:
    graph = packing.unpack(content).subgraphs[0]
    names = editing.names(graph, graph.outputs)
    runs = [dict(activations) for activations in observe(content, calibration, names)]
    return [np.stack([run[name] for run in runs]) for name in names if name in runs[0]]


def _error(expected: list[NDArray[np.float32]], received: list[NDArray[np.float32]]) -> float:
    """The square error of all outputs as shares of their squares."""
    return sum(
        float(np.square(one - other, dtype=np.float64).sum() / (np.square(one).sum() or 1.0))
        for one, other in zip(expected, received, strict=True)
    )
