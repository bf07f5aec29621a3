"""Draw a bundled sample from a full IDX set: ``python datasets/draw_sample.py mnist-sample``.

The full set is read from ``$TFLCONV_DATA_DIR/<sample_of>``. Each class keeps its share of the
official split (largest remainders); within a class the pictures with the smallest
``sha256("<seed>:<split>/<index>")`` are taken, in the order of the full set. The files carry no
time and no name, so drawing again gives the same bytes, and the card's checksums hold.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import numpy as np

from tflconv.core.files import sha256_file, write_json
from tflconv.data import idx
from tflconv.data.splits import draw

PREFIXES = {"train": "train", "test": "t10k"}


def draw_split(full: Path, target: Path, split: str, count: int, seed: int) -> list[Path]:
    """Write the images and labels of one split to ``target`` and return both files."""
    names = [f"{PREFIXES[split]}-{part}-ubyte.gz" for part in ("images-idx3", "labels-idx1")]
    images, labels = (idx.read(full / name) for name in names)
    ids = [f"{split}/{index}" for index in range(len(labels))]
    chosen = draw(labels.astype(np.int64), ids, count, seed)
    for name, array in zip(names, (images, labels), strict=True):
        idx.write(target / name, array[chosen])
    return [target / name for name in names]


def draw_sample(card: Path, full: Path, target: Path) -> list[Path]:
    """Write all files of the sample that ``card`` describes to ``target``."""
    rule = json.loads(card.read_text())
    return [
        file
        for split, count in rule["counts"].items()
        for file in draw_split(full, target, split, count, rule["drawn"]["seed"])
    ]


def main(name: str) -> None:
    """Draw the sample ``name`` beside its card and record its files there."""
    card = Path(__file__).parent / name / "card.json"
    value = json.loads(card.read_text())
    full = Path(os.environ["TFLCONV_DATA_DIR"]) / value["sample_of"]
    value["files"] = [
        {"path": file.name, "sha256": sha256_file(file), "bytes": file.stat().st_size}
        for file in draw_sample(card, full, card.parent)
    ]
    write_json(card, value)


if __name__ == "__main__":
    main(*sys.argv[1:])
