"""Weights of attention in 8 bits, so that each row still adds up to 1.

Softmax gives rows of weights that add up to 1. Where a head has flat rows beside peaked ones, the
256 steps up to its largest weight are coarse for the flat rows: small weights become zero, and a
row adds up to 0.9. The product of such a head is divided by the sums of its rows as they are stored
(``tflite.dividing``), which costs a twelfth of the head. Where whole rows vanish, the product stays
in float. Other heads do without either.

What softmax itself is spelled by (``tflite.exponents``) has 255 steps up to the largest weight of
each row, and divides by the sum of what was stored. Many weights below half a step are lost there:
where that changes a row by more than a twenty-fifth, softmax stays.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np
from ai_edge_litert import schema_py_generated as fb
from numpy.typing import NDArray

from tflconv.conversion.calibration import Calibration, observe
from tflconv.tflite import dividing, packing
from tflconv.tflite.wiring import Wiring

LARGEST_ERROR = 0.02
"""How far the sum of a row may be from 1 among the samples. The aim is 0.03 with rounded scores."""

LOST = 0.125
"""How far it may be for a division to make up for it."""

_LOOKED_UP = 0.04
"""How far it may be from that of all exponentials where they are stored in 8 bits."""

_STEPS = 255
_SAMPLES = 16
"""As many samples are enough: each has a row for every token."""

Weights = NDArray[np.float32]


def keep_sums(content: bytes, calibration: Calibration) -> tuple[bytes, frozenset[str]]:
    """Return a float model that divides by the sums of its rows of weights, where it needs to.

    Args:
        content: A float ``.tflite`` file.
        calibration: Samples to run it with.

    Returns:
        The model, and the names of those weights whose product has to stay in float.
    """
    model = packing.unpack(content)
    names = set(_weights(model))
    seen = _seen(content, calibration, names) if names else {}
    errors = {name: row_error(rows) for name, rows in seen.items()}
    uneven = {name for name, error in errors.items() if LARGEST_ERROR < error <= LOST}
    lost = frozenset(name for name, error in errors.items() if error > LOST)
    if not uneven:
        return content, lost
    dividing.divide_by_sums(model, uneven)
    return packing.pack(model), lost


def looked_up(content: bytes, calibration: Calibration) -> frozenset[str]:
    """Return the weights whose exponentials may be stored in 8 bits (``tflite.exponents``).

    Args:
        content: A float ``.tflite`` file.
        calibration: Samples to run it with.
    """
    names = set(_weights(packing.unpack(content)))
    seen = _seen(content, calibration, names) if names else {}
    return frozenset(name for name, each in seen.items() if _power_error(each) <= _LOOKED_UP)


def _power_error(weights: Weights) -> float:
    """How far 255 steps up to the largest weight of each row change the sum of a row, as a share.

    Example:
        >>> tail = np.append(1.0, np.full(500, 1 / 600))
        >>> _power_error(np.array([tail])) > 0.4, _power_error(np.full((1, 500), 1 / 500))
        (True, 0.0)
    """
    powers = weights / weights.max(-1, keepdims=True)
    stored = np.rint(powers * _STEPS) / _STEPS
    return round(float(np.abs(stored.sum(-1) / powers.sum(-1) - 1).max()), 6)


def row_error(weights: Weights) -> float:
    """Return how far 256 steps up to the largest of the ``weights`` change the sum of a row.

    Example:
        >>> flat, peaked = np.full(577, 1 / 577), np.eye(577)[0]
        >>> row_error(np.array([flat])), row_error(np.array([flat, peaked]))
        (0.0, 1.0)
    """
    scale = weights.max() / _STEPS
    stored = np.rint(weights / scale) * scale
    return round(float(np.abs(stored.sum(-1) - weights.sum(-1)).max()), 6)


def _weights(model: fb.ModelT) -> Iterator[str]:
    """Names of what softmax gives to the left of a product."""
    wiring = Wiring(model)
    for step in wiring.steps:
        if step.kind == dividing.PRODUCT and len(step.reads) == 2:
            maker = wiring.maker(step.reads[0])
            if maker is not None and maker.kind == "SOFTMAX":
                yield step.reads[0]


def _seen(content: bytes, calibration: Calibration, names: set[str]) -> Mapping[str, Weights]:
    first = replace(calibration, inputs=tuple(each[:_SAMPLES] for each in calibration.inputs))
    rows: dict[str, list[Weights]] = {name: [] for name in names}
    for activations in observe(content, first, names):
        for name, values in activations:
            rows[name].append(values.reshape(-1, values.shape[-1]).copy())
    return {name: np.concatenate(values) for name, values in rows.items()}
