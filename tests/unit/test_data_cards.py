import gzip
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tflconv import data
from tflconv.core.files import sha256_file
from tflconv.core.resources import datasets_dir
from tflconv.data import idx
from tflconv.data.dataset_card import CARD, read_card
from tflconv.errors import TflconvError, UsageError

SAMPLES = [name for name in data.names() if data.card(name).bundled]


@pytest.mark.parametrize("name", data.names())
def test_a_card_says_what_the_set_is_and_invents_nothing(name: str) -> None:
    card = data.card(name)
    assert card.name == name
    assert card.files
    assert all((card.licence, card.source, card.citation, card.split_rule, card.counts))
    assert set(card.augmentation) == {"shift", "rotate", "zoom", "flip"}
    assert (card.folder / "README.md").read_text().startswith(f"# {name}: ")
    for file in card.files:
        assert file.sha256 is None or re.fullmatch("[0-9a-f]{64}", file.sha256)
        assert all(re.match(r"https?://[a-z0-9.-]+/", url) for url in file.urls)
        assert card.bundled or file.urls or card.login


def test_digits_and_signs_are_never_flipped() -> None:
    for name in ("mnist", "mnist-sample", "asl-alphabet"):
        assert data.card(name).augmentation["flip"] is False


def test_no_picture_lies_beside_a_card_that_bundles_none() -> None:
    for name in data.names():
        if name not in SAMPLES:
            found = {path.name for path in (datasets_dir() / name).iterdir()}
            assert found == {CARD, "README.md"}


def test_an_unknown_name_suggests_the_near_one() -> None:
    with pytest.raises(UsageError, match="Did you mean fashion-mnist"):
        data.card("fashon-mnist")
    with pytest.raises(UsageError, match="Did you mean clothing-small"):
        data.load("clothing")


@pytest.mark.parametrize("broken", ["{", "[]", '{"name": "x"}', '{"surprise": 1}'])
def test_a_broken_card_names_its_file(tmp_path: Path, broken: str) -> None:
    (tmp_path / CARD).write_text(broken)
    with pytest.raises(TflconvError, match=r"card\.json is not a dataset card"):
        read_card(tmp_path / CARD)


@pytest.mark.parametrize("name", SAMPLES)
def test_a_sample_is_what_its_card_says(name: str) -> None:
    card = data.card(name)
    for file in card.files:
        path = card.folder / file.path
        assert sha256_file(path) == file.sha256
        assert path.stat().st_size == file.bytes
        assert path.read_bytes()[4:8] == bytes(4), "the gzip header carries a time"
    dataset = data.load(name)
    assert dataset.subset
    assert len(dataset.train) + len(dataset.validation) == card.counts["train"] == 6000
    assert len(dataset.test) == card.counts["test"] == 1000


def test_the_mnist_sample_keeps_the_shares_of_the_official_classes() -> None:
    # pictures a digit in the official splits, as the set's authors count them
    train = [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    test = [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    sample = data.load("mnist-sample")
    drawn = np.bincount(np.concatenate([sample.train.labels, sample.validation.labels]))
    assert np.abs(drawn - np.array(train) / 10).max() < 1
    assert np.abs(np.bincount(sample.test.labels) - np.array(test) / 10).max() < 1


@pytest.mark.parametrize("name", SAMPLES)
def test_drawing_again_gives_the_same_bytes(
    name: str, tmp_path: Path, require: Callable[[str, bool, str], None]
) -> None:
    card = data.card(name)
    full = Path(os.environ.get("TFLCONV_DATA_DIR", "/nowhere")) / str(card.sample_of)
    require("data", full.is_dir(), f"TFLCONV_DATA_DIR has no {card.sample_of}")
    program = (
        "import sys; from pathlib import Path; from tflconv.datasets.draw_sample import draw_sample"
        "; draw_sample(*map(Path, sys.argv[1:]))"
    )
    arguments = [card.folder / CARD, full, tmp_path]
    subprocess.run([sys.executable, "-c", program, *map(str, arguments)], check=True)
    for file in card.files:
        assert (tmp_path / file.path).read_bytes() == (card.folder / file.path).read_bytes()


def test_a_sample_holds_pictures_of_the_full_set(
    require: Callable[[str, bool, str], None],
) -> None:
    full = Path(os.environ.get("TFLCONV_DATA_DIR", "/nowhere")) / "mnist"
    require("data", full.is_dir(), "TFLCONV_DATA_DIR has no mnist")
    content = gzip.decompress((full / "t10k-images-idx3-ubyte.gz").read_bytes())
    official = {image.tobytes() for image in idx.decode(content, "t10k")}
    assert all(image.tobytes() in official for image in data.load("mnist-sample").test.images)
