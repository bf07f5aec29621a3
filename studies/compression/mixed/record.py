"""Convert a network in each way, score and count each file, and write down what the README tells.

    python studies/compression/mixed/record.py run/outliers.keras fashion-mnist run/mobilenet_v2

The test pictures are read once for each file, after every choice was made on validation pictures.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import tflconv
from tflconv import data, verification
from tflconv.conversion.clipping import METHODS
from tflconv.core.files import sha256_file

DROP = "0.3pt"
CORE = "arm64:cortex-a76"


def recorded(model: Path, name: str, folder: Path) -> dict[str, Any]:
    """Return figures by way: ``fp32``, int8 by each range of activations, and mixed."""
    dataset = data.load(name)
    scores = verification.reference_logits(model, dataset.test.images)
    ways: dict[str, dict[str, Any]] = {"fp32": {"recipes": "fp32"}}
    ways |= {f"int8 {m}": {"recipes": "int8", "calibration_method": m} for m in METHODS}
    ways |= {f"mixed {DROP}": {"recipes": "mixed_wi8_ai8", "max_drop": DROP}}
    found = {}
    for way, said in ways.items():
        made = tflconv.convert(
            model, folder=folder / way.replace(" ", "-"), dataset=name, rewrite="as-is", **said
        )
        compared = verification.verify(model, made[0], dataset, reference_scores=scores)
        (measured,) = tflconv.bench(made[0], CORE).runs
        assert measured.instructions is not None
        found[way] = {
            "sha256": sha256_file(made[0]),
            "bytes": made[0].stat().st_size,
            "total": compared.total,
            "reference_correct": compared.reference_correct,
            "correct": compared.target_correct,
            "agreeing": compared.agreeing,
            "instructions": measured.instructions.total,
            "choice": made.choices[0].to_json(),
        }
        print(way, compared, measured.instructions.total, file=sys.stderr, flush=True)
    return found


if __name__ == "__main__":
    print(json.dumps(recorded(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3])), indent=1))
