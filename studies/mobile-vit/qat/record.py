"""Compare and count all files of a run, and write down what the README tells.

    python studies/mobile-vit/qat/record.py run > studies/mobile-vit/qat/results.json

``run`` is laid out as the README's commands leave it: float models on top, and a folder for each
way of making their INT8 files.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import tflconv
from tflconv import data, verification
from tflconv.core.files import sha256_file
from tflconv.inspection.inspect import inspect

MODELS = ("mobilenet_v2-mnist", "mobilenet_v2-fashion-mnist")


def recorded(run: Path) -> dict[str, Any]:
    """Figures by folder and model, as in ``own/mobilenet_v2-mnist``."""
    found = {}
    for model in MODELS:
        reference = run / f"{model}.keras"
        if not reference.exists():
            continue
        dataset = data.load(model.removeprefix("mobilenet_v2-"))
        scores = verification.reference_logits(reference, dataset.test.images)
        for file in sorted(run.glob(f"*/{model}-*static_wi8_ai8.tflite")):
            compared = verification.verify(reference, file, dataset, reference_scores=scores)
            name = f"{file.parent.name}/{file.stem}"
            found[name] = _figures(file, compared)
    return found


def _figures(file: Path, compared: verification.Verification) -> dict[str, Any]:
    (measured,) = tflconv.bench([file], "arm64:cortex-a76").runs
    assert measured.instructions is not None
    return {
        "sha256": sha256_file(file),
        "bytes": file.stat().st_size,
        "total": compared.total,
        "reference_correct": compared.reference_correct,
        "target_correct": compared.target_correct,
        "agreeing": compared.agreeing,
        "instructions": measured.instructions.total,
        "sdot": measured.instructions.sdot,
        "operators": {row.name: row.count for row in inspect(file).ops},
    }


if __name__ == "__main__":
    print(json.dumps(recorded(Path(sys.argv[1])), indent=1))
