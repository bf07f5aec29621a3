"""One rule for labels: what the outputs of a model stand for."""

from __future__ import annotations

import re
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tflconv import data
from tflconv.data import Split
from tflconv.data.outputs import numbered, output_names
from tflconv.errors import UsageError

PETS = ("cat", "dog", "owl")


def names(labels: tuple[str, ...], classes: tuple[str, ...], count: int = 3) -> tuple[str, ...]:
    return output_names(labels, classes, count, model="pets.tflite", dataset="photos")


@pytest.mark.parametrize("classes", [PETS, ("owl", "cat"), ("dog", "owl", "cat")])
def test_labels_of_the_model_count_most(classes: tuple[str, ...]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert names(PETS, classes) == PETS


def test_classes_name_the_outputs_of_a_model_without_labels() -> None:
    with pytest.warns(UserWarning, match="taken to be cat, dog, owl in this order"):
        assert names((), PETS) == PETS


@pytest.mark.parametrize(
    ("labels", "classes", "count", "says"),
    [
        ((), ("cat", "dog"), 3, "has 3 outputs, but photos has 2 classes.\nName all outputs"),
        (PETS, PETS, 4, "has 4 outputs, but 3 labels"),
        (PETS, ("cat", "emu"), 3, "it knows cat, dog, owl, but not emu.\nIf these"),
        (("0", "1", "2"), PETS, 3, "it knows 0, 1, 2, but not cat, dog, owl"),
    ],
)
def test_nothing_is_guessed(
    labels: tuple[str, ...], classes: tuple[str, ...], count: int, says: str
) -> None:
    with pytest.raises(UsageError, match=re.escape(says)):
        names(labels, classes, count)


@given(st.permutations(range(5)), st.lists(st.integers(0, 4), min_size=1, max_size=9))
def test_numbers_keep_their_names(order: list[int], labels: list[int]) -> None:
    classes = tuple("abcde")
    outputs = (*(classes[place] for place in order), "more")
    ids = tuple(map(str, range(len(labels))))
    images = np.zeros((len(labels), 1, 1, 1), np.uint8)
    split = Split(images=images, labels=np.array(labels), ids=ids)
    renumbered = numbered(split, classes, outputs).labels
    assert [outputs[number] for number in renumbered] == [classes[number] for number in labels]


def test_classes_of_named_pictures_without_decoding_them() -> None:
    assert data.class_names("mnist-sample") == tuple("0123456789")
    assert data.class_names("anything.npz") == ()
