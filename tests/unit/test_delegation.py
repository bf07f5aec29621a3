"""Predicted delegation against what LiteRT's own XNNPACK delegate does with the same graph."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from ai_edge_litert import schema_py_generated as fb
from ai_edge_litert.interpreter import Interpreter
from delegated_graphs import GRAPHS, computed_shape, half_weights, matmul, reshape
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_graphs import FLOAT, HALF, INT8, INT32, Builder, dense

from tflconv.errors import TflconvError
from tflconv.inspection import cost, delegation
from tflconv.tflite import reading


def measured(content: bytes) -> int:
    """Number of pieces that the XNNPACK delegate of the installed LiteRT takes."""
    interpreter = Interpreter(model_content=content, num_threads=1)
    interpreter.allocate_tensors()
    return sum(op["op_name"] == "DELEGATE" for op in interpreter._get_ops_details())


def predicted(content: bytes) -> int:
    return len(delegation.predict(reading.parse(content, Path("m.tflite"))).partitions)


@pytest.mark.parametrize("name", GRAPHS)
def test_each_rule_agrees_with_the_delegate(name: str) -> None:
    content = GRAPHS[name]()
    assert predicted(content) == measured(content)


@settings(max_examples=60, deadline=None)
@given(steps=st.lists(st.sampled_from("dsba"), min_size=1, max_size=14))
def test_partitions_are_cut_as_the_delegate_cuts_them(steps: list[str]) -> None:
    """Random chains of delegated (dense, add) and refused (softmax) steps, with branches."""
    builder = Builder()
    source = value = branch = builder.tensor((1, 8), INT8)
    for step in steps:
        if step == "b":
            branch = value
        elif step == "d":
            value = dense(builder, value, 8, 8, INT8)
        elif step == "a":
            total = builder.tensor((1, 8), INT8)
            builder.op("ADD", [value, branch], [total], fb.AddOptionsT())
            value = total
        else:
            options = fb.SoftmaxOptionsT()
            options.beta = 1.0
            shares = builder.tensor((1, 8), INT8, scale=1 / 256, zero_point=-128)
            builder.op("SOFTMAX", [value], [shares], options)
            value = shares
    content = builder.content([source], [value])
    assert predicted(content) == measured(content)


def test_a_refused_consumer_keeps_its_unpacked_weights_outside() -> None:
    builder = Builder()
    source, target = builder.tensor((1, 8)), builder.tensor((1, 8))
    packed, unpacked = builder.tensor((1, 8), HALF, values=1), builder.tensor((1, 8))
    builder.op("DEQUANTIZE", [packed], [unpacked], fb.DequantizeOptionsT())
    builder.op("FLOOR_MOD", [source, unpacked], [target])
    found = delegation.predict(reading.parse(builder.content([source], [target]), Path("m")))
    assert found.partitions == ()
    assert set(found.reasons) == {0, 1}


def test_known_graphs_have_known_partitions() -> None:
    pieces = {
        name: predicted(GRAPHS[name]()) for name in GRAPHS if name.startswith(("f", "v", "b"))
    }
    assert pieces == {
        "float16 weights": 1,
        "float16 slope": 1,
        "float16 bias, float16 weights": 1,
        "float16 bias, float weights": 0,
        "variable": 1,
        "variable, read in another shape": 1,
        "batch left open": 1,
    }
    assert (predicted(computed_shape()), predicted(reshape(INT32, 0.1))) == (2, 0)


@pytest.mark.parametrize("inputs", [1, 3])
def test_an_operator_with_other_inputs_is_refused(inputs: int) -> None:
    builder = Builder()
    sources = [builder.tensor((1, 2, 4, 8), INT8) for _ in range(inputs)]
    target = builder.tensor((1, 2, 4, 8), INT8)
    builder.op("TANH" if inputs == 3 else "MUL", sources, [target])
    content = builder.content(sources, [target])
    if inputs == 1:
        with pytest.raises(TflconvError, match="MUL, lacks inputs"):
            predicted(content)
    else:
        found = delegation.predict(reading.parse(content, Path("m.tflite")))
        assert found.reasons == {0: "3 inputs, XNNPACK takes 1"}


def test_a_long_chain_that_alternates_is_cut_in_linear_time() -> None:
    builder = Builder()
    source = value = builder.tensor((1, 4))
    for step in range(4000):
        made = builder.tensor((1, 4))
        builder.op("ABS" if step % 2 else "LOG_SOFTMAX", [value], [made])
        value = made
    model = reading.parse(builder.content([source], [value]), Path("m.tflite"))
    started = time.process_time()
    assert len(delegation.predict(model).partitions) == 2000
    assert time.process_time() - started < 1


def test_reasons_name_what_is_in_the_way() -> None:
    found = delegation.predict(reading.parse(matmul(5), Path("m.tflite")))
    assert found.reasons == {0: "the zero point of its right operand is not 0"}


def test_warns_of_an_int8_graph_full_of_refused_operators(tmp_path: Path) -> None:
    (tmp_path / "slow.tflite").write_bytes(matmul(5))
    headline, reason = delegation.warn_if_slower(tmp_path / "slow.tflite")
    assert "slow.tflite will be slower than float" in headline
    assert reason == "1 × BATCH_MATMUL: the zero point of its right operand is not 0"


@pytest.mark.parametrize("content", [matmul(0), matmul(0, FLOAT), half_weights()])
def test_does_not_warn_of_what_is_fast(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "fast.tflite").write_bytes(content)
    assert delegation.warn_if_slower(tmp_path / "fast.tflite") == []


def real_models() -> list[Path]:
    folder = Path(os.environ.get("TFLCONV_DATA_DIR", "/nonexistent")) / "mobilenet-tflite"
    studies = Path(__file__).parents[2]
    return sorted([*folder.glob("*.tflite"), *studies.glob("studies/**/*.tflite")])


@pytest.mark.parametrize("path", real_models(), ids=lambda path: path.name)
def test_real_models_agree_with_the_delegate(path: Path) -> None:
    content = path.read_bytes()
    assert predicted(content) == measured(content)


@pytest.mark.parametrize(("partitions", "more"), [(1, 0.0), (3, 2 * 2485.0)])
def test_partitions_cost_by_themselves(partitions: int, more: float) -> None:
    graph = reading.parse(matmul(0), Path("m.tflite")).main
    pieces = [(0,), *([()] * (partitions - 1))]
    assert cost.instructions(graph, pieces) == pytest.approx(6623.612 + more)


def test_what_is_beyond_all_measure_is_told_as_that(tmp_path: Path) -> None:
    builder = Builder()
    shape = (1, 1 << 18)
    first, second, third = (builder.tensor(shape, INT8) for _ in range(3))
    builder.op("SQUARED_DIFFERENCE", [first, second], [third], fb.SquaredDifferenceOptionsT())
    path = builder.write(tmp_path / "slow.tflite", [first, second], [third])
    assert "slower than float: more than 100 times" in delegation.warn_if_slower(path)[0]


def test_a_graph_that_computes_next_to_nothing_has_the_cost_of_its_calls(tmp_path: Path) -> None:
    builder = Builder()
    source = value = builder.tensor((1, 1), INT8)
    for step in range(40):
        made = builder.tensor((1, 1), INT8)
        builder.op("RSQRT" if step % 2 else "TANH", [value], [made])
        value = made
    path = builder.write(tmp_path / "tiny.tflite", [source], [value])
    assert "slower than float: about 4.6 times" in delegation.warn_if_slower(path)[0]
