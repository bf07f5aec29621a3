"""Write the tables of the README from measured.json: ``python tables.py``."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
Row = dict[str, Any]


def table(rows: list[Row]) -> str:
    """One line for each file of a network, those that could not be made at the end.

    Times have a column where any were taken.
    """
    titles = ["made by", "bytes", "instructions, a76", "neoverse-n2"]
    titles += ["on this host"] * timed(rows) + ["cosine, mean / least", "agrees"]
    marks = ["---", *["---:"] * (len(titles) - 3), "---", "---:"]
    ordered = sorted(rows, key=lambda row: "failed" in row)
    lines = [titles, marks, *(cells(row, with_times=timed(rows)) for row in ordered)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def timed(rows: list[Row]) -> bool:
    """Whether any file was timed on the host."""
    return any(row.get("host_ms") is not None for row in rows)


def cells(row: Row, *, with_times: bool) -> list[str]:
    """What the line of one file says."""
    name = Path(row["file"]).stem
    if "failed" in row:
        why = f"not made: {row['failed'].partition(':')[0]}"
        return [name, "", "", "", *[""] * with_times, why, ""]
    counted, cosine = row["instructions"] or {}, row["cosine"]
    return [
        name,
        f"{row['bytes']:,}".replace(",", " "),
        *(millions(counted.get(core)) for core in ("cortex-a76", "neoverse-n2")),
        *([f"{row['host_ms']:.2f} ms"] if with_times else []),
        f"{cosine['mean']:.4f} / {cosine['least']:.4f}",
        f"{100 * row['agree'] / row['pictures']:.1f} %",
    ]


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
