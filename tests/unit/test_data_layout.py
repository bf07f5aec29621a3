"""Folders as public datasets have them: right, or an error that names the folders."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from making_pictures import PETS_IN_SPLITS, collection, png, write

from tflconv import data
from tflconv.data import layout, split_words
from tflconv.errors import TflconvError, UsageError


@pytest.fixture(autouse=True)
def private_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TFLCONV_CACHE_DIR", str(tmp_path / "cache"))


def placed(*names: str) -> dict[tuple[str | None, str], int]:
    """Number of pictures by split and class."""
    places = layout.by_folders(names).places.values()
    return dict(Counter((place.split, place.label) for place in places))


def in_splits(*splits: str, classes: tuple[str, ...] = ("cats", "dogs")) -> list[str]:
    return [f"{split}/{label}/1.png" for split in splits for label in classes]


THREE = {(split, c): 1 for split in ("train", "validation", "test") for c in ("cats", "dogs")}
TWO = {place: 1 for place in THREE if place[0] != "validation"}

RIGHT = {
    "asl": (
        [f"asl_alphabet_train/asl_alphabet_train/{label}/1.jpg" for label in "AB"]
        + ["asl_alphabet_test/asl_alphabet_test/A_test.jpg"],
        {("train", "A"): 1, ("train", "B"): 1},
    ),
    "intel scenes": (
        [*in_splits("seg_train/seg_train", "seg_test/seg_test"), "seg_pred/seg_pred/1.jpg"],
        TWO,
    ),
    "training_set": (in_splits("training_set", "test_set"), TWO),
    "training_set twice": (in_splits("training_set/training_set", "test_set/test_set"), TWO),
    "dev": (in_splits("train", "dev", "test"), THREE),
    "predict": ([*in_splits("Train", "Validation", "Test"), "predict/1.png"], THREE),
    "numbered": (in_splits("train2017", "val2017", "test2017"), THREE),
    "suffixed": (in_splits("images_train", "images_val", "images_test"), THREE),
    "blanks": (in_splits("Training Data", "valid-data", "TestSet"), THREE),
    "food 11": (in_splits("training", "validation", "evaluation"), THREE),
    "a fold per number": (in_splits("train1", "train2", "test1"), {**TWO, ("train", "cats"): 2}),
    "wrapper": (in_splits("archive/data/train", "archive/data/test"), TWO),
    "images in split": (in_splits("train/images", "test/images"), TWO),
    "annotations beside": (
        [*in_splits("train", "test"), "annotations/train.json", "train/labels.csv"],
        TWO,
    ),
    "readme beside wrapper": (
        ["Pictures/cats/1.png", "Pictures/dogs/1.png", "README.md", "licence.docx", "all.zip"],
        {(None, "cats"): 1, (None, "dogs"): 1},
    ),
    "class first": ([f"{c}/{s}/1.png" for s in ("train", "test") for c in ("cats", "dogs")], TWO),
    "classes with a word of splits": (
        ["train_station/1.png", "test_tube/1.png"],
        {(None, "train_station"): 1, (None, "test_tube"): 1},
    ),
    "one class in test": (
        [*in_splits("train", "test"), "val/cats/1.png"],
        {**TWO, ("validation", "cats"): 1},
    ),
    "a class called like its split": (
        [*in_splits("train", "test/test", classes=("cats", "test"))],
        {(split, c): 1 for split in ("train", "test") for c in ("cats", "test")},
    ),
    "tiny imagenet": (
        [f"train/{c}/images/{c}_0.png" for c in ("n01", "n02")]
        + ["val/images/0.png", "val/annotations.txt", "test/images/0.png", "words.txt"],
        {("train", "n01"): 1, ("train", "n02"): 1},
    ),
    "kaggle's test without classes": (
        [*in_splits("train"), "test/1.png", "test/2.png"],
        {("train", "cats"): 1, ("train", "dogs"): 1},
    ),
    "classes that a number tells apart": (
        ["level_1/1.png", "level_2/1.png", "level_3/1.png"],
        {(None, f"level_{number}"): 1 for number in (1, 2, 3)},
    ),
    "classes with folders of their own": (
        ["birds/eagle/1.png", "birds/owl/1.png", "fish/cod/1.png", "fish/eel/1.png"],
        {(None, "birds"): 2, (None, "fish"): 2},
    ),
    "one folder in every class": (
        ["cats/raw/1.png", "dogs/raw/1.png"],
        {(None, "cats"): 1, (None, "dogs"): 1},
    ),
}
RIGHT["a fold per number"][1][("train", "dogs")] = 2


@pytest.mark.parametrize("case", RIGHT)
def test_public_layouts_give_their_classes_and_splits(case: str) -> None:
    names, expected = RIGHT[case]
    assert placed(*names) == expected


REFUSED = {
    "a split of unknown name": ([*in_splits("train", "test", "extra")], "'test', 'train'.*'extra'"),
    "test beside classes": (["cats/1.png", "dogs/1.png", "test/1.png"], "'test'.*'cats', 'dogs'"),
    "splits without classes": (["train/1.png", "test/1.png"], "'test', 'train'.*no class folders"),
    "class and split in one": (
        [f"{c}_{s}/1.png" for c in ("cats", "dogs") for s in ("train", "test")],
        "'cats_test', 'cats_train'",
    ),
    "one split of two words": (in_splits("trainval", "test"), "'test'.*'trainval'"),
    "train beside flat classes": ([*in_splits("train"), "bus/1.png"], "'train'.*'bus'"),
    "splits in splits": (
        [f"{a}/{b}/1.png" for a in ("train", "test") for b in ("train", "test")],
        "'test', 'train' are named like splits",
    ),
    "class first, in part": (
        ["cats/train/1.png", "cats/test/1.png", "dogs/1.png"],
        "'dogs' has none",
    ),
    "splits in another language": (in_splits("Trainingsdaten", "Testdaten"), "'Testdaten', 'Tr"),
    "folds": (in_splits("fold_1", "fold_2", "fold_3"), "'fold_1', 'fold_2', 'fold_3' all have"),
    "folds in a split": (in_splits("train/a", "train/b", "test"), "'a', 'b' all have 'cats', 'do"),
    "the set in two colours": (in_splits("set/color", "set/grey"), "'color', 'grey' all have"),
    "sets by date": (
        in_splits("2024-01/train", "2024-01/test", "2024-02/train", "2024-02/test"),
        "'2024-01', '2024-02' all have 'cats', 'dogs'",
    ),
    "splits in one of the sets": (
        in_splits("small/small/train", "small/small/test", "large/large"),
        "'large' has 'cats', 'dogs'",
    ),
    "parts": (["images_part_1/1.png", "images_part_2/1.png", "labels.csv"], "named like parts"),
    "a plot beside the set": (
        [*in_splits("set"), "plots/loss.png"],
        "'set' hold folders of pictures, and 'plots' pictures",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_an_unclear_layout_names_the_folders_and_how_to_say_it(case: str) -> None:
    names, why = REFUSED[case]
    with pytest.raises(TflconvError, match=why) as caught:
        layout.by_folders(names)
    assert "train=DIR,test=DIR" in str(caught.value.hint)


def test_splits_of_pictures_without_classes_are_refused(tmp_path: Path) -> None:
    files = {f"{s}/{k}/1.{e}": png(1) for s in ("train", "test") for k, e in YOLO.items()}
    with pytest.raises(TflconvError, match=r"no pictures in class folders; .* 1 in 'train', which"):
        _ = data.load(write(tmp_path / "boxes", files)).reading


YOLO = {"images": "png", "labels": "txt"}


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("TRAIN", "train"),
        ("Test Set", "test"),
        ("val_images", "validation"),
        ("trainset", "train"),
        ("TestImages2", "test"),
        ("unlabeled", "unlabelled"),
        ("seg_train", None),
        ("trainval", None),
        ("trains", None),
        ("contest", None),
        ("2017", None),
    ],
)
def test_the_role_of_a_folder_is_its_one_word_of_splits(name: str, role: str | None) -> None:
    assert split_words.role_of(name) == role


def test_what_is_left_out_is_said(tmp_path: Path) -> None:
    files = PETS_IN_SPLITS | {"predict/1.png": png(1), "train/loose.png": png(2)}
    folder = write(tmp_path / "pets", files)
    dataset = data.load(folder)
    assert dataset.classes == ("cats", "dogs")
    assert dataset.warnings == (
        "pictures left out: 1 in 'predict', which has no class folders (such as predict/1.png).",
        "pictures left out: 1 in 'train', but in no class folder (such as train/loose.png).",
    )


def test_pictures_beside_the_splits_of_a_class_are_said(tmp_path: Path) -> None:
    files = {f"{n.split('/')[1]}/{n.split('/')[0]}/{n[-7:]}": c for n, c in PETS_IN_SPLITS.items()}
    folder = write(tmp_path / "pets", files | {"cats/1.png": png(1), "dogs/pred/2.png": png(2)})
    assert data.load(folder).warnings == (
        "pictures left out: 2 in a class, but in none of its splits"
        " (such as cats/1.png, dogs/pred/2.png).",
    )


def test_a_folder_without_pictures_is_no_class_and_said(tmp_path: Path) -> None:
    files = collection({"cats": 5, "dogs": 5}) | {"birds/all.npy": b"x", "docs/a/b.pdf": b"x"}
    dataset = data.load(write(tmp_path / "pets", files))
    assert dataset.classes == ("cats", "dogs")
    assert dataset.warnings == ("folders without pictures are left out: 'birds', 'docs/a'.",)


def test_the_refusal_names_the_folder_of_the_dataset(tmp_path: Path) -> None:
    folder = write(tmp_path / "pets", {"train/1.png": png(1), "test/1.png": png(2)})
    with pytest.raises(TflconvError, match=f"^{folder}: the folders 'test', 'train'"):
        _ = data.load(folder).train


def test_splits_may_be_told(tmp_path: Path) -> None:
    write(tmp_path / "pets", PETS_IN_SPLITS)
    write(tmp_path / "more", {f"cats,{i}/x/{n}": c for i in "1" for n, c in PETS_IN_SPLITS.items()})
    spelled = (
        f"train={tmp_path}/pets/train,test={tmp_path}/pets/test,validation={tmp_path}/pets/val"
    )
    dataset = data.load(spelled)
    assert dataset.name == "pets"
    assert {name: len(split) for name, split in dataset.splits.items()} == {
        "train": 14,
        "validation": 12,
        "test": 10,
    }
    assert all(id_.startswith("test/") for id_ in dataset.test.ids)
    assert not data.is_unsorted(spelled)
    two = data.load(f"train={tmp_path}/pets/train,test={tmp_path}/pets/test")
    assert [len(two.splits[name]) for name in ("train", "validation", "test")] == [12, 2, 10]
    assert two.digest != dataset.digest
    comma = f"{tmp_path}/more/cats,1/x"
    assert len(data.load(f"train={comma}/train,test={comma}/test").test) == 10


def test_classes_that_are_called_like_splits_may_be_told(tmp_path: Path) -> None:
    folder = write(tmp_path / "lab", collection({"cats": 5, "dogs": 5, "test": 5}))
    assert data.load(f"train={folder}").classes == ("cats", "dogs", "test")


@pytest.mark.parametrize(
    ("spelled", "why"),
    [
        ("test=pets", "Received: test=pets"),
        ("train=pets,train=pets", "each once"),
        ("train=pets,test=nowhere", "test=nowhere: there is no such folder"),
        ("train=", "train=.*no such folder"),
    ],
)
def test_splits_that_are_told_wrongly_say_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spelled: str, why: str
) -> None:
    write(tmp_path / "pets", collection({"cats": 5, "dogs": 5}))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match=why):
        data.load(spelled)


def test_a_told_split_without_classes_is_not_drawn_instead(tmp_path: Path) -> None:
    write(tmp_path / "pets", PETS_IN_SPLITS | {"flat/1.png": png(1)})
    with pytest.raises(TflconvError, match="no pictures in class folders for test"):
        _ = data.load(f"train={tmp_path}/pets/train,test={tmp_path}/pets/flat").train


def test_folders_in_classes_are_told_for_they_may_be_what_is_meant() -> None:
    told = "folders in a class belong to it, such as 'cat', 'dog' to 'animal'."
    kinds = ("animal/cat", "animal/dog", "thing/car")
    names = [f"{kind}/{number}.png" for kind in kinds for number in range(2)]
    for prefix in ("", "train/"):
        found = layout.by_folders([f"{prefix}{name}" for name in names])
        assert {place.label for place in found.places.values()} == {"animal", "thing"}
        assert found.notes == (told,)
    plain = [name.replace("cat/", "").replace("dog/", "d") for name in names]
    assert layout.by_folders(plain).notes == ()
