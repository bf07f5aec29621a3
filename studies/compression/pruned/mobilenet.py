"""Keep of the results of plans what the README tells.

python studies/compression/pruned/mobilenet.py run/results.json run-scratch/results.json \\
    > studies/compression/pruned/mobilenet.json
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tflconv import results


def recorded(files: Sequence[Path]) -> dict[str, Any]:
    """Return what was measured, by plan, model and recipe."""
    found: dict[str, Any] = {}
    for file in files:
        measured = results.load(file)
        for run in measured.runs:
            assert run.accuracy is not None
            assert run.instructions is not None
            name = " ".join((measured.context["title"], run.model.name, run.model.recipe or ""))
            one = found.setdefault(name, {"sha256": run.model.sha256, "bytes": run.model.bytes})
            one |= {"correct": run.accuracy.correct, "total": run.accuracy.total}
            one["right"] = run.accuracy.right
            counted = one.setdefault("instructions", {})
            counted[run.device.name.rpartition(" ")[2]] = round(run.instructions.total)
    return found


if __name__ == "__main__":
    print(json.dumps(recorded([Path(name) for name in sys.argv[1:]]), indent=1))
