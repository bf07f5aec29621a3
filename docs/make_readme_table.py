"""Write the recorded demo's table into README.md: ``make docs``."""

from __future__ import annotations

import re
from pathlib import Path

from tflconv import results
from tflconv.report import export

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
BLOCK = re.compile(r"(<!-- table: (?P<source>\S+) -->\n).*?(<!-- end -->)", re.DOTALL)


def with_tables(text: str) -> str:
    """``text`` with every marked block made of the results that it names."""

    def table(block: re.Match[str]) -> str:
        recorded = results.load(ROOT / block["source"])
        return f"{block[1]}{export.to_markdown(recorded).strip()}\n{block[3]}"

    return BLOCK.sub(table, text)


if __name__ == "__main__":
    README.write_text(with_tables(README.read_text(encoding="utf-8")), encoding="utf-8")
