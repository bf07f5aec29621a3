"""Write TFLite metadata, which ``tflite/metadata.py`` reads."""

from __future__ import annotations

from collections.abc import Sequence

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as fb

from tflconv.tflite.metadata import (
    AXIS_LABELS,
    IDENTIFIER,
    LABELS,
    NAME,
    NORMALIZATION_OPTIONS,
    Metadata,
)

_IMAGE_PROPERTIES = 2
_RGB, _GRAYSCALE = 1, 2
_MIN_PARSER_VERSION = "1.0.0"

Field = tuple[int, str, int]
"""Slot in a table, kind of the value, and the value."""


def attach(model: fb.ModelT, metadata: Metadata) -> None:
    """Add ``metadata`` to ``model``, or replace those that it has."""
    buffer, entry = fb.BufferT(), fb.MetadataT()
    buffer.data = np.frombuffer(build(metadata), np.uint8)
    entry.name, entry.buffer = NAME, len(model.buffers)
    model.buffers.append(buffer)
    model.metadata = [*(other for other in model.metadata or () if other.name != entry.name), entry]


def build(metadata: Metadata) -> bytes:
    """Return the metadata flatbuffer of a classifier with one picture in and one row of scores."""
    builder = flatbuffers.Builder(1024)
    picture = _picture(builder, metadata)
    scores = _scores(builder, metadata)
    graph = _table(
        builder,
        7,
        (2, "offset", _vector(builder, [picture])),
        (3, "offset", _vector(builder, [scores])),
    )
    name, description = (
        builder.CreateString(metadata.name),
        builder.CreateString(metadata.description),
    )
    version = builder.CreateString(_MIN_PARSER_VERSION)
    root = _table(
        builder,
        8,
        (0, "offset", name),
        (1, "offset", description),
        (3, "offset", _vector(builder, [graph])),
        (7, "offset", version),
    )
    builder.Finish(root, IDENTIFIER)
    return bytes(builder.Output())


def _picture(builder: flatbuffers.Builder, metadata: Metadata) -> int:
    """TensorMetadata of the input: an image, and how its pixels are normalized."""
    space = _GRAYSCALE if metadata.input_shape[-1] == 1 else _RGB
    image = _table(builder, 2, (0, "int8", space))
    content = _table(builder, 2, (0, "uint8", _IMAGE_PROPERTIES), (1, "offset", image))
    mean = _floats(builder, metadata.mean)
    deviation = _floats(builder, metadata.std)
    options = _table(builder, 2, (0, "offset", mean), (1, "offset", deviation))
    unit = _table(builder, 2, (0, "uint8", NORMALIZATION_OPTIONS), (1, "offset", options))
    name = builder.CreateString("image")
    return _table(
        builder,
        7,
        (0, "offset", name),
        (3, "offset", content),
        (4, "offset", _vector(builder, [unit])),
    )


def _scores(builder: flatbuffers.Builder, metadata: Metadata) -> int:
    """TensorMetadata of the output: which file in the appended archive names its values."""
    name = builder.CreateString("scores")
    if not metadata.labels:
        return _table(builder, 7, (0, "offset", name))
    file_name = builder.CreateString(LABELS)
    labels = _table(builder, 4, (0, "offset", file_name), (2, "int8", AXIS_LABELS))
    return _table(builder, 7, (0, "offset", name), (6, "offset", _vector(builder, [labels])))


def _table(builder: flatbuffers.Builder, slots: int, *fields: Field) -> int:
    builder.StartObject(slots)
    for slot, kind, value in fields:
        _SETTERS[kind](builder, slot, value, 0)
    return builder.EndObject()


def _vector(builder: flatbuffers.Builder, offsets: Sequence[int]) -> int:
    builder.StartVector(4, len(offsets), 4)
    for offset in reversed(offsets):
        builder.PrependUOffsetTRelative(offset)
    return builder.EndVector()


def _floats(builder: flatbuffers.Builder, values: Sequence[float]) -> int:
    builder.StartVector(4, len(values), 4)
    for value in reversed(values):
        builder.PrependFloat32(value)
    return builder.EndVector()


_SETTERS = {
    "offset": flatbuffers.Builder.PrependUOffsetTRelativeSlot,
    "int8": flatbuffers.Builder.PrependInt8Slot,
    "uint8": flatbuffers.Builder.PrependUint8Slot,
}
