"""Writes a trained model such that equal trainings give equal bytes: without times of saving."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

from tflconv.core import outputs
from tflconv.core.files import write_bytes
from tflconv.core.private import scratch_folder
from tflconv.core.typing import KerasModel
from tflconv.model.card import ModelCard, embed_card

_METADATA = "metadata.json"


def write_model(output: Path, model: KerasModel, card: ModelCard | None) -> None:
    """Write a Keras model with its card as a ``.keras`` file, whole or not at all.

    Args:
        output: The file to write.
        model: The trained model, of Keras 2 or Keras 3.
        card: What the file tells of itself, if that is known.

    Raises:
        TflconvError: ``output`` cannot be written.
    """
    with outputs.explain_scratch_errors(), scratch_folder() as folder:
        saved, undated = folder / "saved.keras", folder / "undated.keras"
        model.save(saved)
        _copy_without_times(saved, undated)
        if card is not None:
            embed_card(undated, card)
        write_bytes(output, undated.read_bytes())


def _copy_without_times(source: Path, target: Path) -> None:
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name == _METADATA:
                metadata = json.loads(content)
                metadata.pop("date_saved", None)
                content = json.dumps(metadata).encode()
            new.writestr(zipfile.ZipInfo(name), content)  # dated 1980, as ZipInfo is by default
