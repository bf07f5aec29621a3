"""Convert, count and score trained networks, and write down what the READMEs tell.

    python record.py cifar-10 KERAS RECORDS TFLITE results.json [--float]

KERAS has the networks that ``adopt.py`` made, RECORDS what ``accelerator.py`` wrote beside their
weights; a network without a record, such as one that was given, is measured alike. The INT8 file of
each network is scored once on the test pictures; which it got right is kept as bits, so that any
two can be compared on the same pictures. With ``--float`` the Keras model is scored once, too. A
network that results.json has already is not scored again.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np

import tflconv
from tflconv import data, verification
from tflconv.compression.redundancy import redundancy
from tflconv.core.files import sha256_file

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


def main() -> None:
    """Record each network that is not recorded yet, and save after each."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("dataset")
    for name in ("keras", "records", "folder", "output"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--float", action="store_true", help="Score the Keras model, too.")
    parser.add_argument(
        "--unscored", action="store_true", help="Read no test picture: networks of a search."
    )
    given = parser.parse_args()
    recorded = json.loads(given.output.read_text()) if given.output.exists() else {}
    pictures = data.load(given.dataset, seed=0).test
    for source in sorted(given.keras.glob("*.keras")):
        if recorded.get(source.stem, {}).get("keras_sha256") == sha256_file(source):
            continue
        found = trained(given.records / f"{source.stem}.json", source.stem)
        found |= measured(source, given.folder, None if given.unscored else pictures)
        if given.float:
            found["float_correct"] = int(scored(source, pictures).sum())
        recorded[source.stem] = found
        given.output.write_text(json.dumps(recorded, indent=1) + "\n")
        print(source.stem, found.get("correct"), found["bytes"], found["instructions"], flush=True)


def trained(record: Path, name: str) -> dict[str, Any]:
    """Return how a network was trained, as far as that was written down."""
    if not record.exists():
        return {}
    training = json.loads(record.read_text())
    rows = [row for row in training["history"] if "validation" in row]
    curve = [[row["epoch"], max(row["validation"][name])] for row in rows]
    kept = {key: training[key] for key in KEPT if training.get(key) is not None}
    return kept | {"curve": curve}


def measured(source: Path, folder: Path, pictures: data.Split | None) -> dict[str, Any]:
    """Convert a network to INT8; return bytes, instructions and what it gets right."""
    (made,) = tflconv.convert(source, [RECIPE], folder, rewrite="optimized", strip=True)
    file = made.replace(folder / f"{source.stem}.tflite")
    found = {
        "keras_sha256": sha256_file(source),
        "sha256": sha256_file(file),
        "macs": redundancy(source).macs,
        "bytes": file.stat().st_size,
        "instructions": {core: counted(file, core) for core in CORES},
    }
    if pictures is None:
        return found
    right = scored(file, pictures)
    bits = np.packbits(right).tobytes().hex()
    return found | {"correct": int(right.sum()), "total": len(right), "right": bits}


def scored(file: Path, pictures: data.Split) -> Any:
    """Return which pictures a model gets right."""
    return verification.reference_logits(file, pictures.images).argmax(axis=1) == pictures.labels


def counted(file: Path, core: str) -> int:
    """Return the instructions of one inference on an emulated core."""
    (run,) = tflconv.bench([file], f"arm64:{core}", memory=False, rate_hz=0.0, profile_runs=0).runs
    assert run.instructions is not None
    return round(run.instructions.total)


if __name__ == "__main__":
    main()
