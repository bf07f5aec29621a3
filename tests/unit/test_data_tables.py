"""Labels in a table beside the pictures: right, or one message that names the table."""

from __future__ import annotations

from pathlib import Path

import pytest
from making_pictures import png, write

from tflconv import data
from tflconv.errors import TflconvError


@pytest.fixture(autouse=True)
def private_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TFLCONV_CACHE_DIR", str(tmp_path / "cache"))


LABELS = [f"{index:02}.png,{'cat' if index % 2 else 'dog'}" for index in range(20)]
PICTURES = {f"{index:02}.png": png(index) for index in range(20)}


def labelled(dataset: data.Dataset) -> dict[str, str]:
    """Class by name of every picture of all splits."""
    return {
        name: dataset.classes[label]
        for split in dataset.splits.values()
        for name, label in zip(split.ids, split.labels, strict=True)
    }


EXPECTED = {f"{index:02}.png": "cat" if index % 2 else "dog" for index in range(20)}

WRITTEN = {
    "with a header": ["filename,label", *LABELS],
    "without a header": LABELS,
    "a header of other words": ["image_id,breed", *LABELS],
    "quoted": ['"filename","label"', *(f'"{a}","{b}"' for a, b in (r.split(",") for r in LABELS))],
    "semicolons": ["Filename;Class", *(row.replace(",", ";") for row in LABELS)],
    "tabs": [row.replace(",", "\t") for row in LABELS],
    "no extensions": ["id,label", *(row.replace(".png", "") for row in LABELS)],
    "empty lines": ["filename,label", "", *LABELS, "", ","],
    "paths of another system": [f".\\{row}" for row in LABELS],
    "names in another case": [row.replace(".png", ".PNG") for row in LABELS],
    "a row twice": [*LABELS, LABELS[0]],
    "a column of numbers beside the files": [
        "id,filename,label",
        *(f"{1000 + place},{row}" for place, row in enumerate(LABELS)),
    ],
    "a column for each class": [
        "filename, cat, dog",
        *(f"{row[:6]}, {int('cat' in row)}, {int('dog' in row)}" for row in LABELS),
    ],
    "a mark of the byte order": ["\ufefffilename,label", *LABELS],
}


@pytest.mark.parametrize("case", WRITTEN)
def test_a_table_gives_each_picture_its_label(tmp_path: Path, case: str) -> None:
    folder = write(tmp_path / "pets", PICTURES)
    (folder / "labels.csv").write_text("\n".join(WRITTEN[case]), encoding="utf-8")
    for path in (folder / "labels.csv", folder):
        dataset = data.load(path)
        assert dataset.name == "pets"
        assert labelled(dataset) == EXPECTED
        assert dataset.warnings == ()


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16-le", "utf-16-be", "utf-32"])
def test_a_mark_tells_how_a_spreadsheet_wrote(tmp_path: Path, encoding: str) -> None:
    rows = [row.replace("cat", "Kätzchen") for row in ("filename\tlabel", *LABELS)]
    text = "\r\n".join(row.replace(",", "\t") for row in rows)
    marked = text if encoding in ("utf-8-sig", "utf-32") else f"\ufeff{text}"
    folder = write(tmp_path / "pets", PICTURES | {"labels.csv": marked.encode(encoding)})
    assert data.load(folder).classes == ("Kätzchen", "dog")


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16-le"])
def test_another_encoding_is_said_and_not_a_missing_header(tmp_path: Path, encoding: str) -> None:
    text = "\n".join(row.replace("cat", "Kätzchen") for row in LABELS)
    folder = write(tmp_path / "pets", PICTURES | {"labels.csv": text.encode(encoding)})
    with pytest.raises(TflconvError, match="it is not UTF-8 text") as caught:
        _ = data.load(folder).classes
    assert caught.value.hint == "Save the table in UTF-8."


def test_columns_are_found_by_their_names(tmp_path: Path) -> None:
    rows = ["label,width,file", *(f"{row[7:]},24,{row[:6]}" for row in LABELS)]
    folder = write(tmp_path / "pets", PICTURES | {"labels.csv": "\n".join(rows).encode()})
    assert labelled(data.load(folder)) == EXPECTED


