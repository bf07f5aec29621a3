"""Read TFLite metadata, by which other tools feed a model and name its outputs.

Android Studio and the TFLite Task Library look for a second flatbuffer, of the public schema
``metadata_schema.fbs`` (tensorflow/tflite-support, file identifier M001, version 1.1.0), in a
buffer of the model called ``TFLITE_METADATA``. The label file that it names lies in a zip archive
appended to the model. ``metadata_writing`` writes what is read here.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from flatbuffers import number_types
from flatbuffers.table import Table

from tflconv.core import bounded, inputs
from tflconv.core.text import clean_name

if TYPE_CHECKING:
    from ai_edge_litert import schema_py_generated as fb

NAME = b"TFLITE_METADATA"
IDENTIFIER = b"M001"
LABELS = "labels.txt"
"""The label file that we write: one label per line, in the order of the outputs."""

NORMALIZATION_OPTIONS, AXIS_LABELS = 1, 2


@dataclass(frozen=True, kw_only=True)
class Metadata:
    """The metadata of a classifier.

    Attributes:
        input_shape: Height, width and channels.
        mean: Mean that is subtracted from pixels, per channel or one for all.
        std: Standard deviation that they are divided by, likewise.
        labels: Names of the outputs; empty if they have none.
        name: Name of the model.
        description: One line about it.
    """

    input_shape: tuple[int, ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    labels: tuple[str, ...] = ()
    name: str = ""
    description: str = ""


def read(path: Path) -> Metadata | None:
    """Read the metadata of the ``.tflite`` file at ``path``.

    Returns:
        The metadata; None if there are none, they are damaged, or do not say how to feed the model.
    """
    try:
        return _parsed(path, inputs.read_bytes(path))
    except bounded.DAMAGE:
        return None


def labels(path: Path) -> tuple[str, tuple[str, ...]]:
    """Read the labels of the outputs that lie in the archive at the end of a ``.tflite`` file.

    Many makers append them without saying how pixels become inputs, or without any metadata.

    Args:
        path: The file.

    Returns:
        Name of the label file and its lines; an empty name if there is none, or several.
    """
    try:
        content = inputs.read_bytes(path)
        with bounded.open_zip(path) as archive:
            names = [name for name in archive.namelist() if _is_label_file(name)]
            name = _named_labels(content) or (names[0] if len(names) == 1 else "")
            return (name, _lines(bounded.read_text(archive, name))) if name else ("", ())
    except bounded.DAMAGE:
        return "", ()


def _is_label_file(name: str) -> bool:
    return "label" in name.lower() and name.lower().endswith(".txt")


def _named_labels(content: bytes) -> str:
    """The label file that the metadata name; an empty text if there are none."""
    from ai_edge_litert import schema_py_generated as fb

    try:
        graph = _tables(_root(fb.Model.GetRootAs(content, 0)), 3)[0]
        return _label_file(_tables(graph, 3)[0])
    except bounded.DAMAGE:
        return ""


def _parsed(path: Path, content: bytes) -> Metadata | None:
    from ai_edge_litert import schema_py_generated as fb

    if not fb.Model.ModelBufferHasIdentifier(content, 0):
        return None
    model = fb.Model.GetRootAs(content, 0)
    graph = _tables(_root(model), 3)[0]
    source, sink = _tables(graph, 2)[0], _tables(graph, 3)[0]
    main = model.Subgraphs(0)
    shape = main.Tensors(main.Inputs(0)).ShapeAsNumpy()
    assert not isinstance(shape, int)
    mean, std = _normalization(source)
    sides = tuple(int(side) for side in shape[1:])
    return Metadata(input_shape=sides, mean=mean, std=std, labels=_labels(path, sink))


def _root(model: fb.Model) -> Table:
    """The root table of the metadata; raises ``IndexError`` where there are none."""
    entries = [model.Metadata(index) for index in range(model.MetadataLength())]
    (entry,) = [entry for entry in entries if entry.Name() == NAME]
    content = model.Buffers(entry.Buffer()).DataAsNumpy().tobytes()
    if content[4:8] != IDENTIFIER:
        raise ValueError("another schema")
    return Table(content, struct.unpack_from("<I", content)[0])


def _normalization(source: Table) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Means and deviations of the input's process unit; raises ``KeyError`` if it has none."""
    for unit in _tables(source, 4):
        if unit.GetSlot(_slot(0), 0, number_types.Uint8Flags) == NORMALIZATION_OPTIONS:
            options = Table(unit.Bytes, 0)
            unit.Union(options, unit.Offset(_slot(1)))
            return _floats(options, 0), _floats(options, 1)
    raise KeyError("normalization")


def _labels(path: Path, sink: Table) -> tuple[str, ...]:
    """The lines of the label file that the output names; none where it names none."""
    if not (name := _label_file(sink)):
        return ()
    with bounded.open_zip(path) as archive:
        return _lines(bounded.read_text(archive, name))


def _label_file(sink: Table) -> str:
    for file in _tables(sink, 6):
        if file.GetSlot(_slot(2), 0, number_types.Int8Flags) == AXIS_LABELS:
            return str(file.String(file.Pos + file.Offset(_slot(0))).decode())
    return ""


def _lines(text: str) -> tuple[str, ...]:
    return tuple(map(clean_name, text.splitlines()))


def _slot(number: int) -> int:
    """Place of a field in the table of fields."""
    return 4 + 2 * number


def _tables(table: Table, slot: int) -> list[Table]:
    """The tables in a field that holds a list of them."""
    offset = table.Offset(_slot(slot))
    if not offset:
        return []
    first, count = table.Vector(offset), table.VectorLen(offset)
    places = range(first, first + 4 * min(count, len(table.Bytes)), 4)
    return [Table(table.Bytes, table.Indirect(place)) for place in places]


def _floats(table: Table, slot: int) -> tuple[float, ...]:
    values = table.GetVectorAsNumpy(number_types.Float32Flags, table.Offset(_slot(slot)))
    return tuple(map(float, values))
