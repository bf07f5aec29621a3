"""Notebooks run on recorded results without TensorFlow; what the one that trains drew is kept."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
TRAINING = NOTEBOOKS / "02_your_model.ipynb"


@pytest.mark.parametrize(
    "path", sorted({*NOTEBOOKS.glob("*.ipynb")} - {TRAINING}), ids=lambda path: path.stem
)
def test_notebook_runs(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    probe = "import sys\nassert 'tensorflow' not in sys.modules"
    notebook.cells.append(nbformat.v4.new_code_cell(probe))
    NotebookClient(notebook, timeout=600, resources={"metadata": {"path": NOTEBOOKS}}).execute()


def test_the_notebook_that_trains_is_kept_with_what_it_printed_and_drew() -> None:
    cells = [
        cell for cell in nbformat.read(TRAINING, as_version=4).cells if cell.cell_type == "code"
    ]
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    kinds = [output.output_type for cell in cells for output in cell.outputs]
    assert kinds.count("display_data") == 3
    assert "error" not in kinds
    assert TRAINING.stat().st_size < 300_000