def test_a_table_that_holds_no_labels_leaves_pictures_without_classes(tmp_path: Path) -> None:
    """They may be calibrated with all the same."""
    tables = {"sizes.csv": b"height,width\n24,24\n", "notes.csv": b"one,two,three\n1,2,3\n"}
    for names in (["sizes.csv"], ["sizes.csv", "notes.csv"]):
        folder = tmp_path / "-".join(names)
        write(folder, PICTURES | {name: tables[name] for name in names})
        assert data.is_unsorted(folder)
        assert data.class_names(str(folder)) == ()
    labels = "\n".join(["file,label", *LABELS]).encode()
    assert not data.is_unsorted(write(tmp_path / "pets", PICTURES | {"labels.csv": labels}))


def test_classes_that_are_numbers_stand_in_the_order_of_numbers(tmp_path: Path) -> None:
    """A network was trained on them; class folders are sorted by name, as Keras does it."""
    rows = [f"{index:02}.png,{(9, 10, 2, 11)[index % 4]}" for index in range(20)]
    table = write(tmp_path / "numbers", PICTURES | {"labels.csv": "\n".join(rows).encode()})
    assert data.load(table).classes == ("2", "9", "10", "11")
    for path in (table, table / "labels.csv"):
        assert data.class_names(str(path)) == ("2", "9", "10", "11")
    named = [row.replace(",2", ",two") for row in rows]
    table = write(tmp_path / "named", PICTURES | {"labels.csv": "\n".join(named).encode()})
    assert data.load(table).classes == ("10", "11", "9", "two")
    files = {f"{row[7:]}/{row[:6]}": png(place) for place, row in enumerate(rows)}
    assert data.load(write(tmp_path / "folders", files)).classes == ("10", "11", "2", "9")


def test_a_label_may_hold_commas_and_quotes(tmp_path: Path) -> None:
    rows = [row.replace("cat", '"cat, ""tabby"""') for row in LABELS]
    folder = write(tmp_path / "pets", PICTURES | {"labels.csv": "\n".join(rows).encode()})
    assert data.load(folder).classes == ('cat, "tabby"', "dog")


def test_pictures_may_lie_in_a_folder_below_the_table(tmp_path: Path) -> None:
    files = {f"train/{name}": content for name, content in PICTURES.items()}
    folder = write(tmp_path / "pets", files | {"train.csv": "\n".join(LABELS).encode()})
    expected = {f"train/{name}": label for name, label in EXPECTED.items()}
    assert labelled(data.load(folder / "train.csv")) == expected
    assert labelled(data.load(folder)) == expected


def test_a_column_may_tell_the_splits(tmp_path: Path) -> None:
    told = ["train", "train", "valid", "Testing"]
    rows = ["filename,label,split", *(f"{row},{told[i // 5]}" for i, row in enumerate(LABELS))]
    folder = write(tmp_path / "pets", PICTURES | {"labels.csv": "\n".join(rows).encode()})
    assert {name: len(split) for name, split in data.load(folder).splits.items()} == {
        "train": 10,
        "validation": 5,
        "test": 5,
    }


def test_class_folders_go_before_a_table_beside_them(tmp_path: Path) -> None:
    files = {f"{'ab'[i % 2]}/{name}": png(i) for i, name in enumerate(PICTURES)}
    folder = write(tmp_path / "pets", files | {"labels.csv": "\n".join(LABELS).encode()})
    assert data.load(folder).classes == ("a", "b")
    assert data.load(folder / "labels.csv").classes == ("cat", "dog")
    assert data.load(folder).digest != data.load(folder / "labels.csv").digest


def test_missing_pictures_count_among_the_unreadable_ones(tmp_path: Path) -> None:
    folder = write(tmp_path / "pets", PICTURES)
    (folder / "labels.csv").write_text("\n".join([*LABELS, "99.png,cat"]))
    assert data.load(folder).warnings == (
        "1 of 21 pictures cannot be read: 99.png: no such file (left out).",
    )
    (folder / "labels.csv").write_text("\n".join([*LABELS, "98.png,cat", "99.png,cat"]))
    with pytest.raises(TflconvError, match=r"2 of 22 pictures cannot be read: 98\.png: no such"):
        _ = data.load(folder).train


