"""A run of a few long checks changes their rows of the page, and nothing else."""

from __future__ import annotations

from pathlib import Path

from fakes.long_checks import Page

PAGE = Path(__file__).parents[2] / "docs" / "nightly.md"
ROW = ("kills", "9 kills", "none lost", "3", "100%, load 0.5, abc1234, 2026-11-27")
OLD = """# Checks

What they are.

The newest row ran on Linux.

| check | what ran | outcome | seconds | conditions |
| --- | --- | --- | --- | --- |
| kills | 5 kills | one lost | 2 | 50%, load 4.0, fff0000, 2026-01-01 |
| races | 7 races | all right | 1 | 100%, load 0.1, fff0000, 2026-01-01 |

## Sizes

Why they matter.

| file | bytes |
| --- | --- |
| a | 1 |

## Times

| file | seconds |
| --- | --- |
| a | 2 |
"""


def test_a_page_is_read_and_written_alike() -> None:
    for text in (OLD, PAGE.read_text(encoding="utf-8")):
        assert str(Page.read(text)) == text


def test_what_ran_takes_the_place_of_what_stood_there() -> None:
    page = Page.read(OLD)
    page.put([ROW, ("new", *ROW[1:])], {"Sizes": [("file", "bytes"), ("b", "3")]}, "macOS")
    expected = (
        OLD.replace("| kills | 5 kills | one lost | 2 | 50%, load 4.0, fff0000, 2026-01-01 |\n",
                    f"| {' | '.join(ROW)} |\n")
        .replace("2026-01-01 |\n\n", f"2026-01-01 |\n| new | {' | '.join(ROW[1:])} |\n\n")
        .replace("| a | 1 |", "| b | 3 |")
        .replace("on Linux.", "on macOS.")
    )  # fmt: skip
    assert str(page) == expected


def test_a_new_table_stands_at_the_end() -> None:
    page = Page.read(OLD)
    page.put([], {"Faults": [("fault",), ("none",)]}, "macOS")
    assert str(page).endswith("| a | 2 |\n\n## Faults\n\n| fault |\n| --- |\n| none |\n")
