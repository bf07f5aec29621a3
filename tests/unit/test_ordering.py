"""A graph begins with what leaves XNNPACK the fewest partitions, and computes the same."""

from __future__ import annotations

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as fb
from ai_edge_litert.interpreter import Interpreter
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_graphs import INT32, Builder

from tflconv.conversion import ordering
from tflconv.tflite import packing


def partitions(content: bytes) -> int:
    """How many pieces the delegate of the installed LiteRT takes."""
    runtime = Interpreter(model_content=content, num_threads=1)
    runtime.allocate_tensors()
    return sum(op["op_name"] == "DELEGATE" for op in runtime._get_ops_details())


def begin_well(content: bytes) -> bytes:
    return ordering.begin_well(packing.unpack(content))


def answers(content: bytes) -> list[np.ndarray]:
    runtime = Interpreter(model_content=content, num_threads=1)
    runtime.allocate_tensors()
    for number, source in enumerate(runtime.get_input_details()):
        values = np.random.default_rng(number).uniform(1, 2, source["shape"])
        runtime.set_tensor(source["index"], values.astype(source["dtype"]))
    runtime.invoke()
    return [runtime.get_tensor(target["index"]) for target in runtime.get_output_details()]


def branches(first: str, second: str) -> bytes:
    """Two chains of taken (t) and refused (r) operators, the first one first, and their sum."""
    builder = Builder()
    sources, ends = [], []
    for steps in (first, second):
        value = builder.tensor((1, 4))
        sources.append(value)
        for step in steps:
            made = builder.tensor((1, 4))
            builder.op("ABS" if step == "t" else "LOG_SOFTMAX", [value], [made])
            value = made
        ends.append(value)
    total = builder.tensor((1, 4))
    builder.op("ADD", ends, [total], fb.AddOptionsT())
    return builder.content(sources, [total])


def test_what_is_refused_comes_first_where_the_rest_waits_for_it() -> None:
    """As in the steps of an LSTM: the state is ready, and the next input has to be read."""
    content = branches("t", "rt")
    assert partitions(content) == 2
    assert partitions(begin_well(content)) == 1
    np.testing.assert_array_equal(answers(begin_well(content))[0], answers(content)[0])


def test_a_file_that_begins_well_stays_byte_for_byte() -> None:
    content = packing.pack(packing.unpack(branches("rt", "t")))
    assert begin_well(content) == content


@settings(max_examples=60, deadline=None)
@given(first=st.text("tr", min_size=1, max_size=5), second=st.text("tr", min_size=1, max_size=5))
def test_never_more_partitions_and_equal_outputs(first: str, second: str) -> None:
    content = branches(first, second)
    moved = begin_well(content)
    other = branches(second, first)
    assert partitions(moved) <= min(partitions(content), partitions(other))
    np.testing.assert_array_equal(answers(moved)[0], answers(content)[0])


@pytest.mark.parametrize(("reading", "stays"), [("SLICE", True), ("LOG_SOFTMAX", False)])
def test_a_graph_whose_shapes_change_stays(reading: str, stays: bool) -> None:
    """XNNPACK plans a partition anew with each other shape, and a larger one has more to plan."""
    builder = Builder()
    state, row, size = builder.tensor((1, 4)), builder.tensor((1, 4)), builder.tensor((2,), INT32)
    begin = builder.tensor((2,), INT32, values=0)
    magnitude, read, total = (builder.tensor((1, 4)) for _ in range(3))
    builder.op("ABS", [state], [magnitude])
    if reading == "SLICE":
        builder.op("SLICE", [row, begin, size], [read], fb.SliceOptionsT())
    else:
        builder.op(reading, [row], [read])
    builder.op("ADD", [magnitude, read], [total], fb.AddOptionsT())
    content = packing.pack(packing.unpack(builder.content([state, row, size], [total])))
    assert (begin_well(content) == content) == stays


def test_operators_keep_all_that_they_had() -> None:
    content = branches("t", "rt")
    before, after = (
        sorted(list(map(int, o.outputs)) for o in packing.unpack(each).subgraphs[0].operators)
        for each in (content, begin_well(content))
    )
    assert before == after
