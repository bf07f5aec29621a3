"""Draw the pictures of the docs from recorded studies: ``make docs``."""

from __future__ import annotations

from pathlib import Path

from tflconv import results
from tflconv.report import across, columns, plots, style
from tflconv.results import Results

ROOT = Path(__file__).parents[1]
STUDY = ROOT / "studies" / "mobile-vit" / "int8-vit"
TARGET = ROOT / "docs" / "pictures"
PLAIN = ("vit fp32", "vit static_wi8_ai8", "vit selective_wi8_ai8")


def drawings() -> dict[str, str]:
    """The pictures as SVG, by name."""
    arm64 = results.load(STUDY / "arm64.json")
    return {
        "pareto": style.svg(_pareto(results.merge([arm64, results.load(STUDY / "others.json")]))),
        "kinds": style.svg(across.kinds(across.select(arm64, PLAIN))),
    }


def _pareto(recorded: Results) -> plots.Figure:
    (group,) = columns.groups(recorded)
    drawn = plots.pareto(group)
    assert drawn is not None
    return drawn


if __name__ == "__main__":
    TARGET.mkdir(exist_ok=True)
    for name, text in drawings().items():
        (TARGET / f"{name}.svg").write_text(text, encoding="utf-8")
