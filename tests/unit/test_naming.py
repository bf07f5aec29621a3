"""Names of tensors lead to the layers of a model."""

from __future__ import annotations

import pytest
from ai_edge_litert import schema_py_generated as fb

from tflconv.tflite import naming


@pytest.mark.parametrize(
    ("titles", "layers"),
    [
        (
            ["model/conv/Relu;model/conv/Conv2D", "model/Add", "Identity"],
            ["conv", "Add", "Identity"],
        ),
        (["model/block/conv/Relu", "model/head/MatMul1"], ["block/conv", "head"]),
        (["conv/Relu", "head/MatMul"], ["conv", "head"]),
        (["tensor_3"], ["tensor_3"]),
    ],
)
def test_what_operators_make_is_called_as_its_layer(titles: list[str], layers: list[str]) -> None:
    assert list(map(naming.layer_names(titles), titles)) == layers


def test_several_layers_have_the_scope_in_common_that_they_are_in() -> None:
    assert naming.common(["block/look/key", "block/look/value", "block/look"]) == "block/look"
    assert naming.common(["conv"]) == "conv"
    assert naming.common(["conv", "dense"]) == ""


def test_tensors_are_named_by_the_node_that_makes_them_and_no_name_comes_twice() -> None:
    model, graph = fb.ModelT(), fb.SubGraphT()
    names = ["look", "tflconv0/Const", "tflconv0/Relu;tflconv0/Conv2D", "outer/tflconv1_2/Add"]
    names += ["Identity", "tflconv99/Add"]  # which is a layer of the user
    graph.tensors = [fb.TensorT() for _ in names]
    for tensor, name in zip(graph.tensors, names, strict=True):
        tensor.name = name.encode()
    graph.inputs, graph.outputs, graph.operators = [0], [4], [fb.OperatorT() for _ in range(4)]
    for operator, output in zip(graph.operators, (2, 3, 4, 5), strict=True):
        operator.outputs = [output]
    model.subgraphs = [graph]
    naming.name(model, ["look", "joined"], ["joined"])
    found = [tensor.name.decode() for tensor in graph.tensors]
    assert found == ["look", "1", "look_2", "joined", "joined_2", "tflconv99/Add"]
