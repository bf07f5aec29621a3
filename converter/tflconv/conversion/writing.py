"""Write a ``.tflite`` file, with TFLite metadata and card or without anything not needed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from tflconv.model.card import ModelCard, embed_card, to_metadata
from tflconv.tflite import metadata_writing, packing, reading, scores, stripping


def write(target: Path, content: bytes, card: ModelCard | None, *, strip: bool) -> None:
    """Write a ``.tflite`` file; equal arguments give equal bytes.

    Args:
        target: The file to write. It is not written atomically: give a temporary one.
        content: The ``.tflite`` file that a recipe made.
        card: Labels, preprocessing and origin to store; None for none.
        strip: Whether names and TFLite metadata are left out.
    """
    target.write_bytes(_finished(content, card, strip=strip))
    if card is not None:
        outputs = scores.meaning(reading.parse(content, target))
        embed_card(target, replace(card, outputs=outputs))


def _finished(content: bytes, card: ModelCard | None, *, strip: bool) -> bytes:
    if card is None and not strip:
        return content
    model = packing.unpack(content)
    if strip:
        stripping.strip(model)
    elif card is not None:
        metadata_writing.attach(model, to_metadata(card))
    return packing.pack(model)
