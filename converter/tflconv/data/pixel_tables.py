"""Pictures in tables: a row per picture with its label and its pixels, as Kaggle has MNIST.

Pixels have a column each (``label,pixel0,pixel1,...``, or no header and the label first), or are
numbers in one column (``emotion,pixels,Usage``, as in FER2013). They are grey, from 0 to 255, row
by row, and as many as a square has. Splits are files, or values of a column.
"""

from __future__ import annotations

import csv
import io
import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import numpy as np
from numpy.typing import NDArray

from tflconv.core import inputs
from tflconv.data.cache import Allocate
from tflconv.data.copying import copied
from tflconv.data.csv_labels import FILES, LABELS, SPLITS
from tflconv.data.dataset import Files, Table
from tflconv.data.hidden import is_hidden
from tflconv.data.layout import Layout, by_folders
from tflconv.data.split_words import UNLABELLED, role_of, roles
from tflconv.data.walking import walk
from tflconv.errors import TflconvError
from tflconv.model.pictures import View

_LEAST = 64
"""Least number of pixels: fewer columns of numbers are measurements."""

_LINE = 1 << 22
"""Most characters of a line that is looked at to recognize a table."""

_PIXEL = re.compile(r"(pixels?|px|p)?[ _.-]*\d+([x_]\d+)?")
_NUMBER = re.compile(r"\d{1,9}(\.0*)?")
_NO_LABELS = {*FILES, "index", "", "usage", "unnamed:_0"}
_ORDER = Layout(places={}, by_number=True).order
_FER = {"publictest": "validation", "privatetest": "test"}
_ARRAYS = "verify and bench take other pictures as arrays: --dataset FILE.npz with x and y."


@dataclass(frozen=True, kw_only=True)
class Form:
    """Where a table has what.

    Attributes:
        columns: Number of its columns.
        label: Column of the labels, if it has one.
        pixels: Columns of the pixels; one where all are in it.
        split: Column that tells the splits apart, if it has one.
        header: Whether its first row is one.
        count: Number of pixels of a picture.
    """

    columns: int
    label: int | None
    pixels: tuple[int, ...]
    split: int | None = None
    header: bool = True
    count: int

    @property
    def side(self) -> int:
        """Side of the pictures in pixels."""
        return math.isqrt(self.count)


