import shutil
import warnings
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from making_pictures import collection, encoded, pixels, png, write, write_tar, write_zip
from PIL import Image

from tflconv import data
from tflconv.data import layout
from tflconv.data.layout import Place
from tflconv.errors import TflconvError


@pytest.fixture(autouse=True)
def private_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def folder_of(tmp_path: Path, files: dict[str, bytes]) -> Path:
    return write(tmp_path / "pets", files)


PETS = collection({"cats": 20, "dogs": 30})


def test_a_folder_of_classes_is_split_by_class(tmp_path: Path) -> None:
    dataset = data.load(folder_of(tmp_path, PETS))
    assert dataset.name == "pets"
    assert dataset.classes == ("cats", "dogs")
    counts = {name: np.bincount(split.labels).tolist() for name, split in dataset.splits.items()}
    assert counts == {"train": [14, 22], "validation": [2, 2], "test": [4, 6]}
    ids = [name for split in dataset.splits.values() for name in split.ids]
    assert sorted(ids) == sorted(PETS)
    assert dataset.train.images.shape[1:] == (64, 64, 3)
    for name, label in zip(dataset.test.ids, dataset.test.labels, strict=True):
        assert name.startswith(dataset.classes[label])


@pytest.mark.parametrize("pack", [write_tar, write_zip])
def test_an_archive_is_the_same_dataset_as_its_folder(tmp_path: Path, pack) -> None:
    inside = {f"pets-main/{name}": content for name, content in PETS.items()}
    packed = data.load(pack(tmp_path / "pets.zip", inside | {"pets-main/README.md": b"hello"}))
    plain = data.load(folder_of(tmp_path, inside | {"pets-main/README.md": b"hello"}))
    assert packed.test.ids == plain.test.ids
    assert (packed.test.images == plain.test.images).all()
    assert packed.warnings == ()


def test_the_split_follows_the_seed_but_the_test_pictures_do_not(tmp_path: Path) -> None:
    path = folder_of(tmp_path, PETS)
    first, again, other = (data.load(path, seed=seed) for seed in (0, 0, 1))
    assert first.train.ids == again.train.ids
    assert first.validation.ids != other.validation.ids
    assert first.test.ids == other.test.ids
    assert first.digest == again.digest != other.digest


def test_the_drawn_pictures_are_those_of_the_first_release(tmp_path: Path) -> None:
    dataset = data.load(folder_of(tmp_path, PETS))
    assert {name.removesuffix(".png") for name in dataset.validation.ids} == {
        "cats/016",
        "cats/018",
        "dogs/009",
        "dogs/020",
    }
    assert {name.removesuffix(".png") for name in dataset.test.ids} == {
        *{"cats/012", "cats/013", "cats/014", "cats/019"},
        *{"dogs/004", "dogs/010", "dogs/011", "dogs/013", "dogs/019", "dogs/022"},
    }


def test_a_picture_more_moves_few_others(tmp_path: Path) -> None:
    before = data.load(folder_of(tmp_path, PETS)).test.ids
    after = data.load(folder_of(tmp_path, {"cats/zzz.png": png(99)})).test.ids
    assert len(set(before) - set(after)) <= 1


@pytest.mark.parametrize("names", [("train", "val", "test"), ("Training", "valid", "Testing")])
def test_folders_for_the_splits_are_kept(tmp_path: Path, names: tuple[str, ...]) -> None:
    files = {
        f"{name}/{file}": content
        for number, name in enumerate(names)
        for file, content in collection({"cats": 3, "dogs": 4}, seed=100 * number).items()
    }
    splits = data.load(folder_of(tmp_path, files)).splits
    assert {name: len(split) for name, split in splits.items()} == {
        "train": 7,
        "validation": 7,
        "test": 7,
    }
    assert all(name.startswith(names[2]) for name in splits["test"].ids)


def test_digest_follows_bytes_and_settings(tmp_path: Path) -> None:
    path = folder_of(tmp_path, PETS)
    digests = [data.load(path).digest, data.load(path, resolution=32).digest]
    digests += [data.load(path, channels=1).digest, data.load(path, resize="pad").digest]
    digests += [data.load(path, split="random").digest]
    (path / "cats" / "000.png").write_bytes(png(12345))
    digests.append(data.load(path).digest)
    assert len(set(digests)) == len(digests)


