"""Boxes and masks beside pictures: sets for detection are called so, and are no classes."""

from __future__ import annotations

from pathlib import Path

import pytest
from making_pictures import png, write

from tflconv import data
from tflconv.data import boxes, layout
from tflconv.errors import TflconvError


@pytest.fixture(autouse=True)
def private_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TFLCONV_CACHE_DIR", str(tmp_path / "cache"))


@pytest.mark.parametrize("suffix", [".xml", ".txt", ".json"])
def test_annotations_beside_pictures_are_told_once_and_are_no_damage(suffix: str) -> None:
    pictures = [f"{label}/{index}.jpg" for label in ("cats", "dogs") for index in range(9)]
    annotations = [name.replace(".jpg", suffix) for name in pictures]
    found = layout.by_folders([*pictures, *annotations])
    assert sorted(found.places) == sorted(pictures)
    told = f"annotations of pictures are not read: 18 (such as cats/0{suffix})."
    assert found.notes == (told,)
    inside = [f"train/{name}" for name in (*pictures, *annotations)]
    assert layout.by_parts(inside).notes == (told.replace("cats", "train/cats"),)


def test_a_document_without_its_picture_is_no_annotation() -> None:
    names = ["cats/0.jpg", "dogs/0.jpg", "dogs/1.xml"]
    assert sorted(layout.by_folders(names).places) == names


DETECTION = {
    "YOLO, splits inside": (
        ["images/train/", "images/val/"],
        ["labels/train/", "labels/val/"],
        ".txt",
    ),
    "YOLO, splits outside": (
        ["train/images/", "val/images/"],
        ["train/labels/", "val/labels/"],
        ".txt",
    ),
    "YOLO, flat": (["images/"], ["labels/"], ".txt"),
    "YOLO, beside": ([""], [""], ".txt"),
    "Pascal VOC": (["JPEGImages/"], ["Annotations/"], ".xml"),
}


@pytest.mark.parametrize("kind", DETECTION)
def test_a_set_for_detection_is_called_so(kind: str, tmp_path: Path) -> None:
    pictures, boxes, suffix = DETECTION[kind]
    files = {f"{folder}{n}.png": png(n) for folder in pictures for n in range(4)}
    files |= {f"{folder}{n}{suffix}": b"0 0.5 0.5 0.2 0.2" for folder in boxes for n in range(4)}
    write(tmp_path / "set", files)
    with pytest.raises(
        TflconvError, match=f"set for detection: it has boxes of {kind[:4]}"
    ) as told:
        _ = data.load(tmp_path / "set").train
    assert told.value.hint is not None
    assert "Cut the boxes out" in told.value.hint


@pytest.mark.parametrize(
    "table",
    [
        "annotations/instances_train2017.json",
        "train2017/_annotations.coco.json",
        "annotations.json",
    ],
)
def test_the_boxes_of_coco_are_known_by_the_name_of_their_table(table: str, tmp_path: Path) -> None:
    files = {f"{part}2017/{n}.png": png(n) for part in ("train", "val") for n in range(4)}
    write(tmp_path / "set", {**files, table: b"{}"})
    with pytest.raises(TflconvError, match="it has boxes of COCO"):
        _ = data.load(tmp_path / "set").train


@pytest.mark.parametrize("inside", ["", "train/"])
def test_masks_of_pictures_are_no_class(inside: str, tmp_path: Path) -> None:
    files = {f"{inside}images/{n}.png": png(n) for n in range(4)}
    write(tmp_path / "set", {**files, **{f"{inside}masks/{n}_mask.png": png(n) for n in range(4)}})
    with pytest.raises(TflconvError, match="'images' and 'masks' are pictures and their masks"):
        _ = data.load(tmp_path / "set").train
    assert boxes.masks({"masks": ["masks/medical.png"], "gloves": ["gloves/a.png"]}) is None


def test_boxes_beside_pictures_of_classes_do_not_hide_another_fault(tmp_path: Path) -> None:
    files = {f"cats/{n}.png": png(n) for n in range(4)} | {f"cats/{n}.xml": b"" for n in range(4)}
    write(tmp_path / "set", files)
    with pytest.raises(TflconvError, match="two classes at least; found only the class 'cats'"):
        _ = data.load(tmp_path / "set").train
