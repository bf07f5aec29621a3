"""Writing a trained model so that equal trainings give equal files."""

from __future__ import annotations

import json
import tempfile
import zipfile
from pathlib import Path
from typing import Any

from tflconv.core.files import write_bytes
from tflconv.model.card import ModelCard, embed_card

_EPOCH = (1980, 1, 1, 0, 0, 0)
_METADATA = "metadata.json"


def write_model(output: Path, model: Any, card: ModelCard) -> None:
    """Write the Keras ``model`` with ``card`` inside to ``output``, at once or not at all."""
    with tempfile.TemporaryDirectory() as folder:
        saved, timeless = Path(folder) / "saved.keras", Path(folder) / "timeless.keras"
        model.save(saved)
        _copy_without_time(saved, timeless)
        embed_card(timeless, card)
        write_bytes(output, timeless.read_bytes())


def _copy_without_time(source: Path, target: Path) -> None:
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name == _METADATA:
                about = json.loads(content)
                about.pop("date_saved", None)
                content = json.dumps(about).encode()
            new.writestr(zipfile.ZipInfo(name, date_time=_EPOCH), content)