def test_every_kind_of_picture_is_taken(tmp_path: Path) -> None:
    kinds = {
        "cats/grey.png": encoded(Image.fromarray(pixels(500, channels=1))),
        "cats/clear.png": encoded(Image.fromarray(pixels(501)).convert("RGBA")),
        "dogs/print.jpg": encoded(Image.fromarray(pixels(502)).convert("CMYK"), "JPEG"),
        "dogs/palette.gif": encoded(Image.fromarray(pixels(503)).quantize(16), "GIF"),
        "dogs/deep.png": encoded(Image.fromarray(pixels(504, channels=1).astype(np.uint16) * 257)),
    }
    dataset = data.load(folder_of(tmp_path, PETS | kinds))
    assert sum(len(split) for split in dataset.splits.values()) == len(PETS) + len(kinds)
    assert dataset.warnings == ()


def test_unreadable_pictures_are_listed_and_left_out(tmp_path: Path) -> None:
    bad = {"cats/notes.txt": b"hello", "dogs/dot.png": encoded(Image.new("L", (1, 1)))}
    dataset = data.load(folder_of(tmp_path, PETS | bad))
    assert sum(len(split) for split in dataset.splits.values()) == len(PETS)
    assert dataset.warnings == (
        "2 of 52 pictures cannot be read: cats/notes.txt: not a picture;"
        " dogs/dot.png: 1x1 is too small (left out).",
    )


def test_hidden_files_and_files_beside_the_classes_are_ignored(tmp_path: Path) -> None:
    extra = {"cats/.DS_Store": b"x", "dogs/Thumbs.db": b"y", "index.csv": b"a,b", ".git/x/y": b"z"}
    dataset = data.load(folder_of(tmp_path, PETS | extra))
    assert dataset.classes == ("cats", "dogs")
    assert dataset.warnings == ()


def test_copies_across_the_split_are_reported(tmp_path: Path) -> None:
    files = {f"train/{name}": content for name, content in PETS.items()}
    fresh = collection({"cats": 5, "dogs": 5}, seed=7000)
    files |= {f"test/{name}": content for name, content in fresh.items()}
    picture = Image.fromarray(pixels(3))
    files["test/cats/exact.png"] = PETS["cats/003.png"]
    files["test/cats/near.jpg"] = encoded(picture.resize((40, 40)), "JPEG", quality=80)
    warning = next(w for w in data.load(folder_of(tmp_path, files)).warnings if "test" in w)
    assert "1 exact and 1 near copies" in warning
    assert "test/cats/exact.png and train/cats/003.png" in warning
    assert "test/cats/near.jpg and train/cats/003.png" in warning


BAD = {
    "nothing": ({}, "must be two classes"),
    "one class": (collection({"cats": 9}), "only the class 'cats'"),
    "no classes": ({"a.png": png(0), "b.png": png(1)}, "no pictures in class folders"),
    "only unreadable": (
        {f"{label}/{i}.png": b"x" for label in ("cats", "dogs") for i in range(5)},
        "10 of 10 pictures cannot be read",
    ),
    "too many unreadable": (
        PETS | {f"cats/bad{i}.png": b"x" for i in range(9)},
        "9 of 59 pictures cannot be read.*; …",
    ),
    "only one-pixel": (
        {f"{label}/{i}.png": encoded(Image.new("L", (1, 1))) for label in "ab" for i in range(5)},
        "1x1 is too small",
    ),
    "class without pictures": (PETS | {"birds/bad.png": b"x"}, "class 'birds' has no readable"),
    "one picture a class": (collection({"cats": 1, "dogs": 1}), "no pictures for"),
    "class not trained": (
        {f"train/{name}": content for name, content in PETS.items()}
        | {"test/birds/1.png": png(5), "test/cats/1.png": png(6), "test/dogs/1.png": png(7)},
        "train has no 'birds'",
    ),
}


@pytest.mark.parametrize("name", ["Cats", "CATS ", "ca ts"])
def test_a_class_that_is_spelled_otherwise_elsewhere_is_named(tmp_path: Path, name: str) -> None:
    test = {f"test/{name}/1.png": png(6), "test/dogs/1.png": png(7)}
    path = folder_of(tmp_path, {f"train/{each}": content for each, content in PETS.items()} | test)
    with pytest.raises(TflconvError, match=f"train has no '{name}'") as caught:
        _ = data.load(path).train
    assert caught.value.hint is not None
    assert caught.value.hint.startswith("'cats' is there: ")


