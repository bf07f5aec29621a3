"""Record finished runs: ``python record.py FOLDER`` writes results.json here.

FOLDER holds what the commands of the README leave behind, in ``blocks`` and ``random``. Settings
and curves are read from the cards inside the trained models, the rest from what the studies wrote.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from tflconv import data, results
from tflconv.core.files import sha256_file, write_json
from tflconv.model.card import require_card

HERE = Path(__file__).parent
SPLITS = ("blocks", "random")


def main(folder: Path) -> None:
    """Write what both runs in ``folder`` found."""
    write_json(HERE / "results.json", {split: _found(folder / split) for split in SPLITS})


def _found(folder: Path) -> dict[str, Any]:
    found = results.load(folder / "results.json")
    (path,) = folder.glob(".store/train/*/model.keras")
    card = require_card(path)
    pictures = data.load_for(card)
    return {
        "dataset": card.dataset,
        "dataset_digest": card.dataset_digest,
        "manifest": pictures.manifest,
        "pictures": {name: len(split) for name, split in pictures.splits.items()},
        "copies": found.context["warnings"],
        "model": card.model,
        "options": dict(card.options),
        "resolution": card.input_shape[0],
        "sha256": sha256_file(path),
        "training": dict(card.training),
        "versions": dict(card.versions),
        "test": {run.model.recipe: _counts(run) for run in found.runs},
    }


def _counts(run: results.BenchmarkRun) -> dict[str, Any]:
    assert run.accuracy is not None
    return {
        "bytes": run.model.bytes,
        "correct": run.accuracy.correct,
        "total": run.accuracy.total,
        "agreeing": run.accuracy.agreeing,
    }


if __name__ == "__main__":
    main(Path(sys.argv[1]))
