"""Files measured together have different names; the float file of a network is its baseline."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tflconv.benchmark import identify_all
from tflconv.model.card import ModelCard, embed_card
from tflconv.model.normalization import NAMED

TINY = Path(__file__).parents[1] / "golden" / "models" / "tiny_float32.tflite"
pytestmark = pytest.mark.filterwarnings("ignore:Duplicate name")  # a card is embedded again
CARD = ModelCard(
    model="vit", labels=("a", "b"), input_shape=(8, 8, 1), normalization=NAMED["0..1"], dataset="d"
)

Make = Callable[[str, str], Path]


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Make:
    """``make("own/net.tflite", "fp32")`` writes a model of that recipe, and of its own content."""
    monkeypatch.chdir(tmp_path)

    def write(name: str, recipe: str) -> Path:
        path = Path(name)
        path.parent.mkdir(exist_ok=True)
        shutil.copy(TINY, path)
        embed_card(path, replace(CARD, recipe=recipe, seed=len(name)))
        return path

    return write


def names_and_baselines(*files: Path) -> dict[str, tuple[str, str | None]]:
    return {model.slug: (model.name, model.baseline) for model in identify_all(files).values()}


def test_the_float_file_of_a_model_is_the_baseline_of_its_others(make: Make) -> None:
    assert names_and_baselines(
        make("one.tflite", "fp32"), make("two.tflite", "static_wi8_ai8")
    ) == {
        "one": ("vit", "one"),
        "two": ("vit", "one"),
    }


def test_two_networks_of_one_kind_have_their_own_baselines(make: Make) -> None:
    recipes = ("fp32", "static_wi8_ai8")
    files = [make(f"{name}-d-{recipe}.tflite", recipe) for name in "ab" for recipe in recipes]
    assert names_and_baselines(*files) == {
        "a-d-fp32": ("a", "a-d-fp32"),
        "a-d-static_wi8_ai8": ("a", "a-d-fp32"),
        "b-d-fp32": ("b", "b-d-fp32"),
        "b-d-static_wi8_ai8": ("b", "b-d-fp32"),
    }


def test_files_of_one_name_are_named_with_their_folders(make: Make) -> None:
    """Else the second would take the place of the first in the results."""
    files = (make(f"{name}.tflite", "static_wi8_ai8") for name in ("own/net", "tfmot/net"))
    assert names_and_baselines(make("net-fp32.tflite", "fp32"), *files) == {
        "net-fp32": ("net", "net-fp32"),
        "own/net": ("own/vit", None),
        "tfmot/net": ("tfmot/vit", None),
    }


def test_of_several_float_files_the_one_in_the_same_folder_counts(make: Make) -> None:
    recipes = ("fp32", "static_wi8_ai8")
    names = [(f"{folder}/m-d-{recipe}", recipe) for folder in "ab" for recipe in recipes]
    files = [make(f"{name}.tflite", recipe) for name, recipe in names]
    assert names_and_baselines(*files) == {
        name: (f"{name[0]}/m", f"{name[0]}/m-d-fp32") for name, _ in names
    }
