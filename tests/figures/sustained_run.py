"""Record sustained runs on this computer and draw them, for ``docs/sustained.md``.

The files are two vision transformers with INT8 products, of which one has its normalizations and
softmax in float. A server is no phone: what goes up and down here is the work of others::

    python tests/figures/sustained_run.py docs/sustained.svg --seconds 180
"""

from __future__ import annotations

import argparse
from pathlib import Path

import tflconv
from tflconv.core.files import write_text
from tflconv.report import columns, findings, plots, style

FOLDER = Path(__file__).parents[2] / "studies" / "mobile-vit" / "int8-vit" / "models"
FILES = ("vit-mnist-selective_wi8_ai8.tflite", "vit_int8-mnist-static_wi8_ai8.tflite")


def main() -> None:
    """Measure, draw, and print what the report says of it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("target", type=Path)
    parser.add_argument("--seconds", type=float, default=180)
    parser.add_argument("--duty-cycle", type=float, default=1.0)
    parser.add_argument("--burst-secs", type=float, default=0.0)
    given = parser.parse_args()
    results = tflconv.bench(
        [FOLDER / name for name in FILES],
        sustained_secs=given.seconds,
        duty_cycle=given.duty_cycle,
        burst_secs=given.burst_secs,
        profile_runs=0,
        rate_hz=0,
        history="off",
    )
    (group,) = columns.groups(results)
    drawn = plots.sustained(group)
    assert drawn is not None
    write_text(given.target, style.svg(drawn))
    for cell in group.cells:
        print(cell.run.model.slug, cell.endurance)
    for finding in findings.of(group):
        print(f"{finding.subject}: {finding.text}")


if __name__ == "__main__":
    main()
