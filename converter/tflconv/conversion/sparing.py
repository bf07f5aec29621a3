"""Which kernels of a 4-bit file keep 8 bits.

Layers differ in what their rounding does to the outputs: on a trained vision transformer the last
layer, a five-hundredth of all weights, does a quarter of the harm. Each group of layers is rounded
by itself, and those that do most harm per weight keep 8 bits, up to a sixth of all weights.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from tflconv.conversion.calibration import Calibration, observe
from tflconv.conversion.dense import groups, seen_by_layers
from tflconv.conversion.rounding import rounded_alone
from tflconv.tflite import editing, packing

_SAMPLES = 16
_SHARE = 0.165


def kept_in_eight_bits(content: bytes, calibration: Calibration) -> frozenset[str]:
    """Return the names of kernels that keep 8 bits.

    Args:
        content: A float ``.tflite`` file.
        calibration: Samples to run it with.
    """
    inputs = seen_by_layers(content, calibration)
    candidates = [group for group in groups(packing.unpack(content)) if group.source in inputs]
    first = replace(calibration, inputs=tuple(each[:_SAMPLES] for each in calibration.inputs))
    expected = _outputs(content, first)
    made = (rounded_alone(content, group, inputs[group.source]) for group in candidates)
    harm = [_error(expected, _outputs(each, first)) for each in made]
    left = _SHARE * sum(group.size for group in candidates)
    kept: set[str] = set()
    for place in sorted(range(len(candidates)), key=lambda n: (-harm[n] / candidates[n].size, n)):
        if candidates[place].size <= left:
            left -= candidates[place].size
            kept |= candidates[place].names
    return frozenset(kept)


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
