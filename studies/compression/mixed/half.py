"""Count what files take on cores with half precision and on one without, and score them on one.

python studies/compression/mixed/half.py run/outliers8.keras run/*.tflite \\
    > studies/compression/mixed/half.json
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import tflconv
from tflconv.core.files import sha256_file
from tflconv.results import Accuracy

CORES = ("cortex-a76", "cortex-a55", "cortex-a53")
PICTURES = 2000
"""Of the 10 000 test pictures: an emulated core takes a minute for 1000."""

ONCE: dict[str, Any] = {
    "num_runs": 1, "min_secs": 0, "warmup_min_secs": 0, "profile_runs": 0, "memory": False,
    "rate_hz": 0, "timeout": 3600, "normalize": "-1..1", "dataset": "cifar-10",
    "pictures": PICTURES,
}  # fmt: skip


def recorded(file: Path, source: Path) -> dict[str, Any]:
    """Return size and instructions of ``file``, and what it and ``source`` get right."""
    counted = {}
    for core in CORES:
        (measured,) = tflconv.bench(file, f"arm64:{core}").runs
        assert measured.instructions is not None
        counted[core] = round(measured.instructions.total)
    on_host = _scored(file, reference=source)
    on_core = _scored(file, devices=f"arm64:{CORES[0]}")
    assert on_core.where == "device"
    return {
        "sha256": sha256_file(file),
        "bytes": file.stat().st_size,
        "instructions": counted,
        "total": on_core.total,
        "correct": on_core.correct,
        "right": on_core.right,
        "host_right": on_host.right,
        "reference_correct": on_host.reference_correct,
    }


def _scored(file: Path, **where: Any) -> Accuracy:
    (measured,) = tflconv.bench(file, **where, **ONCE).runs
    assert measured.accuracy is not None
    return measured.accuracy


if __name__ == "__main__":
    model, *files = map(Path, sys.argv[1:])
    found = {path.stem.partition("-10-")[2]: recorded(path, model) for path in files}
    print(json.dumps(found, indent=1))
