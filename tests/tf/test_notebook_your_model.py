"""The notebook that trains a model of one's own runs from top to bottom."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "02_your_model.ipynb"


def test_a_live_keras_3_model_goes_all_the_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TF_USE_LEGACY_KERAS", raising=False)  # which other tests of ours leave
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    for cell in notebook.cells:
        cell.source = cell.source.replace("EPOCHS = 8", "EPOCHS = 3")
    probe = """
assert tf.keras.__version__.startswith("3")
assert [len(tflconv.tflite.editing.float_operators(
    tflconv.tflite.packing.unpack(file.read_bytes()))) for file in files[1:]] == [0, 0]
assert all(each.accuracy > 0.4 for each in found.values())
"""
    notebook.cells.append(nbformat.v4.new_code_cell(probe))
    NotebookClient(notebook, timeout=250, resources={"metadata": {"path": tmp_path}}).execute()
