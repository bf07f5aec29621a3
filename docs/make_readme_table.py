"""Write the tables of recorded results into README.md: ``make docs``."""

from __future__ import annotations

import re
from pathlib import Path

from tflconv import results
from tflconv.report import export, summary

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
BLOCK = re.compile(
    r"(<!-- (?P<kind>table|summary): (?P<source>\S+) -->\n).*?(<!-- end -->)", re.DOTALL
)
KINDS = {"table": export.to_markdown, "summary": summary.to_markdown}


def with_tables(text: str) -> str:
    """``text`` with every marked block made of the results that it names."""

    def table(block: re.Match[str]) -> str:
        recorded = results.load(ROOT / block["source"])
        return f"{block[1]}{KINDS[block['kind']](recorded).strip()}\n{block[4]}"

    return BLOCK.sub(table, text)


if __name__ == "__main__":
    README.write_text(with_tables(README.read_text(encoding="utf-8")), encoding="utf-8")
