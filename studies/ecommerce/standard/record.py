"""Keep of the results of plans what the README tells.

python record.py run/*/results.json ../protocol/measured/resnet.json \\
    ../protocol/measured/mobilenet_v2.json > measured.json
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tflconv import results
from tflconv.results import BenchmarkRun, Results

BESIDE = ("fp32", "finetune_static_wi8_ai8", "channels50_static_wi8_ai8")
"""Files that all others of a network are held against."""


def recorded(files: Iterable[Path]) -> dict[str, Any]:
    """Return what was measured, by plan, network and recipe."""
    found = map(results.load, files)
    return {str(each.context["title"]): _networks(each) for each in found}


def _networks(found: Results) -> dict[str, Any]:
    networks: dict[str, dict[str, BenchmarkRun]] = {}
    for run in found.runs:
        networks.setdefault(run.model.name, {})[run.model.recipe or ""] = run
    return {
        name: {recipe: _kept(run, runs) for recipe, run in runs.items()}
        for name, runs in networks.items()
    }


def _kept(run: BenchmarkRun, others: Mapping[str, BenchmarkRun]) -> dict[str, Any]:
    assert run.accuracy is not None
    assert run.instructions is not None
    return {
        "sha256": run.model.sha256,
        "bytes": run.model.bytes,
        "gzip": run.model.download_bytes,
        "parameters": run.model.parameters,
        "macs": run.model.macs,
        "instructions": round(run.instructions.total),
        "correct": run.accuracy.correct,
        "total": run.accuracy.total,
        "beside": {name: _apart(others[name], run) for name in BESIDE if name in others},
    }


def _apart(before: BenchmarkRun, after: BenchmarkRun) -> Sequence[int]:
    """Test pictures that only the first, and that only the second gets right."""
    pairs = list(zip(_told(before), _told(after), strict=True))
    return pairs.count((True, False)), pairs.count((False, True))


def _told(run: BenchmarkRun) -> Sequence[bool]:
    bits = None if run.accuracy is None else run.accuracy.bits
    assert bits is not None
    return bits


if __name__ == "__main__":
    print(json.dumps(recorded([Path(name) for name in sys.argv[1:]]), separators=(",", ":")))
