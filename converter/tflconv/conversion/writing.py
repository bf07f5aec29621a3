"""The last step to a file: TFLite metadata and card put in, or all that is not needed taken out."""

from __future__ import annotations

from pathlib import Path

from tflconv.model.card import ModelCard, embed_card, to_metadata
from tflconv.tflite import metadata_writing, packing, stripping


def write(target: Path, content: bytes, card: ModelCard | None, *, strip: bool) -> None:
    """Write the ``.tflite`` file ``content`` to ``target``; equal arguments give equal bytes.

    Args:
        target: The file to write, which nobody reads before this has returned.
        content: What a recipe made.
        card: What the file says about itself; None for a file that tells nothing.
        strip: Whether names and TFLite metadata are left out.
    """
    target.write_bytes(_finished(content, card, strip=strip))
    if card is not None:
        embed_card(target, card)


def _finished(content: bytes, card: ModelCard | None, *, strip: bool) -> bytes:
    if card is None and not strip:
        return content
    model = packing.unpack(content)
    if strip:
        stripping.strip(model)
    elif card is not None:
        metadata_writing.attach(model, to_metadata(card))
    return packing.pack(model)
