"""How many rows XNNPACK makes of what it treats alike."""

from __future__ import annotations

from pathlib import Path

import layout_graphs
import pytest
from layout_graphs import FIRST, LAST
from tiny_graphs import FLOAT, INT8, INT32, Builder

from tflconv.inspection import delegation, runs, work
from tflconv.tflite import reading
from tflconv.tflite.contents import Subgraph

Shape = tuple[int, ...]


def graph(content: bytes) -> Subgraph:
    return reading.parse(content, Path("m.tflite")).main


def rows(content: bytes) -> int:
    main = graph(content)
    return runs.rows(main, main.operators[0])


def blocks(content: bytes, type_: str) -> tuple[int, int] | None:
    main = graph(content)
    return runs.blocks(main, main.operators[0], type_)


@pytest.mark.parametrize(
    ("left", "right", "count"),
    [
        ((1, 8, 16, 16), (1, 8, 1, 1), 8),
        ((1, 16, 16, 8), (1, 1, 1, 8), 256),
        ((1, 16, 16, 8), (8,), 256),
        ((1, 16, 16, 8), (1, 16, 16, 1), 256),
        ((1, 16, 16, 8), (1, 1, 16, 8), 16),
        ((4, 1, 1, 8), (8,), 4),
        ((1, 16, 16, 8), (1, 16, 16, 8), 0),
        ((1, 16, 8), (16, 8), 0),
        ((1, 16, 8), (1,), 0),
        ((), (), 0),
    ],
)
def test_dimensions_that_are_stretched_alike_are_one(left: Shape, right: Shape, count: int) -> None:
    assert rows(layout_graphs.binary("ADD", left, right)) == count


@pytest.mark.parametrize(
    ("shape", "axes", "padded", "reduced"),
    [
        ((1, 8, 16, 16), (2, 3), 8 * 18, 8),
        ((1, 16, 16, 8), (1, 2), 18 * 18, 256),
        ((1, 16, 8), (2,), 16, 16),
    ],
)
def test_a_mean_joins_dimensions_and_a_pad_does_not(
    shape: Shape, axes: Shape, padded: int, reduced: int
) -> None:
    assert rows(layout_graphs.padded(shape, axes)) == padded
    assert rows(layout_graphs.mean(shape, axes)) == reduced


@pytest.mark.parametrize(
    ("shape", "order", "of_four", "of_sixteen"),
    [
        ((1, 8, 16, 16), LAST, (2 * 64, 0), (0, 16)),
        ((1, 32, 18, 18), LAST, (8 * 81, 0), (2 * 20, 2)),
        ((1, 34, 34, 3), FIRST, (0, 289), (0, 73)),
        ((2, 20, 4), (0, 2, 1), (10, 0), (0, 4)),
        ((1, 64, 3, 16), (0, 2, 1, 3), None, None),
        ((1, 1, 8), (1, 2, 0), None, None),
    ],
)
def test_a_transpose_turns_squares(
    shape: Shape, order: Shape, of_four: tuple[int, int] | None, of_sixteen: tuple[int, int] | None
) -> None:
    content = layout_graphs.transposed(shape, order)
    assert blocks(content, "float") == of_four
    assert blocks(content, "int8") == of_sixteen


@pytest.mark.parametrize(
    ("name", "counted"),
    [
        ("MEAN first 32 16 float", 11_977),
        ("PAD first 32 16 int8", 67_431),
        ("PAD last 32 16 float", 42_623),
        ("SQUARE 32 16 int8", 10_576),
        ("TRANSPOSE to first 32 16 int8", 10_619),
        ("TRANSPOSE to last 32 16 float", 16_758),
        ("TRANSPOSE to last 8 16 int8", 9_172),
    ],
)
def test_estimates_are_near_what_was_counted(name: str, counted: float) -> None:
    content = layout_graphs.samples()[name]
    assert delegation.estimate(content) == pytest.approx(counted, rel=0.09)


def test_what_is_not_known_before_it_runs_has_the_rows_of_its_last_dimension() -> None:
    builder = Builder()
    source, order = builder.tensor((1, 4, 6)), builder.tensor((3,), INT32)
    target = builder.tensor((1, 6, 4))
    builder.op("TRANSPOSE", [source, order], [target])
    content = builder.content([source, order], [target])
    assert blocks(content, "float") is None
    assert rows(content) == 6


@pytest.mark.parametrize(("dtype", "named"), [(FLOAT, "float"), (INT8, "int8")])
def test_a_product_with_itself_is_a_square(dtype: int, named: str) -> None:
    main = graph(layout_graphs.square((1, 8, 16, 16), dtype))
    assert dict(work.units(main, {0}))[f"{named} SQUARE"] == 2048
