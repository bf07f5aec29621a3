"""Exporters against golden files. After a wanted change: ``TFLCONV_UPDATE_GOLDEN=1 pytest ...``."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console

from tflconv import results
from tflconv.report import export, tables
from tflconv.report.html import to_html

GOLDEN = Path(__file__).parents[1] / "golden" / "report"


@pytest.fixture(scope="module")
def fixture() -> results.Results:
    return results.load(GOLDEN / "results.json")


def terminal(width: int) -> Callable[[results.Results], str]:
    def text(found: results.Results) -> str:
        stream = io.StringIO()
        tables.print_results(found, Console(file=stream, width=width))
        return stream.getvalue()

    return text


def without_plots(found: results.Results) -> str:
    """The page without its drawings, which differ between versions of matplotlib, and without
    styles, script and policy."""
    page = re.sub(r"(script-src )'[^']*'", r"\1[hash]", to_html(found))
    for tag in ("style", "script"):
        start, end = page.index(f"<{tag}"), page.index(f"</{tag}>")
        page = page[:start] + f"[{tag}]" + page[end:]
    while "<svg" in page:
        start = page.index("<svg")
        page = page[:start] + "[plot]" + page[page.index("</svg>", start) + len("</svg>") :]
    return page


@pytest.mark.parametrize(
    ("name", "exporter"),
    [
        ("wide.txt", terminal(220)),
        ("narrow.txt", terminal(80)),
        ("report.csv", export.to_csv),
        ("report.md", export.to_markdown),
        ("results.json", export.to_json),
        ("report.html", without_plots),
    ],
)
def test_exporter_gives_the_golden_text(
    fixture: results.Results, name: str, exporter: Callable[[results.Results], str]
) -> None:
    golden, text = GOLDEN / name, exporter(fixture)
    if "TFLCONV_UPDATE_GOLDEN" in os.environ:
        golden.write_text(text, encoding="utf-8")
    assert text == golden.read_text(encoding="utf-8")
