"""TFLite metadata of other makers serve as a card; damaged ones are as good as none."""

from __future__ import annotations

import re
import tempfile
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from test_inspect import mobilenets

from tflconv.cli import group
from tflconv.model.card import LABELS, ModelCard, embed_card, read_card, to_metadata
from tflconv.model.normalization import NAMED, Normalization
from tflconv.model.resolving import resolve_card
from tflconv.tflite import metadata, metadata_writing, packing

MODEL = Path(__file__).parents[1] / "golden" / "models" / "tiny_int8.tflite"
CARD = ModelCard(
    model="theirs",
    labels=("a", "b", "c"),
    input_shape=(8, 8, 1),
    normalization=Normalization(mean=(10.0,), std=(20.0,)),
)


def write(path: Path, content: bytes, labels: str | None = "a\nb\nc\n") -> Path:
    """A model with ``content`` as its metadata and ``labels`` appended, and no card of ours."""
    model = packing.unpack(MODEL.read_bytes())
    model.metadata = []
    metadata_writing.attach(model, to_metadata(CARD))
    model.buffers[-1].data = np.frombuffer(content, np.uint8)
    path.write_bytes(packing.pack(model))
    if labels is not None:
        with zipfile.ZipFile(path, "a") as archive:
            archive.writestr(LABELS, labels)
    return path


def test_metadata_serve_as_a_card(tmp_path: Path) -> None:
    path = write(tmp_path / "theirs.tflite", metadata_writing.build(to_metadata(CARD)))
    assert read_card(path) == CARD


@pytest.mark.parametrize("labels", [None, "a\n"])
def test_a_label_file_that_is_not_there_is_no_card(tmp_path: Path, labels: str | None) -> None:
    path = write(tmp_path / "theirs.tflite", metadata_writing.build(to_metadata(CARD)), labels)
    found = read_card(path)
    assert found is None if labels is None else found is not None and found.labels == ("a",)


def test_our_own_card_goes_before(tmp_path: Path) -> None:
    path = write(tmp_path / "ours.tflite", metadata_writing.build(to_metadata(CARD)), None)
    own = replace(CARD, model="ours", recipe="static_wi8_ai8")
    embed_card(path, own)
    assert read_card(path) == own


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_damaged_metadata_are_metadata_or_none(data: st.DataObject) -> None:
    content = bytearray(metadata_writing.build(to_metadata(CARD)))
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(content) - 1))
        content[place] = data.draw(st.integers(0, 255))
    with tempfile.TemporaryDirectory() as folder:
        metadata.read(write(Path(folder) / "broken.tflite", bytes(content)))


def test_a_published_file_says_what_it_needs(require) -> None:  # type: ignore[no-untyped-def]
    require("data", mobilenets().is_dir(), "TFLCONV_DATA_DIR has no mobilenet-tflite")
    card = read_card(mobilenets() / "mobilenet_v2_1.0_224_quant.tflite")
    assert card is not None
    assert (card.normalization, card.input_shape) == (NAMED["-1..1"], (224, 224, 3))
    assert (len(card.labels), card.labels[286]) == (1001, "Egyptian cat")
    assert read_card(mobilenets() / "mobilenet_v1_0.25_224_1_default_1.tflite") is None


@pytest.mark.parametrize(
    ("normalization", "told"),
    [
        ("0..1", "(pixel − 0) / 255\n"),
        ("caffe", "103.939, 116.779, 123.68) / 1, channels in the order BGR"),
    ],
)
def test_inspect_tells_how_pixels_go_in(tmp_path: Path, normalization: str, told: str) -> None:
    path = write(tmp_path / "ours.tflite", metadata_writing.build(to_metadata(CARD)), None)
    embed_card(path, replace(CARD, labels=(), normalization=NAMED[normalization]))
    shown = CliRunner().invoke(group, ["inspect", str(path)]).output
    assert told in shown
    assert re.search(r"labels +none", shown)


def bare(path: Path, **members: str) -> Path:
    """A model without metadata, with files in an archive at its end."""
    model = packing.unpack(MODEL.read_bytes())
    model.metadata = []
    path.write_bytes(packing.pack(model))
    with zipfile.ZipFile(path, "a") as archive:
        for name, text in members.items():
            archive.writestr(f"{name}.txt", text)
    return path


THREE = "".join(f"class {n}\n" for n in range(3))


def test_labels_at_the_end_of_a_file_name_its_outputs(tmp_path: Path) -> None:
    path = bare(tmp_path / "m.tflite", labelmap=THREE, licence="free")
    assert metadata.labels(path) == ("labelmap.txt", tuple(THREE.splitlines()))
    assert resolve_card(path, normalize="0..1").labels == tuple(THREE.splitlines())
    assert resolve_card(path, normalize="0..1", labels=list("abc")).labels == (*"abc",)
    shown = CliRunner().invoke(group, ["inspect", str(path)]).output
    assert "3 in labelmap.txt: class 0, " in shown


def test_labels_that_metadata_name_need_no_normalization(tmp_path: Path) -> None:
    theirs = replace(to_metadata(CARD), labels=tuple(THREE.splitlines()), mean=(), std=())
    path = write(tmp_path / "m.tflite", metadata_writing.build(theirs), THREE)
    assert metadata.labels(path) == (LABELS, tuple(THREE.splitlines()))


def test_labels_that_do_not_fit_are_said_to_be_there(tmp_path: Path) -> None:
    path = bare(tmp_path / "m.tflite", labels=f"background\n{THREE}")
    with pytest.warns(UserWarning, match=r"holds 4 labels \(labels\.txt\), but has outputs of"):
        assert resolve_card(path, normalize="0..1").labels == ()


def test_of_several_label_files_none_is_taken(tmp_path: Path) -> None:
    path = bare(tmp_path / "m.tflite", labels_en=THREE, labels_de=THREE)
    assert metadata.labels(path) == ("", ())
    assert metadata.labels(bare(tmp_path / "n.tflite")) == ("", ())
    assert metadata.labels(tmp_path / "none.tflite") == ("", ())
