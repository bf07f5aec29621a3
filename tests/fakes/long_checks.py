"""The page of the long checks: a run puts its rows and tables in place of theirs, and no others."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

Row = Sequence[str]
COLUMNS = ("check", "what ran", "outcome", "seconds", "conditions")
NEWEST = re.compile(r"^The newest row ran on .*$", re.M)


@dataclass(kw_only=True)
class Page:
    """A Markdown page of checks, one row each, and of further tables, one section each.

    Attributes:
        lead: What stands above the checks.
        checks: Line of each check by its name.
        sections: Whole text of each section by its title.
    """

    lead: str
    checks: dict[str, str] = field(default_factory=dict)
    sections: dict[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, text: str) -> Page:
        """The page as ``str`` wrote it, and as a person changed its prose since."""
        head, *sections = re.split(r"^## ", text, flags=re.M)
        lead, *lines = head.partition("\n| ")[0::2]
        rows = "".join(lines).splitlines()[2:]
        return cls(
            lead=lead.rstrip() + "\n",
            checks={line.split(" | ")[0].removeprefix("| "): line for line in rows if line},
            sections={each.partition("\n")[0]: "## " + each.rstrip() + "\n" for each in sections},
        )

    def put(self, checks: Sequence[Row], tables: Mapping[str, Sequence[Row]], newest: str) -> None:
        """Take over what ran just now: rows by their first cell, tables by their title.

        The prose of a section stays, and so do its place and that of a row.
        """
        self.lead = NEWEST.sub(lambda _: f"The newest row ran on {newest}.", self.lead)
        self.checks |= {row[0]: _line(row) for row in checks}
        for title, rows in tables.items():
            prose = self.sections.get(title, f"## {title}\n").partition("\n| ")[0].rstrip()
            self.sections[title] = f"{prose}\n\n{_table(rows)}"

    def __str__(self) -> str:
        checks = _table([COLUMNS]) + "".join(f"{line}\n" for line in self.checks.values())
        return "\n".join([self.lead, checks, *self.sections.values()])


def _table(rows: Sequence[Row]) -> str:
    header, *body = rows
    return "".join(f"{_line(row)}\n" for row in (header, ["---"] * len(header), *body))


def _line(row: Row) -> str:
    return f"| {' | '.join(row)} |"
