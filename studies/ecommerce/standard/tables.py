"""Print the tables of README.md from what was recorded.

python tables.py measured.json
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tflconv.comparison.evidence import SamePictures
from tflconv.report import units

WHOLE = "fp32"
INT8 = "static_wi8_ai8"

TECHNIQUES = (
    "| recipe | size | gzip | instructions, a76 | times fewer | accuracy | points behind |\n"
    "|---|---:|---:|---:|---:|---:|---|"
)
SETS = (
    "| recipe | Fashion-MNIST: times fewer | points behind"
    " | clothing: times fewer | points behind |\n"
    "|---|---:|---|---:|---|"
)
NETWORKS = ("resnet", "mobilenet_v2")

Files = Mapping[str, Mapping[str, Any]]


def main() -> None:
    """Print the tables of the record that is named."""
    fashion, clothing = read(Path(sys.argv[1]))
    for name in NETWORKS:
        print("\n".join([TECHNIQUES, *techniques(fashion[name]), ""]))
        print("\n".join([SETS, *sets(fashion[name], clothing[name]), ""]))


def read(path: Path) -> tuple[Mapping[str, Files], Mapping[str, Files]]:
    """The files of each network of Fashion-MNIST, and of clothing."""
    measured = json.loads(path.read_text(encoding="utf-8"))
    fashion = {name: measured[f"fashion-{name}"][name] for name in NETWORKS}
    return fashion, {name: measured[f"clothing-{name}"]["tuned"] for name in NETWORKS}


def techniques(files: Files) -> Iterator[str]:
    """What was made of a network, in the order of the plan."""
    for recipe, one in files.items():
        yield row(
            f"`{recipe}`",
            units.size(one["bytes"]),
            units.size(one["gzip"]),
            units.amount(one["instructions"]),
            units.factor(fewer(files, recipe)),
            units.percent(one["correct"] / one["total"], 2),
            points(files, recipe),
        )


def sets(fashion: Files, clothing: Files) -> Iterator[str]:
    """The INT8 files that a network of both sets has."""
    for recipe in clothing:
        if recipe.endswith(INT8) and recipe in fashion:
            kinds = (fashion, clothing)
            yield row(f"`{recipe}`", *(cell for files in kinds for cell in _apart(files, recipe)))


def behind(files: Files, recipe: str, other: str = WHOLE) -> tuple[float, float, float]:
    """Points behind another file, with Tango's 95 % interval on the same pictures."""
    lost, won = files[recipe]["beside"][other]
    drop = SamePictures(lost=lost, won=won, total=files[recipe]["total"])
    low, high = drop.interval(0.95)
    return 100 * drop.estimate, 100 * low, 100 * high


def fewer(files: Files, recipe: str) -> float:
    """How many times fewer instructions it takes than the whole one in float."""
    return float(files[WHOLE]["instructions"] / files[recipe]["instructions"])


def points(files: Files, recipe: str) -> str:
    """How far it is behind the whole one."""
    if recipe == WHOLE:
        return "–"
    return "{:.2f} [{:.2f}, {:.2f}]".format(*behind(files, recipe)).replace("-", "−")


def row(*cells: str) -> str:
    """One line of a table."""
    return f"| {' | '.join(cells)} |"


def _apart(files: Files, recipe: str) -> tuple[str, str]:
    return units.factor(fewer(files, recipe)), points(files, recipe)


if __name__ == "__main__":
    main()
