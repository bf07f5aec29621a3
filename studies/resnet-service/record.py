"""Convert, count and score the trained networks, and write down what the README tells.

    python record.py KERAS RECORDS TFLITE results.json

KERAS has the networks that ``studies/resnet-service/adopt.py`` made, RECORDS what
``accelerator.py`` wrote beside their weights. The INT8 file of each network is scored once on the
test pictures; which it got right is kept as bits, so that any two can be compared on the same
pictures. A network that results.json has already is not scored again.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

import tflconv
from tflconv import data, models, verification
from tflconv.core.files import sha256_file
from tflconv.model.card import require_card

RECIPE = "static_wi8_ai8"
CORES = ("cortex-a76", "cortex-a55")
KEPT = (
    "network",
    "settings",
    "epochs",
    "seconds",
    "averaged",
    "parameters",
    "validation_correct",
    "validation_total",
    "device",
    "versions",
)


def main(keras: Path, records: Path, folder: Path, output: Path) -> None:
    """Record each network that is not recorded yet, and save after each."""
    recorded = json.loads(output.read_text()) if output.exists() else {}
    pictures = data.load("cifar-10", seed=0).test
    for source in sorted(keras.glob("*.keras")):
        if recorded.get(source.stem, {}).get("keras_sha256") == sha256_file(source):
            continue
        training = json.loads((records / f"{source.stem}.json").read_text())
        kept = {key: training[key] for key in KEPT}
        kept["curve"] = [
            [row["epoch"], max(row["validation"][source.stem])]
            for row in training["history"]
            if "validation" in row
        ]
        recorded[source.stem] = kept | measured(source, folder, pictures)
        output.write_text(json.dumps(recorded, indent=1) + "\n")
        print(source.stem, recorded[source.stem]["correct"], flush=True)


def measured(source: Path, folder: Path, pictures: data.Split) -> dict[str, Any]:
    """Convert a network to INT8; return bytes, instructions and what it gets right."""
    card = require_card(source)
    cost = models.cost(card.model, card.input_shape, len(card.labels), **card.options)
    (made,) = tflconv.convert(source, [RECIPE], folder, rewrite="optimized", strip=True)
    file = made.replace(folder / f"{source.stem}.tflite")
    right = verification.reference_logits(file, pictures.images).argmax(axis=1) == pictures.labels
    return {
        "keras_sha256": sha256_file(source),
        "sha256": sha256_file(file),
        "macs": cost.macs,
        "bytes": file.stat().st_size,
        "instructions": {core: counted(file, core) for core in CORES},
        "correct": int(right.sum()),
        "total": len(right),
        "right": np.packbits(right).tobytes().hex(),
    }


def counted(file: Path, core: str) -> int:
    """Return the instructions of one inference on an emulated core."""
    (run,) = tflconv.bench([file], f"arm64:{core}", memory=False, rate_hz=0.0, profile_runs=0).runs
    assert run.instructions is not None
    return round(run.instructions.total)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
