"""How long each part of the checks takes: ``python tests/figures/minutes.py junit.xml``.

The file comes from ``pytest --junitxml junit.xml``; set-up and clean-up of fixtures count for the
test that needed them first. Prints the table in ``CONTRIBUTING.md``.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from pathlib import Path
from xml.etree import ElementTree


def main(report: Path) -> None:
    """Print a row per part: its tests and minutes, and the file that takes longest."""
    parts: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for case in ElementTree.parse(report).iter("testcase"):
        _, part, file, *_ = case.attrib["classname"].split(".")
        parts[part][file].append(float(case.attrib["time"]))
    print("| part | tests | minutes | longest file |")
    print("|---|---:|---:|---|")
    for part, files in parts.items():
        longest = max(files, key=lambda name: sum(files[name]))
        times = [seconds for file in files.values() for seconds in file]
        took = f"`{longest}.py`, {sum(files[longest]) / 60:.1f}"
        print(f"| {part} | {len(times)} | {sum(times) / 60:.1f} | {took} |")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
