"""What operators have to do, in units of the kernels that do it, and what the table says."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import product_graphs
import pytest
import stand_in_graphs
from ai_edge_litert import schema_py_generated as fb
from product_graphs import Kind, Transposed
from tiny_graphs import FLOAT, INT8, INT32, Builder

from tflconv import conversion, recipe
from tflconv.conversion import Calibration
from tflconv.inspection import cost, delegation, work
from tflconv.network.keras.opened import open_once
from tflconv.tflite import reading
from tflconv.tflite.contents import Operator, Subgraph


def graph(builder: Builder, source: int, target: int) -> Subgraph:
    content = builder.content([source], [target])
    return reading.parse(content, Path("m.tflite")).main


def dense(rows: int, columns: int, depth: int, dtype: int) -> Subgraph:
    builder = Builder()
    source, target = (builder.tensor((rows, sides), dtype) for sides in (depth, columns))
    weights = builder.tensor((columns, depth), dtype, values=1)
    bias = builder.tensor((columns,), FLOAT if dtype == FLOAT else INT32, values=0)
    options = fb.FullyConnectedOptionsT()
    builder.op("FULLY_CONNECTED", [source, weights, bias], [target], options)
    return graph(builder, source, target)


@pytest.mark.parametrize(
    ("rows", "columns", "depth", "dtype", "steps"),
    [
        (4, 16, 4, INT8, 1),
        (2, 3, 1, INT8, 1),
        (5, 17, 5, INT8, 8),
        (6, 8, 1, FLOAT, 1),
        (2, 8, 1, FLOAT, 1),
        (7, 9, 2, FLOAT, 8),
    ],
)
def test_what_fills_no_tile_costs_as_much_as_what_does(
    rows: int, columns: int, depth: int, dtype: int, steps: int
) -> None:
    name = "float" if dtype == FLOAT else "int8"
    assert dict(work.units(dense(rows, columns, depth, dtype), {0}))[f"{name} step"] == steps


def test_a_single_row_has_a_kernel_of_its_own() -> None:
    found = dict(work.units(dense(1, 16, 8, INT8), {0}))
    assert found == {"call": 1, "int8 row step": 2, "int8 row tile": 1}


@pytest.mark.parametrize(
    ("seed", "in_float", "in_integers"),
    [
        (100, 358_615, 401_976),
        (103, 31_437, 79_210),
        (106, 154_588, 478_044),
        (109, 749_688, 349_688),
        (112, 80_128, 40_328),
        (118, 439_243, 454_867),
        (122, 146_656, 216_351),
    ],
)
def test_transposed_convolutions_cost_what_was_counted(
    seed: int, in_float: int, in_integers: int
) -> None:
    """By ``cost_table.py transposed``; the table was fitted to others."""
    drawn = Transposed.drawn(seed)
    assert estimate(drawn.content("float")) == pytest.approx(in_float, rel=0.08)
    assert estimate(drawn.content("int8")) == pytest.approx(in_integers, rel=0.02)


def estimate(content: bytes) -> float:
    return delegation.estimate(content)


def product_units(content: bytes) -> dict[str, float]:
    main = reading.parse(content, Path("m.tflite")).main
    return dict(work.units(main, {0}))


@pytest.mark.parametrize(("kind", "across"), [("float", 2), ("hybrid", 1), ("int8", 1)])
def test_a_strided_transposed_convolution_is_one_per_phase(kind: Kind, across: int) -> None:
    """Of 3 x 3 taps, the four phases of the stride have 4, 2, 2 and 1."""
    piece = Transposed(side=5, channels=6, made=12, window=3, stride=2, same=True)
    found, pixels = product_units(piece.content(kind)), 5 * 5
    depth = 6 if kind == "float" else 2
    assert found[f"{kind} phase call"] == 4 * pixels
    assert found[f"{kind} phase tile"] == 4 * pixels * across
    assert found[f"{kind} phase tap"] == 9 * pixels * across
    assert found[f"{kind} phase step"] == 9 * pixels * across * depth


def test_a_transposed_convolution_without_a_stride_is_one_convolution() -> None:
    piece = Transposed(side=6, channels=8, made=16, window=3, stride=1, same=True)
    found = product_units(piece.content("int8"))
    assert (found["int8 tile"], found["int8 tap"], found["int8 step"]) == (9, 81, 162)


def test_few_float_columns_are_multiplied_two_at_a_time() -> None:
    """Counted, 9 x 9 pixels of 16 channels: 102 705 for 7 columns, and 77 484 for 9."""
    few, more = (product_graphs.convolved((1, 9, 9, 16), made, 3) for made in (7, 9))
    assert product_units(few)["float narrow tile"] == 21 * 4
    assert product_units(more)["float tile"] == 14 * 2
    assert estimate(few) == pytest.approx(102_705, rel=0.05)
    assert estimate(more) == pytest.approx(77_484, rel=0.05)
    assert "float narrow tile" in product_units(product_graphs.dense(1, 64, 7))


def test_what_skips_pixels_is_left_to_a_built_in_kernel() -> None:
    """XNNPACK takes no stride beyond the window; 59 961 were counted."""
    piece = Transposed(side=8, channels=16, made=8, window=2, stride=3, same=True)
    assert estimate(piece.content("float")) == pytest.approx(59_961, rel=0.15)


def between_integers(middle: str) -> Subgraph:
    builder = Builder()
    first, last = (builder.tensor((1, 8), INT8) for _ in range(2))
    second, third = (builder.tensor((1, 8), FLOAT) for _ in range(2))
    for kind, source, target in (
        ("DEQUANTIZE", first, second), (middle, second, third), ("QUANTIZE", third, last),
    ):  # fmt: skip
        builder.op(kind, [source], [target])
    return graph(builder, first, last)


@pytest.mark.parametrize("middle", ["GELU", "LOGISTIC"])
def test_a_function_between_integers_is_looked_up(middle: str) -> None:
    found = between_integers(middle)
    assert dict(work.units(found, {0, 1, 2})) == {"call": 1, "lookup": 8}
    assert "lookup" not in dict(work.units(found, {0, 1})), "one of them is not XNNPACK's"


def test_a_softmax_between_integers_is_computed() -> None:
    assert dict(work.units(between_integers("SOFTMAX"), {0, 1, 2}))["float SOFTMAX"] == 8


def test_the_same_product_is_cheapest_in_int8() -> None:
    prices = [
        cost.instructions(dense(64, 64, 64, dtype), [(0,)] if delegated else [])
        for dtype, delegated in ((INT8, True), (FLOAT, True), (INT8, False))
    ]
    assert prices == sorted(prices)
    assert cost.float_instructions(dense(64, 64, 64, INT8)) == prices[1]


def test_every_kind_of_unit_has_a_price() -> None:
    names = ["int4 step", "uint8 tile", "float FLOOR_MOD", "built-in int8 FLOOR_MOD"]
    assert all(cost.price(name) > 0 for name in names)


@pytest.mark.parametrize("name", [*stand_in_graphs.NAMES, "EQUAL", "MAXIMUM", "TANH"])
def test_what_stands_in_for_others_has_prices(name: str, tmp_path: Path) -> None:
    path = tmp_path / "float.tflite"
    path.write_bytes(stand_in_graphs.alone(name, (1, 4, 6)))
    table = Path(cost.__file__).with_name(f"{cost.TABLE.split()[0]}.json")
    prices = json.loads(table.read_text())["instructions"]
    noise = np.random.default_rng(0).normal(size=(8, 4, 6)).astype(np.float32)
    samples = Calibration.of_values("noise", stand_in_graphs.samples(name, noise))
    integers = conversion.prepare(open_once(path)).make(recipe.get("static_wi8_ai8"), samples)
    for content in (path.read_bytes(), integers):
        model = reading.parse(content, path)
        for unit, _ in work.units(model.main, delegation.predict(model).delegated):
            assert unit in prices


@pytest.mark.parametrize(("kind", "named"), [(FLOAT, "float"), (INT8, "int8")])
def test_a_comparison_is_named_by_what_it_compares(kind: int, named: str) -> None:
    builder = Builder()
    sides = [builder.tensor((1, 8), kind) for _ in range(2)]
    mask = builder.tensor((1, 8), fb.TensorType.BOOL)
    builder.op("LESS", sides, [mask])
    found = dict(work.units(graph(builder, sides[0], mask), ()))
    assert found[f"built-in {named} LESS"] == 8


@pytest.mark.parametrize("name", ["CALL_ONCE", "CONCATENATION", "VAR_HANDLE"])
def test_an_operator_of_no_tensors_has_nothing_to_do(name: str) -> None:
    """On-device training begins with CALL_ONCE, which prepares the variables."""
    only = Operator(index=0, name=name, inputs=(), outputs=())
    bare = Subgraph(name="", tensors=(), operators=(only,), inputs=(), outputs=())
    for delegated in ((), (0,)):
        ((_, calls), *rest) = work.units(bare, delegated)
        assert (calls, sum(count for _, count in rest)) == (1, 0)
