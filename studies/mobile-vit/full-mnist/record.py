"""Record a finished run: ``python record.py FOLDER`` writes results.json and curves.csv here.

FOLDER holds what the commands of the README leave behind. Settings and curves are read from the
cards inside the trained models, accuracies from the verifications, so nothing is typed by hand.
"""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path
from typing import Any

from tflconv.core.files import sha256_file, write_json
from tflconv.model.card import read_card

HERE = Path(__file__).parent
MODELS = ("mobilenet_v2", "vit")
RECIPES = ("fp32", "static_wi8_ai8")
VERIFIED = ("total", "reference_correct", "target_correct", "agreeing", "digest")


def main(folder: Path) -> None:
    """Write both files from the run in ``folder``."""
    rows = {model: _row(folder, model) for model in MODELS}
    write_json(HERE / "results.json", {model: row for model, (row, _) in rows.items()})
    with (HERE / "curves.csv").open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["model", *rows[MODELS[0]][1][0]])
        for model, (_, history) in rows.items():
            writer.writerows([model, *epoch.values()] for epoch in history)


def _row(folder: Path, model: str) -> tuple[dict[str, Any], list[dict[str, float]]]:
    path = folder / f"{model}-mnist.keras"
    card = read_card(path)
    if card is None:
        sys.exit(f"{path} carries no card: was it trained by tflconv?")
    training = dict(card.training)
    history = training.pop("history")
    row = {
        "sha256": sha256_file(path),
        "bytes": path.stat().st_size,
        "options": dict(card.options),
        "dataset_digest": card.dataset_digest,
        "training": training,
        "validation": dict(card.metrics),
        "versions": dict(card.versions),
        "test": {recipe: _verified(folder, model, recipe) for recipe in RECIPES},
    }
    return row, history


def _verified(folder: Path, model: str, recipe: str) -> dict[str, Any]:
    stem = f"{model}-mnist-{recipe}"
    found = json.loads((folder / f"{stem}.json").read_text(encoding="utf-8"))
    about = {key: found[key] for key in VERIFIED}
    return {"bytes": (folder / f"{stem}.tflite").stat().st_size, **about}


if __name__ == "__main__":
    main(Path(sys.argv[1]))
