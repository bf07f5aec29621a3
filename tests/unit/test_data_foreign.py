"""Sets in forms that are not read are called by what they are, and the message says what to do."""

from __future__ import annotations

from pathlib import Path

import pytest
from making_pictures import png, write

from tflconv import data
from tflconv.data import foreign
from tflconv.errors import TflconvError, UsageError

FORMS = {
    "data/train-00000-of-00001.parquet": ("tables of Parquet", "CLASS/0.png"),
    "data-00000-of-00001.arrow": ("tables of Arrow", "CLASS/0.png"),
    "train.tfrecord-00000-of-00002": ("records of TensorFlow", "CLASS/0.png"),
    "train/metadata.jsonl": ("JSON lines", "labels.csv"),
    "train/metadata.csv": ("a table beside its pictures", "TABLE.csv"),
    "train.zip": ("archives inside", "Unpack them"),
}


@pytest.mark.parametrize("name", FORMS)
def test_a_set_of_another_form_is_called_by_it(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TFLCONV_CACHE_DIR", str(tmp_path / "cache"))
    what, todo = FORMS[name]
    write(tmp_path / "set", {name: b"x", "train/0.png": png(0), "train/1.png": png(1)})
    with pytest.raises(TflconvError, match=f"[^.]; it has .*{what}") as told:
        _ = data.load(tmp_path / "set").train
    assert f"(such as {name})." in told.value.message
    assert todo in (told.value.hint or "")


def test_a_set_without_any_of_them_is_none() -> None:
    assert foreign.kind(["cats/0.png", "README.md", "model.keras"]) is None
    assert foreign.kind(["0000.cls", "0000.png"]) is not None


def test_a_file_of_arrays_is_no_folder_of_pictures(tmp_path: Path) -> None:
    (tmp_path / "xy.npz").write_bytes(b"PK")
    with pytest.raises(UsageError, match=r"xy\.npz holds arrays"):
        data.load(tmp_path / "xy.npz")