def test_pictures_without_a_row_are_told(tmp_path: Path) -> None:
    folder = write(tmp_path / "pets", PICTURES | {"labels.csv": "\n".join(LABELS[:18]).encode()})
    assert data.load(folder).warnings == (
        "pictures left out: 2 without a row in labels.csv (such as 18.png, 19.png).",
    )


REFUSED = {
    "nothing": ([], "there are no rows"),
    "unknown columns": (["a,b,c", "1,2,3"], "which of its columns are file and label: a, b, c"),
    "one column": (["filename", *PICTURES], "columns are file and label: filename"),
    "scores per class": (
        ["filename,cat,dog", "00.png,0.2,0.8"],
        "file and label: filename, cat, dog",
    ),
    "several classes": (["filename,cat,dog", "00.png,1,1"], "file and label: filename, cat, dog"),
    "two labels": ([*LABELS, "00.png,cat"], "row 21: '00.png' has two labels"),
    "short row": ([*LABELS, "00.png"], "row 21 has 1 columns"),
    "empty label": ([*LABELS[:5], "05.png,"], "row 6 has an empty file name or label"),
    "unknown split": (["file,label,split", "00.png,cat,fold"], "row 2: 'fold' is not a split"),
    "some splits": (
        ["file,label,split", "00.png,cat,train", "01.png,dog,"],
        "some rows have a split and some have none",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_table_that_is_not_clear_says_why(tmp_path: Path, case: str) -> None:
    rows, why = REFUSED[case]
    folder = write(tmp_path / "pets", PICTURES)
    (folder / "labels.csv").write_text("\n".join(rows))
    with pytest.raises(TflconvError, match=why) as caught:
        _ = data.load(folder / "labels.csv").train
    assert "labels.csv" in caught.value.message
    assert "FILE,LABEL" in str(caught.value.hint)


def test_a_name_that_two_pictures_have_is_refused(tmp_path: Path) -> None:
    files = {"a/1.png": png(1), "b/1.png": png(2), "labels.csv": b"1.png,cat\n"}
    with pytest.raises(TflconvError, match=r"'1\.png' may be a/1\.png or b/1\.png"):
        _ = data.load(write(tmp_path / "pets", files) / "labels.csv").train


def test_a_table_that_is_no_text_says_so(tmp_path: Path) -> None:
    folder = write(tmp_path / "pets", PICTURES | {"labels.csv": png(1)})
    with pytest.raises(TflconvError, match="cannot read labels from"):
        _ = data.load(folder / "labels.csv").train


def test_several_tables_are_named(tmp_path: Path) -> None:
    content = "\n".join(LABELS).encode()
    folder = write(tmp_path / "pets", PICTURES | {"a.csv": content, "b.csv": content})
    with pytest.raises(TflconvError, match=r"a\.csv, b\.csv"):
        _ = data.load(folder).train


@pytest.mark.parametrize(
    ("labels", "combined"),
    [
        (("cat", "cat|dog"), "cat|dog"),
        (("cat", "dog", "cat dog"), "cat dog"),
        (("cat", "dog", "bird;cat"), "bird;cat"),
        (("big cat", "dog"), None),
        (("cat, small", "dog, small"), None),
    ],
)
def test_labels_that_are_several_in_one_are_said_to_be_one_class(
    tmp_path: Path, labels: tuple[str, ...], combined: str | None
) -> None:
    folder = write(tmp_path / "pets", PICTURES)
    rows = [f'{name},"{labels[i % len(labels)]}"' for i, name in enumerate(PICTURES)]
    (folder / "labels.csv").write_text("\n".join(["filename,label", *rows]))
    notes = [note for note in data.load(folder).warnings if "several labels" in note]
    assert len(notes) == (combined is not None)
    assert combined is None or f"'{combined}' in labels.csv" in notes[0]


def test_numbers_to_predict_are_no_classes(tmp_path: Path) -> None:
    folder = write(tmp_path / "pets", PICTURES)
    rows = [f"{name},{i * 0.25}" for i, name in enumerate(PICTURES)]
    (folder / "labels.csv").write_text("\n".join(["filename,label", *rows]))
    with pytest.raises(TflconvError, match=r"labels are numbers such as 0\.25, not classes"):
        labelled(data.load(folder))
