"""What operators have to do, in units of the kernels that do it, and what the table says."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import stand_in_graphs
from ai_edge_litert import schema_py_generated as fb
from tiny_graphs import FLOAT, INT8, INT32, Builder

from tflconv import conversion, recipe
from tflconv.conversion import Calibration
from tflconv.inspection import cost, delegation, work
from tflconv.network.keras.opened import open_once
from tflconv.tflite import reading
from tflconv.tflite.reading import Operator, Subgraph


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
        (2, 3, 1, FLOAT, 1),
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
