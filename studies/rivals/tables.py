"""Write the tables of the README from measured.json: ``python tables.py``."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
HEAD = """\
| made by | bytes | instructions, a76 | neoverse-n2 | on this host | cosine, mean / least | agrees |
|---|---:|---:|---:|---:|---|---:|"""


def table(rows: list[dict[str, Any]]) -> str:
    """One line for each file of a network, those that could not be made at the end."""
    return "\n".join([HEAD, *map(line, sorted(rows, key=lambda row: "failed" in row))])


def line(row: dict[str, Any]) -> str:
    """The line of one file."""
    name = Path(row["file"]).stem
    if "failed" in row:
        return f"| {name} | | | | not made: {row['failed'].partition(':')[0]} | | |"
    counted, cosine = row["instructions"] or {}, row["cosine"]
    figures = [
        f"{row['bytes']:,}".replace(",", " "),
        *(millions(counted.get(core)) for core in ("cortex-a76", "neoverse-n2")),
        f"{row['host_ms']:.2f} ms",
        f"{cosine['mean']:.4f} / {cosine['least']:.4f}",
        f"{100 * row['agree'] / row['pictures']:.1f} %",
    ]
    return f"| {name} | " + " | ".join(figures) + " |"


def millions(count: int | None) -> str:
    """Instructions in millions; nothing where the file does not run there."""
    return "" if count is None else f"{count / 1e6:.4g} M"


def main() -> None:
    """Put the tables between their marks in the README."""
    readme = HERE / "README.md"
    text = readme.read_text(encoding="utf-8")
    for name, rows in json.loads((HERE / "measured.json").read_text(encoding="utf-8")).items():
        marks = re.compile(f"(<!-- {name} -->\n).*?(<!-- end -->)", re.DOTALL)
        assert marks.search(text), f"README.md has no place for {name}"
        text = marks.sub(lambda m, rows=rows: f"{m[1]}{table(rows)}\n{m[2]}", text)
    readme.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