@pytest.mark.parametrize(
    ("names", "alike"),
    [
        (("Cat", "cat", "dog"), ["'Cat' and 'cat'"]),
        (("caf\u00e9", "cafe\u0301", "dog"), ["'cafe\u0301' and 'caf\u00e9'"]),
        (("T-shirt", "t shirt", "T_Shirt", "dog"), ["'T-shirt' and 'T_Shirt' and 't shirt'"]),
        (("C", "C++", "C#", "-", "_"), []),
    ],
)
def test_classes_that_may_be_one_are_named(
    tmp_path: Path, names: tuple[str, ...], alike: list[str]
) -> None:
    dataset = data.load(folder_of(tmp_path, collection(dict.fromkeys(names, 10))))
    assert dataset.classes == tuple(sorted(names))
    told = [each for each in dataset.warnings if "call them alike" in each]
    assert [each.partition(" are classes")[0] for each in told] == alike


@pytest.mark.parametrize("case", BAD)
def test_a_folder_that_is_no_dataset_says_why(tmp_path: Path, case: str) -> None:
    files, why = BAD[case]
    (tmp_path / "pets").mkdir()
    path = folder_of(tmp_path, files)
    with pytest.raises(TflconvError, match=why) as caught:
        _ = data.load(path).train
    assert str(path) in caught.value.message
    assert not list((tmp_path / "cache").rglob("*.npy"))


def test_an_empty_class_folder_is_an_error(tmp_path: Path) -> None:
    path = folder_of(tmp_path, PETS)
    (path / "birds").mkdir()
    with pytest.raises(TflconvError, match="class 'birds' has no readable picture"):
        _ = data.load(path).train


def test_a_path_that_is_not_there_is_not_taken_for_a_name(tmp_path: Path) -> None:
    with pytest.raises(TflconvError, match=r"there is no folder or archive .*nowhere"):
        data.load(tmp_path / "nowhere")


def test_a_second_load_is_read_from_the_cache(tmp_path: Path) -> None:
    path = folder_of(tmp_path, PETS | {"cats/bad.png": b"x"})
    first = data.load(path)
    pixels = {name: split.images.tobytes() for name, split in first.splits.items()}
    entries = list((tmp_path / "cache").rglob("images.npy"))
    assert len(entries) == 1
    np.save(entries[0], np.zeros_like(np.load(entries[0])))
    assert data.load(path).train.images.any(), "a damaged entry was used"
    second = data.load(path)
    for name, split in first.splits.items():
        assert pixels[name] == second.splits[name].images.tobytes()
        assert split.ids == second.splits[name].ids
    assert first.classes == second.classes
    assert first.warnings == second.warnings


def test_a_cache_that_cannot_be_written_is_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert len(data.load(folder_of(tmp_path, PETS)).train) == 36


NAMES = st.sampled_from(["train", "val", "test", "cats", "dogs", "a"])


@given(st.lists(st.lists(NAMES, min_size=1, max_size=4).map("/".join), unique=True, max_size=8))
def test_every_placed_picture_has_the_class_of_a_folder_above_it(names: list[str]) -> None:
    with suppress(TflconvError):
        check_places(layout.by_folders(names))


def check_places(found: layout.Layout) -> None:
    for name, place in found.places.items():
        assert place.label in name.split("/")[:-1]
        assert place.split in (None, "train", "validation", "test")


def test_folders_that_everything_shares_are_no_class() -> None:
    names = ["a/b/cats/1.png", "a/b/dogs/2.png", "a/b/README.md"]
    assert layout.by_folders(names).places == {
        "a/b/cats/1.png": Place(label="cats", split=None),
        "a/b/dogs/2.png": Place(label="dogs", split=None),
    }


def test_a_class_of_vehicles_may_be_called_train() -> None:
    assert layout.by_folders(["train/1.png", "bus/2.png"]).places["train/1.png"].label == "train"


def test_a_dataset_can_be_removed_once_it_is_read(tmp_path: Path) -> None:
    path = folder_of(tmp_path, PETS)
    dataset = data.load(path)
    _ = dataset.train
    shutil.rmtree(path)
    assert len(dataset.test) == 10


def test_fewer_pictures_than_classes_are_said_to_leave_some_out(tmp_path: Path) -> None:
    dataset = data.load(folder_of(tmp_path, collection({"cats": 20, "cows": 20, "dogs": 20})))
    with pytest.warns(UserWarning, match="2 pictures of pets cannot be of all its 3 classes: 1 ha"):
        fewer = data.with_fewer(dataset, 2, seed=1)
    assert len(set(fewer.test.labels.tolist())) == 2
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(set(data.drawn(dataset, 3).labels.tolist())) == 3
