"""Round the weights of FULLY_CONNECTED to 4 bits so that its results change least.

Nearest rounding treats each weight by itself. Here weights are rounded one input after another, and
what the rounded ones are off by is made up for by those that are still to come, as far as inputs of
the calibration samples go together (Frantar et al. 2023, "GPTQ", https://arxiv.org/abs/2210.17323).
Each weight is then looked at once more, with all others as they are now; the step of a row is the
one that loses least.

Layers are rounded one after another as well. A layer sees its inputs as the rounded layers before
it make them, and its weights and its bias are first fitted to what it computed from the true ones,
those of layers that keep 8 bits as well.
"""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
from ai_edge_litert import schema_py_generated as fb

from tflconv.conversion.calibration import Calibration
from tflconv.conversion.dense import Doubles, Rows, SharedInput, groups, seen, seen_by_layers
from tflconv.tflite import packing

_LARGEST = 7
"""Weights are whole steps from -7 to 7."""

_DAMPING = 0.01
"""Share of the mean square of the inputs that is added to each, so that all are told apart."""

_TRUST = 0.05
"""As much for the weights as they were, where they are fitted to inputs that changed."""

_FACTORS = np.linspace(1, 0.5, 6)
"""Steps that are tried, as shares of the one with which the largest weight fits."""


def to_four_bits(content: bytes, calibration: Calibration, kept: Collection[str]) -> bytes:
    """Return a float model whose weights of FULLY_CONNECTED are whole steps of 4 bits.

    Args:
        content: A float ``.tflite`` file.
        calibration: Samples to run it with.
        kept: Names of kernels that are fitted, but not rounded.
    """
    model = packing.unpack(content)
    true = seen_by_layers(content, calibration)
    for group in groups(model):
        if group.source in true:
            changed = seen(packing.pack(model), calibration, {group.source})[group.source]
            _round_group(model, group, kept, true[group.source], changed)
    return packing.pack(model)


def rounded_alone(content: bytes, group: SharedInput, inputs: Rows) -> bytes:
    """Return a float model in which the weights of ``group`` alone are whole steps of 4 bits.

    Args:
        content: The float ``.tflite`` file that the group is of.
        group: Layers with one input.
        inputs: Rows of that input.
    """
    model = packing.unpack(content)
    _round_group(model, group, (), inputs, inputs)
    return packing.pack(model)


def rounded_rows(weights: Doubles, squares: Doubles) -> Doubles:
    """Return ``weights`` in steps of 4 bits.

    Args:
        weights: One row for each result, one column for each input.
        squares: Mean products of each two inputs.

    Example:
        >>> rounded_rows(np.array([[7.0, 2.4], [0.6, -7.0]]), np.eye(2)).round(6).tolist()
        [[7.0, 2.0], [1.0, -7.0]]
    """
    damped = _damped(squares, _DAMPING)
    widest = np.abs(weights).max(axis=1) / _LARGEST
    widest[widest == 0] = 1.0
    steps = (widest * _FACTORS[:, np.newaxis]).ravel()
    repeated = np.tile(weights, (len(_FACTORS), 1))
    whole = _polished(repeated, _by_turns(repeated, damped, steps), damped, steps)
    errors = repeated - whole * steps[:, np.newaxis]
    losses = np.einsum("ij,ij->i", errors @ damped, errors).reshape(len(_FACTORS), -1)
    best = losses.argmin(axis=0) * len(weights) + np.arange(len(weights))
    return np.asarray(_reaching(whole[best], weights) * steps[best, np.newaxis])


def _round_group(
    model: fb.ModelT, group: SharedInput, kept: Collection[str], true: Rows, changed: Rows
) -> None:
    """Round the kernels of layers with one input, of which ``true`` and ``changed`` were seen."""
    true, changed = true.astype(np.float64), changed.astype(np.float64)
    weights = np.concatenate([layer.weights for layer in group.layers])
    before, after = true.mean(axis=0), changed.mean(axis=0)
    if not group.has_biases:
        before, after = np.zeros_like(before), np.zeros_like(after)
    squares = (changed - after).T @ (changed - after) / len(changed)
    shared = (true - before).T @ (changed - after) / len(changed)
    trusted = _damped(squares, _TRUST)
    fitted = np.linalg.solve(trusted, (shared + trusted - squares).T @ weights.T).T
    is_kept = np.repeat(
        [layer.name in kept for layer in group.layers],
        [len(layer.weights) for layer in group.layers],
    )
    if not is_kept.all():
        fitted[~is_kept] = rounded_rows(fitted[~is_kept], squares)
    group.store(model, fitted, shift=weights @ before - fitted @ after)


def _damped(squares: Doubles, share: float) -> Doubles:
    return squares + np.eye(len(squares)) * (share * np.trace(squares) / len(squares) or 1.0)


def _by_turns(weights: Doubles, damped: Doubles, steps: Doubles) -> Doubles:
    """Whole steps, one column after another; later columns make up for earlier ones."""
    order = np.argsort(-np.diag(damped), kind="stable")
    upper = np.linalg.cholesky(np.linalg.inv(damped[np.ix_(order, order)])).T
    left, whole = weights[:, order].copy(), np.empty_like(weights)
    for place, column in enumerate(order):
        whole[:, column] = _nearest(left[:, place] / steps)
        error = (left[:, place] - whole[:, column] * steps) / upper[place, place]
        left[:, place:] -= np.outer(error, upper[place, place:])
    return whole


def _polished(weights: Doubles, whole: Doubles, damped: Doubles, steps: Doubles) -> Doubles:
    """Whole steps of which each is the best one beside all others."""
    whole = whole.copy()
    slopes = (whole * steps[:, np.newaxis] - weights) @ damped
    for column in range(weights.shape[1]):
        best = _nearest(whole[:, column] - slopes[:, column] / (damped[column, column] * steps))
        moved = np.flatnonzero(best != whole[:, column])
        by = (best - whole[:, column])[moved] * steps[moved]
        slopes[moved] += np.outer(by, damped[column])
        whole[:, column] = best
    return whole


def _nearest(steps: Doubles) -> Doubles:
    return np.asarray(np.clip(np.rint(steps), -_LARGEST, _LARGEST))


def _reaching(whole: Doubles, weights: Doubles) -> Doubles:
    """Let the largest weight of each row have 7 steps, by which the step is told later on."""
    largest = np.abs(weights).argmax(axis=1)
    rows = np.flatnonzero((np.abs(whole).max(axis=1) < _LARGEST) & weights.any(axis=1))
    ends = np.where(weights[rows, largest[rows]] < 0, -_LARGEST, _LARGEST)
    whole[rows, largest[rows]] = ends
    return whole
