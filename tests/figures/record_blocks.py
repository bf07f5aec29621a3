"""Record blocks of one file on this computer, for ``tests/figures/false_alarms.py``.

A block is a process start of the harness with a warm-up of its own. Written are, per block and in
the order of time, the median latency, the CPU time per inference, the share of a core that the
process got, and its peak memory. Needs nothing but Python, so that it runs on a bare machine::

    python tests/figures/record_blocks.py MODEL.tflite FILE.json --blocks 800
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
from pathlib import Path
from typing import Any

SETTINGS = {
    "protocol": 1, "num_threads": 1, "seed": 0, "warmup_runs": 1, "warmup_min_secs": 0.1,
    "num_runs": 20, "min_secs": 0.25, "max_secs": 150,
}  # fmt: skip
"""Those of ``tflconv compare``."""


def installed() -> tuple[Path, Path]:
    """Harness and LiteRT, as tflconv uses them on this computer."""
    from tflconv.benchmark import harness
    from tflconv.device import host

    runtime = host.library()
    assert runtime is not None
    return harness.binary(host.abi()), runtime


def block(argv: list[str]) -> dict[str, Any]:
    """Run one block and return its figures."""
    text = subprocess.run(argv, capture_output=True, text=True, check=True).stdout
    lines = [json.loads(line) for line in text.splitlines() if line.startswith('{"type":')]
    of = {line["type"]: line for line in lines}
    runs = [ns for line in lines if line.get("phase") == "steady" for ns in line["samples_ns"]]
    return {
        "median_ms": statistics.median(runs) / 1e6,
        "runs": len(runs),
        "cpu_ms": of["cpu"]["cpu_ns"] / of["cpu"]["runs"] / 1e6,
        "percent": 100 * of["cpu"]["cpu_ns"] / of["cpu"]["wall_ns"],
        "peak_bytes": of["memory"]["peak_bytes"],
    }


def main() -> None:
    """Record and write."""
    parser = argparse.ArgumentParser()
    parser.add_argument("model", type=Path)
    parser.add_argument("target", type=Path)
    parser.add_argument("--blocks", type=int, default=800)
    parser.add_argument("--min-secs", type=float, default=SETTINGS["min_secs"])
    parser.add_argument("--harness", type=Path)
    parser.add_argument("--runtime", type=Path)
    parser.add_argument("--conditions", default="", help="A remark that is kept with the figures.")
    given = parser.parse_args()
    harness, runtime = (
        (given.harness, given.runtime) if given.harness and given.runtime else installed()
    )
    settings = SETTINGS | {"min_secs": given.min_secs}
    flags = {"graph": given.model, "runtime": runtime, **settings}
    argv = [str(harness), *(f"--{name}={value}" for name, value in flags.items())]
    blocks = [block(argv) for _ in range(given.blocks)]
    found = {"model": given.model.name, "conditions": given.conditions, "settings": settings}
    given.target.write_text(json.dumps(found | {"blocks": blocks}, default=str))


if __name__ == "__main__":
    main()
