"""`.tflite` files of which nothing can be made: told by `convert` before TensorFlow starts."""

from __future__ import annotations

from pathlib import Path

import pytest
from ai_edge_litert import schema_py_generated as fb
from tiny_graphs import Builder, dense

from tflconv import recipe
from tflconv.errors import TflconvError
from tflconv.pipeline import checking
from tflconv.pipeline.requests import ConversionRequest
from tflconv.tflite import reading


def check(path: Path) -> None:
    request = ConversionRequest(model=path, recipes=(recipe.get("fp32"),))
    checking.conversion(request, path.parent / "made")


def negated(path: Path, shape: tuple[int, ...], *, outputs: bool = True) -> Path:
    builder = Builder()
    source, target = builder.tensor(shape, name="x"), builder.tensor(shape)
    builder.op("NEG", [source], [target])
    return builder.write(path, [source], [target] if outputs else [])


@pytest.mark.parametrize("shape", [(), (2,), (4, 8, 8, 3)])
def test_inputs_begin_with_a_batch_of_one(tmp_path: Path, shape: tuple[int, ...]) -> None:
    with pytest.raises(TflconvError, match=r"takes 'x' of shape .* begin with a batch of 1"):
        check(negated(tmp_path / "m.tflite", shape))
    check(negated(tmp_path / "one.tflite", (1, 8)))


def test_what_litert_cannot_run_is_told(tmp_path: Path) -> None:
    with pytest.raises(TflconvError, match="it has no outputs"):
        check(negated(tmp_path / "m.tflite", (1, 8), outputs=False))


def test_sparse_weights_are_told(tmp_path: Path) -> None:
    builder = Builder()
    source = builder.tensor((1, 8))
    target = dense(builder, source, 8, 3)
    builder._graph.tensors[1].sparsity = fb.SparsityParametersT()
    with pytest.raises(TflconvError, match="weights in a sparse format"):
        check(builder.write(tmp_path / "m.tflite", [source], [target]))


def test_names_are_those_of_the_signature_of_the_main_graph() -> None:
    builder = Builder()
    source, target = builder.tensor((1, 8), name="x"), builder.tensor((1, 8), name="y")
    builder.op("NEG", [source], [target])
    builder._model.signatureDefs = [signature("other", 1), signature("main", 0)]
    model = reading.parse(builder.content([source], [target]), Path("m.tflite"))
    assert model.names == (((0, "main in"),), ((1, "main out"),))


def signature(name: str, graph: int) -> fb.SignatureDefT:
    made = fb.SignatureDefT()
    made.signatureKey, made.subgraphIndex = name.encode(), graph
    made.inputs, made.outputs = [], []
    for entries, role in ((made.inputs, "in"), (made.outputs, "out")):
        entry = fb.TensorMapT()
        entry.name, entry.tensorIndex = f"{name} {role}".encode(), len(made.inputs)
        entries.append(entry)
    return made
