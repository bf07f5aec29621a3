"""Limits of reciprocal square roots are moved before the root, where zeros do no harm."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tiny_graphs import Builder

import tflconv
from tflconv.model.interpreter import Interpreter
from tflconv.tflite import editing, packing, roots

ROWS = np.array([[0, 0, 0, 0], [3, 0, 4, 0], [1e-15, 0, 0, 0], [-1, 1, -1, 1e6]], np.float32)


def normalizing(limit: float, *, seen: bool = False, swapped: bool = False) -> bytes:
    """What Keras writes for ``UnitNormalization``, its sum replaced by a plain product."""
    build = Builder()
    source, square, root, least, end = (build.tensor((1, 4)) for _ in range(5))
    bound = build.tensor((), values=limit)
    build.op("MUL", [source, source], [square])
    build.op("RSQRT", [square], [root])
    build.op("MINIMUM", [bound, root] if swapped else [root, bound], [least])
    build.op("MUL", [source, least], [end])
    return build.content([source], [end, root] if seen else [end])


def kinds(content: bytes) -> list[str]:
    return [name for _, _, name in editing.operators(packing.unpack(content))]


@pytest.mark.parametrize("swapped", [False, True])
@pytest.mark.parametrize("limit", [1e12, 30.0, 0.5])
def test_a_row_of_zeros_is_answered_by_numbers(limit: float, swapped: bool, tmp_path: Path) -> None:
    given = tmp_path / "given.tflite"
    given.write_bytes(normalizing(limit, swapped=swapped))
    (made,) = tflconv.convert(given, ["fp32"], tmp_path / "made")
    assert kinds(made.read_bytes()) == ["MUL", "MAXIMUM", "RSQRT", "MUL"]
    runtime = Interpreter(made)
    for row in ROWS.astype(np.float64):
        square = np.float32(row) ** 2
        with np.errstate(divide="ignore"):
            expected = row * np.minimum(1 / np.sqrt(square), limit)
        (answer,) = runtime.run([row[np.newaxis]])
        np.testing.assert_allclose(answer[0], expected, rtol=1e-5)


@pytest.mark.parametrize(
    ("limit", "seen"), [(1e12, True), (-1.0, False), (0.0, False), (1e30, False), (np.inf, False)]
)
def test_other_roots_stay(limit: float, seen: bool) -> None:
    """Where the root itself is asked for, or the square of the limit is no normal number."""
    model = packing.unpack(normalizing(limit, seen=seen))
    roots.limit_before_roots(model)
    assert kinds(packing.pack(model)) == ["MUL", "RSQRT", "MINIMUM", "MUL"]
