"""The code blocks of the docs. A comment above each says when it is run, or why it is not:

    <!-- run: now -->                    by every test run, in seconds
    <!-- run: now, in tests/FILE.py -->  by a test of its own
    <!-- run: nightly -->                by make nightly
    <!-- run: never, REASON -->          not at all

Blocks of a page run in their order in one folder, in which models and pictures lie under the names
that the pages use.
"""

from __future__ import annotations

import re
import shlex
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
FENCE = re.compile(
    r"(?:^ *<!-- run: (?P<mark>.+?) -->\n)?^ *```(?P<language>[^\n]*)\n(?P<text>.*?)^ *```$",
    re.MULTILINE | re.DOTALL,
)
SHELL = ("sh",)
RUN = (*SHELL, "python")
PARSED = ("toml", "json", "yaml", "ini")
LANGUAGES = (*RUN, *PARSED, "text")


@dataclass(frozen=True, kw_only=True)
class Block:
    """A code block, and the comment above it."""

    page: str
    line: int
    language: str
    text: str
    mark: str | None

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"

    @property
    def when(self) -> str | None:
        """``now``, ``nightly``, ``never`` or, without a comment, None."""
        return None if self.mark is None else self.mark.partition(", ")[0]

    @property
    def remark(self) -> str:
        """What the comment says beside that."""
        return (self.mark or "").partition(", ")[2]


def pages() -> list[Path]:
    """Every page whose blocks a reader may type; generated ones and records are left out."""
    made = {ROOT / "docs" / "cli-reference.md"}
    return [
        *sorted({*(ROOT / "docs").rglob("*.md")} - made),
        ROOT / "README.md",
        ROOT / "CONTRIBUTING.md",
    ]


def blocks(page: Path) -> list[Block]:
    """The blocks of ``page``; directives of MyST are none."""
    text = page.read_text(encoding="utf-8")
    return [
        Block(
            page=str(page.relative_to(ROOT)),
            line=text.count("\n", 0, found.start("language")) + 1,
            language=found["language"],
            text=textwrap.dedent(found["text"]),
            mark=found["mark"],
        )
        for found in FENCE.finditer(text)
        if not found["language"].startswith("{")
    ]


def commands(script: str) -> Iterator[list[str]]:
    """The commands of a shell script, each as its words."""
    for line in script.replace("\\\n", " ").splitlines():
        words: list[str] = []
        for word in shlex.split(line, comments=True):
            if word in ("&&", "|", ";", "do", "done;"):
                yield words
                words = []
            else:
                words.append(word)
        yield words
