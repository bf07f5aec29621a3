"""Count what files take on cores with half precision and on one without.

python studies/compression/mixed/half.py run/*.tflite > studies/compression/mixed/half.json
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import tflconv
from tflconv.core.files import sha256_file

CORES = ("cortex-a76", "cortex-a55", "cortex-a53")


def recorded(file: Path) -> dict[str, Any]:
    """Return size and instructions of ``file``."""
    counted = {}
    for core in CORES:
        (measured,) = tflconv.bench(file, f"arm64:{core}").runs
        assert measured.instructions is not None
        counted[core] = round(measured.instructions.total)
    return {
        "sha256": sha256_file(file),
        "bytes": file.stat().st_size,
        "instructions": counted,
    }


if __name__ == "__main__":
    found = {path.stem.partition("-10-")[2]: recorded(path) for path in map(Path, sys.argv[1:])}
    print(json.dumps(found, indent=1))
