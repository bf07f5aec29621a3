"""What ``--strip`` and ``--no-card`` leave out of a file, and constants that are stored once."""

from __future__ import annotations

import copy
from pathlib import Path

import numpy as np
import pytest
from tiny_conversions import CALIBRATION, FLOAT, PIXELS, command, convert

import tflconv
from tflconv.model.card import read_card
from tflconv.model.interpreter import Interpreter
from tflconv.model.normalization import NAMED
from tflconv.tflite import packing, stripping


@pytest.mark.parametrize("name", ["fp32", "static_wi8_ai8", "static_wi4_ai8", "fp16"])
def test_a_stripped_file_answers_the_same_and_is_smaller(name: str, tmp_path: Path) -> None:
    arguments = ["--recipe", name, "--calibration", str(tmp_path / "pixels.npy")]
    np.save(tmp_path / "pixels.npy", PIXELS)
    for folder, flags in (("whole", []), ("stripped", ["--strip"])):
        assert command(tmp_path / folder, *arguments, "--normalize", "0..1", *flags) == 0
    whole, stripped = (tmp_path / f / f"tiny_float32-{name}.tflite" for f in ("whole", "stripped"))
    assert np.array_equal(Interpreter(whole).predict(PIXELS), Interpreter(stripped).predict(PIXELS))
    assert stripped.stat().st_size < whole.stat().st_size
    assert read_card(stripped) == read_card(whole)
    content = packing.unpack(stripped.read_bytes())
    assert {tensor.name for tensor in content.subgraphs[0].tensors} == {None}
    assert content.metadata is None
    assert [entry.name for entry in content.signatureDefs[0].inputs] == [
        entry.name for entry in packing.unpack(whole.read_bytes()).signatureDefs[0].inputs
    ]


@pytest.mark.parametrize("name", ["fp16", "dynamic_wi8_afp32", "static_wi8_ai8"])
def test_a_stripped_float_file_converts_like_the_whole_one(name: str, tmp_path: Path) -> None:
    model = packing.unpack(FLOAT.read_bytes())
    stripping.strip(model)
    stripped = tmp_path / "stripped.tflite"
    stripped.write_bytes(packing.pack(model))
    (made,) = tflconv.convert(stripped, [name], tmp_path, calibration=CALIBRATION)
    whole = Interpreter(convert(name, tmp_path)).predict(NAMED["0..1"].apply(PIXELS))
    assert np.array_equal(Interpreter(made).predict(NAMED["0..1"].apply(PIXELS)), whole)


def test_a_file_without_card_tells_nothing(tmp_path: Path) -> None:
    assert command(tmp_path, "--normalize", "0..1", "--strip", "--no-card") == 0
    assert read_card(tmp_path / "tiny_float32-fp32.tflite") is None


def test_equal_constants_are_stored_once() -> None:
    model = packing.unpack(FLOAT.read_bytes())
    graph = model.subgraphs[0]
    twin = max(graph.tensors, key=lambda tensor: np.size(model.buffers[tensor.buffer].data))
    model.buffers += [copy.deepcopy(model.buffers[twin.buffer]) for _ in range(2)]
    other = copy.deepcopy(twin)
    other.buffer = len(model.buffers) - 1
    graph.tensors.append(other)
    stripping.share_equal(model)
    assert twin.buffer == other.buffer
    contents = [bytes(buffer.data) for buffer in model.buffers if buffer.data is not None]
    assert len(contents) == len(set(contents))