def form(path: Path) -> Form | None:
    """Return the form of a table of pixels by its first two rows; None where it is none.

    Args:
        path: A ``.csv`` or ``.tsv`` file.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            rows = [_cells(stream.readline(_LINE)) for _ in range(2)]
    except (OSError, UnicodeDecodeError, csv.Error):
        return None
    first, second = rows
    if all(map(_NUMBER.fullmatch, first)):
        labelled = math.isqrt(len(first)) ** 2 != len(first)
        table_form = Form(
            columns=len(first),
            label=0 if labelled else None,
            pixels=tuple(range(int(labelled), len(first))),
            header=False,
            count=len(first) - int(labelled),
        )
    else:
        table_form = _headed(first, second)
    return table_form if table_form.count >= _LEAST else None


def _cells(line: str) -> list[str]:
    delimiter = max(",;\t", key=line.count)
    cells = next(csv.reader(io.StringIO(line, newline=""), delimiter=delimiter), [])
    return [cell.strip() for cell in cells]


def _headed(header: Sequence[str], first: Sequence[str]) -> Form:
    names = [name.lower().replace(" ", "_") for name in header]
    joined = [i for i, name in enumerate(names) if name == "pixels" and i < len(first)]
    pixels = joined or [i for i, name in enumerate(names) if _PIXEL.fullmatch(name)]
    rest = [i for i in range(len(names)) if i not in {*pixels}]
    split = next((i for i in rest if names[i] in SPLITS | {"usage"}), None)
    labels = [i for i in rest if names[i] in LABELS]
    labels = labels or [i for i in rest if i != split and names[i] not in _NO_LABELS]
    return Form(
        columns=len(names),
        label=labels[0] if len(labels) == 1 else None,
        pixels=tuple(pixels),
        split=split,
        count=len(first[joined[0]].split()) if joined else len(pixels),
    )


def below(folder: Path) -> list[Path]:
    """Return the tables of pixels in ``folder`` and the folders in it; none beside class folders.

    Args:
        folder: A folder, or anything else, which has none.
    """
    paths = [path for pattern in ("*", "*/*") for path in folder.glob(pattern + ".[cCtT][sS][vV]")]
    tables = [path for path in sorted(paths) if not is_hidden(path.name) and form(path)]
    if not tables:
        return []
    try:
        places = by_folders(list(walk(folder))).places.values()
    except TflconvError:  # what lies beside the tables is in no order
        return tables
    return [] if len({place.label for place in places}) > 1 else tables


def class_names(tables: Mapping[Path, str | None]) -> tuple[str, ...]:
    """Return the classes of ``tables``, in the order of the labels."""
    labels = set[str]()
    for path in tables:
        labels |= {cells[shape.label] for shape, _, cells in _rows(path) if shape.label is not None}
    return _ORDER(labels)


def splits_of(paths: Sequence[Path]) -> dict[Path, str | None]:
    """Return the split that each table with labels is; None for the only one.

    Args:
        paths: Tables of pixels.

    Raises:
        TflconvError: None has labels, or it is not clear which splits several are.
    """
    labelled = [path for path in paths if (found := form(path)) and found.label is not None]
    if not labelled:
        _refuse(paths[0], "it has pixels, and no labels")
    if len(labelled) == 1:
        return {labelled[0]: None}
    words = roles({path.stem for path in labelled})
    splits = {path: words.get(path.stem) for path in labelled}
    counts = Counter(splits.values())
    if None in counts or UNLABELLED in counts or max(counts.values()) > 1 or "train" not in counts:
        names = ", ".join(path.name for path in labelled)
        raise TflconvError(
            f"{labelled[0].parent}: it is not clear which of its tables of pixels are train and"
            f" test: {names}.",
            hint=f"Name them: train={labelled[0]},test={labelled[1]}, or only one of them.",
        )
    return splits


def side_of(paths: Sequence[Path]) -> int:
    """Return the side of all pictures in tables of pixels; raise ``TflconvError`` for several."""
    sides = {found.side: path for path in paths if (found := form(path))}
    if len(sides) > 1:
        sides_by_table = ", ".join(f"{path} has {side} x {side}" for side, path in sides.items())
        raise TflconvError(f"tables of one dataset have pictures of one size: {sides_by_table}.")
    return next(iter(sides))


def read(tables: Mapping[Path, str | None], view: View, allocate: Allocate) -> Table:
    """Read all pictures of ``tables``.

    Args:
        tables: The tables, and the split that each is, if it is one as a whole.
        view: Size and channels to which pictures are brought.
        allocate: Gives an array for all pictures.

    Raises:
        TflconvError: A row has no whole numbers from 0 to 255, or another number of them.
    """
    images, labels, ids = list[NDArray[np.uint8]](), list[str](), list[str]()
    parts: dict[str, list[int]] = {}
    for path, told in tables.items():
        pixels = bytearray()
        for shape, number, cells in _rows(path):
            assert shape.label is not None, "tables without labels are left out"
            split = told or _split(path, number, shape, cells)
            parts.setdefault(split, []).append(len(labels))
            labels.append(cells[shape.label])
            ids.append(f"{path.name}/{number}")
            pixels += _pixels(path, number, shape, cells).tobytes()
        if not pixels:
            _refuse(path, "there are no rows")
        images.append(np.frombuffer(pixels, np.uint8).reshape(-1, shape.side, shape.side, 1))
        if images[-1].max() <= 1:
            _refuse(path, "its pixels go from 0 to 1, where 0 to 255 are read", hint=_ARRAYS)
    if {"all"} < {*parts}:
        _refuse(path, "some rows have a split and some have none")
    classes = _ORDER({*labels})
    position = {name: index for index, name in enumerate(classes)}
    files = Files(counts=tuple(map(len, images)), read=images.__getitem__)
    return Table(
        images=copied(files, view, allocate),
        labels=np.array([position[label] for label in labels], np.int64),
        ids=tuple(ids),
        parts={name: np.array(rows, np.intp) for name, rows in parts.items()},
        classes=classes,
    )


def _rows(path: Path) -> Iterator[tuple[Form, int, list[str]]]:
    """The rows of a table below its header with their numbers, each as wide as that."""
    shape = form(path)
    assert shape is not None, "a table of pixels"
    if shape.side**2 != shape.count:
        _refuse(path, f"{shape.count} pixels per picture are no square", hint=_ARRAYS)
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            delimiter = max(",;\t", key=stream.readline(_LINE).count)
            stream.seek(0)
            for number, row in enumerate(csv.reader(stream, delimiter=delimiter), 1):
                if (number == 1 and shape.header) or not any(map(str.strip, row)):
                    continue
                if len(row) != shape.columns:
                    _refuse(path, f"row {number} has {len(row)} columns, not {shape.columns}")
                cells = [cell.strip() for cell in row]
                if shape.label is not None and not cells[shape.label]:
                    _refuse(path, f"row {number} has no label")
                yield shape, number, cells
    except (OSError, UnicodeDecodeError) as error:
        _refuse(path, inputs.why_unread(error))
    except csv.Error as error:
        _refuse(path, str(error))


def _split(path: Path, number: int, shape: Form, cells: Sequence[str]) -> str:
    split = "" if shape.split is None else cells[shape.split]
    role = _FER.get(split.lower()) or role_of(split)
    if split and role in (None, UNLABELLED):
        _refuse(path, f"row {number}: '{split}' is not a split")
    return role or "all"


def _pixels(path: Path, number: int, shape: Form, cells: Sequence[str]) -> NDArray[np.uint8]:
    numbers = [cells[i] for i in shape.pixels]
    numbers = numbers[0].split() if len(numbers) == 1 else numbers
    if len(numbers) != shape.count:
        _refuse(path, f"row {number} has {len(numbers)} pixels, not {shape.count}")
    try:
        return np.frombuffer(bytes(map(int, numbers)), np.uint8)
    except ValueError:  # 255.0, or what must not be
        pass
    try:
        values = np.array(numbers, np.float32)
    except ValueError:
        wrong = next(each for each in numbers if not _NUMBER.fullmatch(each))
        _refuse(path, f"row {number}: the pixel '{wrong[:20]}' is no number")
    if not (np.array_equal(values, np.rint(values)) and values.min() >= 0 and values.max() <= 255):
        ends = f"least {values.min():.4g}, largest {values.max():.4g}"
        said = f"row {number}: its pixels are no whole numbers from 0 to 255 ({ends})"
        _refuse(path, said, hint=_ARRAYS)
    return values.astype(np.uint8)


def _refuse(path: Path, problem: str, *, hint: str | None = None) -> NoReturn:
    hint = hint or "Write a row per picture, with the header label,pixel0,pixel1,…"
    raise TflconvError(f"{path}: {problem}.", hint=hint)
