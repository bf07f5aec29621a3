"""Labels in a table beside the pictures: a ``.csv`` file with a row per picture.

The header may be missing where there are two columns, name and label. In place of the label there
may be a column for each class, with a one in that of the picture and zeros beside it. A name is a
path from the folder of the table; names without folder or without extension are looked for below
it. A column ``split`` tells the splits apart.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import NoReturn

from tflconv.core import inputs
from tflconv.data.hidden import is_hidden
from tflconv.data.layout import Layout, Place, is_document
from tflconv.data.split_words import UNLABELLED, role_of
from tflconv.errors import TflconvError

SUFFIXES = (".csv", ".tsv")
_NAMES = "filename file file_name name image image_id image_name img id path filepath file_path"
FILES = {*_NAMES.split(), "image_path", "img_path", "img_name", "image_file", "picture"}
LABELS = {"label", "labels", "class", "class_name", "category", "target", "label_name", "species"}
SPLITS = {"split", "set", "subset", "data_set", "dataset", "fold_name"}
_HINT = (
    "Write a row per picture, FILE,LABEL, with the header filename,label (a column split may say"
    " train, validation or test)."
)


_NUMBER = re.compile(r"[+-]?\d{1,15}(\.\d{1,15})?")


@dataclass(frozen=True, kw_only=True)
class _Row:
    number: int
    file: str
    label: str
    split: str | None


def table_beside(folder: Path) -> Path | None:
    """Return the only table in ``folder``, or None. Raises ``TflconvError`` for several."""
    tables = sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES)
    tables = [path for path in tables if not is_hidden(path.name)]
    if len(tables) > 1:
        names = ", ".join(path.name for path in tables)
        raise TflconvError(
            f"there are no class folders, and several tables that may hold the labels: {names}.",
            hint=f"Name one of them: {folder / tables[0].name}.",
        )
    return tables[0] if tables else None


def by_table(names: Sequence[str], table: Path) -> Layout:
    """Return class and split of pictures by a table.

    Args:
        names: Names of all files below the folder of the table.
        table: The ``.csv`` or ``.tsv`` file.

    Returns:
        Places by name. A row whose picture is not there has its own name as it stands in the table.

    Raises:
        TflconvError: The table cannot be read, its columns are not clear, or a picture has two
            labels.
    """
    find = _Finder.of(names)
    places: dict[str, Place] = {}
    for row in _rows(table, find):
        name = find(row.file, table) or row.file
        place = Place(label=row.label, split=row.split)
        if places.setdefault(name, place) != place:
            _refuse(table, f"row {row.number}: '{row.file}' has two labels or splits")
    _check_classes(table, {place.label for place in places.values()})
    unlisted = [name for name in names if name not in places and not is_document(name)]
    notes = list(_combined(table, {place.label for place in places.values()}))
    if unlisted:
        some = ", ".join(unlisted[:3])
        left = f"{len(unlisted)} without a row in {table.name} (such as {some})"
        notes.append(f"pictures left out: {left}.")
    return Layout(places=places, notes=tuple(notes), by_number=True)


def _check_classes(table: Path, labels: set[str]) -> None:
    """Refuse numbers that are to be predicted: classes may be whole numbers only."""
    numbers = [label for label in sorted(labels) if _NUMBER.fullmatch(label)]
    broken = [label for label in numbers if float(label) % 1]
    if broken and len(numbers) == len(labels):
        raise TflconvError(
            f"{table}: its labels are numbers such as {broken[0]}, not classes.",
            hint="verify and bench take such data as arrays: --dataset FILE.npz with x and y.",
        )


def _combined(table: Path, labels: set[str]) -> Iterator[str]:
    """Say so where labels are made of others, ``cat|dog``: a picture has one class."""
    for mark in "|;, ":
        parts = {label: {part.strip() for part in label.split(mark)} for label in labels}
        several = sorted(label for label, found in parts.items() if len(found) > 1)
        single = {label for label, found in parts.items() if len(found) == 1}
        sure = any(parts[label] & single for label in several) if mark in "|;" else False
        if several and (sure or all(parts[label] <= single for label in several)):
            yield (
                f"'{several[0]}' in {table.name} looks like several labels, but is taken for one"
                " class; verify and bench take several per picture as arrays (.npz)."
            )
            return


@dataclass(frozen=True, kw_only=True)
class _Finder:
    """Finds files by the names that tables give them."""

    paths: frozenset[str]
    by_name: Mapping[str, Sequence[str]]

    @classmethod
    def of(cls, names: Sequence[str]) -> _Finder:
        by_name: dict[str, list[str]] = {}
        for name in names:
            if not is_document(name):
                path = PurePosixPath(name)
                keys = {path.name, path.stem, str(path.with_suffix(""))}
                for key in (keys | {key.casefold() for key in (*keys, name)}) - {name}:
                    by_name.setdefault(key, []).append(name)
        return cls(paths=frozenset(names), by_name=by_name)

    def knows(self, file: str) -> bool:
        """Whether there is such a file, or several."""
        return any(key in self.paths or key in self.by_name for key in _keys(file))

    def __call__(self, file: str, table: Path) -> str | None:
        """Return the file that is meant, or None; refuse a name that several files have."""
        for key in _keys(file):
            if key in self.paths:
                return key
            if found := self.by_name.get(key):
                if len(found) > 1:
                    _refuse(table, f"'{file}' may be {' or '.join(found[:3])}")
                return found[0]
        return None


def _keys(file: str) -> list[str]:
    """What a file may be known by, which Windows writes with backslashes and in any case."""
    path = PurePosixPath(file.replace("\\", "/"))
    exact = [str(path), path.name]
    return exact + [key.casefold() for key in exact]


def _rows(table: Path, find: _Finder) -> Iterator[_Row]:
    """The rows one after another: a table of millions is held once, as its cells."""
    lines = _of_marks(_read(table))
    if not lines:
        _refuse(table, "there are no rows")
    header = [cell.strip().lower().replace(" ", "_") for cell in lines[0]]
    known = bool({*header} & FILES and {*header} & LABELS)
    if not known and len(header) == 2 and find(lines[0][0], table) is None and len(lines) > 1:
        known = find(lines[1][0], table) is not None and _looks_like_header(lines)
    known = known or len(header) != 2
    columns = _columns(table, lines, header, find) if known else (0, 1, None)
    kinds = set()
    for number, cells in islice(enumerate(lines, 1), 1 if known else 0, None):
        row = _row(table, number, cells, columns)
        kinds.add(row.split is None)
        if len(kinds) > 1:
            _refuse(table, "some rows have a split and some have none")
        yield row


def _of_marks(lines: list[list[str]]) -> list[list[str]]:
    """``lines`` as file and label, where they have a column of zeros and a one for each class."""
    header = [cell.strip() for cell in lines[0]] if lines else []
    if len(header) < 3 or header[0].lower().replace(" ", "_") not in FILES:
        return lines
    marks = [[cell.strip() for cell in row[1:]] for row in lines[1:]]
    if any(sorted(row) != ["0"] * (len(header) - 2) + ["1"] for row in marks):
        return lines
    labelled = zip(lines[1:], marks, strict=True)
    return [["filename", "label"], *([row[0], header[1:][m.index("1")]] for row, m in labelled)]


def _looks_like_header(lines: Sequence[Sequence[str]]) -> bool:
    """Return whether the first of two columns of names and labels is neither, by its extension."""
    suffix = PurePosixPath(lines[1][0]).suffix.lower()
    return not suffix or PurePosixPath(lines[0][0]).suffix.lower() != suffix


def _columns(
    table: Path, lines: Sequence[Sequence[str]], header: Sequence[str], find: _Finder
) -> tuple[int, int, int | None]:
    """The columns of file, label and split; of several that may name files, the one that does."""
    matching = [[i for i, cell in enumerate(header) if cell in known] for known in (FILES, LABELS)]
    if len(matching[0]) > 1:
        first = lines[1] if len(lines) > 1 else ()
        matching[0] = [
            i for i in matching[0] if i < len(first) and find.knows(first[i])
        ] or matching[0]
    if len(header) == 2 and not all(matching):
        matching = [[0], [1]]
    splits = [i for i, cell in enumerate(header) if cell in SPLITS]
    if [len(indices) for indices in matching] != [1, 1] or len(splits) > 1:
        shown = ", ".join(header[:8])
        _refuse(table, f"it is not clear which of its columns are file and label: {shown}")
    return matching[0][0], matching[1][0], splits[0] if splits else None


def _row(
    table: Path, number: int, cells: Sequence[str], columns: tuple[int, int, int | None]
) -> _Row:
    file, label, split = columns
    if len(cells) <= max(file, label, split or 0):
        _refuse(table, f"row {number} has {len(cells)} columns")
    if not cells[file].strip() or not cells[label].strip():
        _refuse(table, f"row {number} has an empty file name or label")
    split_name = cells[split].strip() if split is not None else ""
    role = role_of(split_name)
    if split_name and role in (None, UNLABELLED):
        _refuse(table, f"row {number}: '{split_name}' is not a split")
    return _Row(number=number, file=cells[file].strip(), label=cells[label].strip(), split=role)


def _read(table: Path) -> list[list[str]]:
    try:
        text = inputs.read_marked_text(table)
    except (OSError, UnicodeDecodeError) as error:
        why = inputs.why_unread(error)
        hint = _HINT if isinstance(error, OSError) else "Save the table in UTF-8."
        raise TflconvError(f"cannot read labels from {table}: {why}.", hint=hint) from error
    first = text.partition("\n")[0]
    delimiter = max(",;\t", key=first.count)
    try:
        rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
        return [row for row in rows if any(cell.strip() for cell in row)]
    except csv.Error as error:
        raise TflconvError(f"cannot read labels from {table}: {error}.", hint=_HINT) from error


def _refuse(table: Path, problem: str) -> NoReturn:
    raise TflconvError(f"{table}: {problem}.", hint=_HINT)
