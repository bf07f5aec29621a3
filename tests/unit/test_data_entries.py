"""What lies in a folder of pictures besides pictures: links, locked folders, other formats."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from making_pictures import collection, encoded, png, write, write_zip
from PIL import Image, features

from tflconv import data
from tflconv.errors import TflconvError


@pytest.fixture(autouse=True)
def private_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TFLCONV_CACHE_DIR", str(tmp_path / "cache"))


HIDDEN = [".ipynb_checkpoints", "__MACOSX", "@eaDir", "__pycache__", ".git"]


@pytest.mark.parametrize("name", HIDDEN)
def test_folders_that_nobody_made_are_no_classes(tmp_path: Path, name: str) -> None:
    files = collection({"cats": 5, "dogs": 5})
    folder = write(tmp_path / "pets", files | {f"{name}/x.png": png(9), f"cats/{name}/y.png": b"x"})
    (folder / "dogs" / name).mkdir()
    (folder / "cats" / "Thumbs.db").write_bytes(b"x")
    (folder / "cats" / ".DS_Store").write_bytes(b"x")
    packed = write_zip(tmp_path / "pets.zip", files | {f"{name}/x.png": png(9)})
    for dataset in (data.load(folder), data.load(packed)):
        assert dataset.classes == ("cats", "dogs")
        assert sorted(i for split in dataset.splits.values() for i in split.ids) == sorted(files)
        assert dataset.warnings == ()


def test_a_class_on_another_disk_is_followed(tmp_path: Path) -> None:
    folder = write(tmp_path / "pets", collection({"cats": 5, "dogs": 5}))
    write(tmp_path / "disk", {f"{i}.png": png(50 + i) for i in range(5)})
    (folder / "birds").symlink_to(tmp_path / "disk", target_is_directory=True)
    dataset = data.load(folder)
    assert dataset.classes == ("birds", "cats", "dogs")
    before = dataset.digest
    (tmp_path / "disk" / "0.png").write_bytes(png(99))
    assert data.load(folder).digest != before


def test_a_loop_of_links_is_one_message(tmp_path: Path) -> None:
    folder = write(tmp_path / "pets", collection({"cats": 2, "dogs": 2}))
    (folder / "cats" / "again").symlink_to(folder, target_is_directory=True)
    with pytest.raises(
        TflconvError, match=r"cats/again is a link back to .*pets, a folder"
    ) as caught:
        data.load(folder)
    assert "Remove the link" in str(caught.value.hint)


def test_a_class_that_is_a_dead_link_is_refused(tmp_path: Path) -> None:
    folder = write(tmp_path / "pets", collection({"cats": 2, "dogs": 2}))
    (folder / "birds").symlink_to("/nowhere/birds")
    with pytest.raises(TflconvError, match="birds is a link that leads nowhere: /nowhere/birds"):
        data.load(folder)


def test_a_dead_link_counts_among_unreadable_pictures(tmp_path: Path) -> None:
    folder = write(tmp_path / "pets", collection({"cats": 30, "dogs": 30}))
    (folder / "cats" / "gone.png").symlink_to("/nowhere/x.png")
    (told,) = data.load(folder).warnings
    assert told == (
        "1 of 61 pictures cannot be read: cats/gone.png: a link that leads nowhere (left out)."
    )
    for index in range(6):
        (folder / "dogs" / f"gone{index}.png").symlink_to("/nowhere/x.png")
    with pytest.raises(TflconvError, match="7 of 67 pictures cannot be read"):
        _ = data.load(folder).train


def test_a_name_that_is_no_text_is_one_message(tmp_path: Path) -> None:
    folder = write(tmp_path / "pets", collection({"cats": 5, "dogs": 5}))
    Path(os.fsdecode(os.fsencode(folder) + b"/cats/caf\xe9.png")).write_bytes(png(1))
    with pytest.raises(TflconvError, match=r"cats: the name b'caf\\xe9\.png' is not UTF-8"):
        data.load(folder)


def test_a_cover_beside_the_folder_of_everything_is_told(tmp_path: Path) -> None:
    files = {f"Pictures/{name}": content for name, content in collection({"a": 5, "b": 5}).items()}
    folder = write(tmp_path / "pets", files | {"cover.png": png(99)})
    assert data.load(folder).classes == ("a", "b")
    assert data.load(folder).warnings == (
        "pictures left out: 1 in no class folder (such as cover.png).",
    )
    write(folder, {"back.png": png(98)})
    with pytest.raises(TflconvError, match="only the class 'Pictures'"):
        _ = data.load(folder).train
    assert data.is_unsorted(folder)


def test_what_is_no_file_is_not_waited_for(tmp_path: Path) -> None:
    folder = write(tmp_path / "pets", collection({"cats": 5, "dogs": 5}))
    os.mkfifo(folder / "cats" / "pipe.png")
    assert "cats/pipe.png: not a file" in data.load(folder).warnings[0]


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_class_that_may_not_be_read_is_refused(tmp_path: Path) -> None:
    folder = write(tmp_path / "pets", collection({"cats": 5, "dogs": 5}))
    (folder / "cats").chmod(0)
    with pytest.raises(TflconvError, match=r"cannot read the folder .*cats: Permission denied"):
        data.load(folder)


def test_formats_that_pillow_lacks_are_counted_by_name(tmp_path: Path) -> None:
    files = collection({"cats": 50, "dogs": 50})
    files |= {f"cats/{i}.HEIC": b"\0\0\0\x18ftypheic" for i in range(3)}
    files |= {"dogs/logo.svg": b"<svg/>", "dogs/x.nef": b"II*\0"}
    folder = write(tmp_path / "pets", files)
    assert data.load(folder).warnings[0] == (
        "5 of 105 pictures cannot be read: 3 HEIC such as cats/0.HEIC, 1 SVG such as dogs/logo.svg,"
        " 1 RAW such as dogs/x.nef (formats that Pillow does not read) (left out)."
    )
    write(folder, {f"dogs/{i}.heic": b"x" for i in range(9)})
    with pytest.raises(TflconvError, match=r"14 of 114 .* 12 HEIC") as caught:
        _ = data.load(folder).train
    assert "Convert them to JPEG or PNG" in str(caught.value.hint)


def test_avif_is_read_upright_or_said_to_be_what_this_pillow_lacks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = collection({"cats": 20, "dogs": 20})
    halves = np.zeros((48, 48), np.uint8)
    halves[:, 24:] = 200
    wide = Image.fromarray(halves)
    turned = wide.getexif()
    turned[274] = 6  # a quarter to the right
    files["cats/turned.avif"] = encoded(wide, "AVIF", quality=100, exif=turned)
    folder = write(tmp_path / "pets", files)

    dataset = data.load(folder, resolution=48)
    images = {
        name: image
        for split in dataset.splits.values()
        for name, image in zip(split.ids, split.images, strict=True)
    }

    upper, lower = np.split(images["cats/turned.avif"].astype(int), 2)
    assert abs(upper[:22]).max() < 10
    assert abs(lower[2:] - 200).max() < 10

    monkeypatch.setattr(features, "get_supported_modules", lambda: ["webp"])
    write(folder, {f"dogs/{i}.avif": b"\0\0\0\x18ftypavif" for i in range(9)})
    with pytest.raises(TflconvError, match=r"9 of 50 .* 9 AVIF such as dogs/0.avif") as caught:
        _ = data.load(folder).train
    assert "Pillow 11.3 and later read AVIF" in str(caught.value.hint)
