"""Files of labels as people have them: the names in the order of the outputs, or one message."""

from __future__ import annotations

from pathlib import Path

import pytest

from tflconv.data.labels import read_labels
from tflconv.errors import TflconvError

CAT_AND_DOG = {
    "plain": "cat\ndog\n",
    "a mark and Windows lines": "\ufeffcat\r\ndog\r\n",
    "numbered, as Teachable Machine does": "0 cat\n1 dog\n",
    "in another order": "1,dog\n0,cat\n",
    "from one on": "1: cat\n2: dog\n",
    "tabs": "0\tcat\n1\tdog\n",
    "semicolons": "0; cat\n1; dog\n",
    "numbers last": "dog,1\ncat,0\n",
    "quotes": '"cat"\n"dog"\n',
    "a list in JSON": '[\n  "cat",\n  "dog"\n]\n',
    "class_indices of Keras": '{"dog": 1, "cat": 0}',
    "numbers and names in JSON": '{"1": "dog", "0": "cat"}',
    "ImageNet's JSON": '{"0": ["n02121620", "cat"], "1": ["n02084071", "dog"]}',
}
AS_THEY_ARE = (
    ("0 degrees", "1 degrees"),
    ("2019 model", "2020 model b"),
    ("n01440764 tench", "n01443537 goldfish"),
    ("[UNK]", "cat"),
    ("0", "1"),
    ("7 up", "cola"),
)


@pytest.mark.parametrize("form", CAT_AND_DOG)
def test_labels_are_named_in_the_order_of_outputs(tmp_path: Path, form: str) -> None:
    (tmp_path / "labels.txt").write_bytes(CAT_AND_DOG[form].encode())
    assert read_labels(tmp_path / "labels.txt", 2) == ("cat", "dog")


@pytest.mark.parametrize("labels", AS_THEY_ARE)
def test_numbers_that_are_no_places_belong_to_the_name(
    tmp_path: Path, labels: tuple[str, ...]
) -> None:
    (tmp_path / "labels.txt").write_text("\n".join(labels))
    assert read_labels(tmp_path / "labels.txt", 2) == labels


@pytest.mark.parametrize("text", ["label\ncat\ndog\n", '["cat"]', '{"0": "cat"}', ""])
def test_another_number_of_labels_is_said(tmp_path: Path, text: str) -> None:
    (tmp_path / "labels.txt").write_text(text)
    with pytest.raises(TflconvError, match=r"labels.txt has \d labels; the model has 2 outputs"):
        read_labels(tmp_path / "labels.txt", 2)
