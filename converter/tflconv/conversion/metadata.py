"""TFLite metadata, as other tools read it: how to feed the model and what its outputs mean.

Android Studio and the TFLite Task Library look for a second flatbuffer of the public schema
``metadata_schema.fbs`` (tensorflow/tflite-support, file identifier M001, version 1.1.0) in a
buffer called ``TFLITE_METADATA``, and for the label file it names in a zip archive appended to
the model. Our own card says more, in the same archive (``model_card``).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as fb

from tflconv.model_card import LABELS, ModelCard

NAME = "TFLITE_METADATA"
_IDENTIFIER = b"M001"
_IMAGE_PROPERTIES = 2
_NORMALIZATION_OPTIONS = 1
_TENSOR_AXIS_LABELS = 2
_RGB, _GRAYSCALE = 1, 2
_MIN_PARSER_VERSION = "1.0.0"

Field = tuple[int, str, int]
"""Slot in a table, kind of the value, and the value."""


def attach(model: Any, card: ModelCard) -> None:
    """Put what ``card`` says into the ``ModelT`` as TFLite metadata."""
    buffer, entry = fb.BufferT(), fb.MetadataT()
    buffer.data = np.frombuffer(build(card), np.uint8)
    entry.name, entry.buffer = NAME.encode(), len(model.buffers)
    model.buffers.append(buffer)
    model.metadata = [*(other for other in model.metadata or () if other.name != entry.name), entry]


def build(card: ModelCard) -> bytes:
    """The metadata flatbuffer of a classifier: one picture in, one row of scores out."""
    builder = flatbuffers.Builder(1024)
    picture = _picture(builder, card)
    scores = _scores(builder, card)
    graph = _table(
        builder,
        7,
        (2, "offset", _vector(builder, [picture])),
        (3, "offset", _vector(builder, [scores])),
    )
    name, description = builder.CreateString(card.model), builder.CreateString(_description(card))
    version = builder.CreateString(_MIN_PARSER_VERSION)
    root = _table(
        builder,
        8,
        (0, "offset", name),
        (1, "offset", description),
        (3, "offset", _vector(builder, [graph])),
        (7, "offset", version),
    )
    builder.Finish(root, _IDENTIFIER)
    return bytes(builder.Output())


def _picture(builder: Any, card: ModelCard) -> int:
    """TensorMetadata of the input: an image, and how its pixels are normalized."""
    space = _GRAYSCALE if card.input_shape[-1] == 1 else _RGB
    image = _table(builder, 2, (0, "int8", space))
    content = _table(builder, 2, (0, "uint8", _IMAGE_PROPERTIES), (1, "offset", image))
    mean = _floats(builder, card.normalization.mean)
    deviation = _floats(builder, card.normalization.std)
    options = _table(builder, 2, (0, "offset", mean), (1, "offset", deviation))
    unit = _table(builder, 2, (0, "uint8", _NORMALIZATION_OPTIONS), (1, "offset", options))
    name = builder.CreateString("image")
    return _table(
        builder,
        7,
        (0, "offset", name),
        (3, "offset", content),
        (4, "offset", _vector(builder, [unit])),
    )


def _scores(builder: Any, card: ModelCard) -> int:
    """TensorMetadata of the output: which file in the appended archive names its values."""
    name = builder.CreateString("scores")
    if not card.labels:
        return _table(builder, 7, (0, "offset", name))
    file_name = builder.CreateString(LABELS)
    labels = _table(builder, 4, (0, "offset", file_name), (2, "int8", _TENSOR_AXIS_LABELS))
    return _table(builder, 7, (0, "offset", name), (6, "offset", _vector(builder, [labels])))


def _description(card: ModelCard) -> str:
    trained = f", trained on {card.dataset}" if card.dataset else ""
    order = ", takes BGR" if card.normalization.channel_order == "bgr" else ""
    return f"{card.recipe or 'float'}{trained}{order}; converted by tflconv"


def _table(builder: Any, slots: int, *fields: Field) -> int:
    builder.StartObject(slots)
    for slot, kind, value in fields:
        _SETTERS[kind](builder, slot, value, 0)
    return int(builder.EndObject())


def _vector(builder: Any, offsets: Sequence[int]) -> int:
    builder.StartVector(4, len(offsets), 4)
    for offset in reversed(offsets):
        builder.PrependUOffsetTRelative(offset)
    return int(builder.EndVector())


def _floats(builder: Any, values: Sequence[float]) -> int:
    builder.StartVector(4, len(values), 4)
    for value in reversed(values):
        builder.PrependFloat32(value)
    return int(builder.EndVector())


_SETTERS = {
    "offset": flatbuffers.Builder.PrependUOffsetTRelativeSlot,
    "int8": flatbuffers.Builder.PrependInt8Slot,
    "uint8": flatbuffers.Builder.PrependUint8Slot,
}
