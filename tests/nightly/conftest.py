"""What the long checks share: how much of them to run, and the record that they leave.

``make nightly`` runs all of it and writes ``docs/nightly.md``; ``make nightly ARGS="--share 0.1"``
runs a tenth of every count.
"""

from __future__ import annotations

import platform
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from importlib.metadata import version
from pathlib import Path

import pytest

Row = Sequence[str]
LIBRARIES = ("ai-edge-litert", "tensorflow", "hypothesis")
HEADER = """# The long checks, as they last ran

Written by `make nightly` on {when}: commit {commit}, {share:.0%} of the full counts,
{minutes:.0f} minutes on {machine}.
The checks are in `tests/nightly/`; `make nightly ARGS="--share 0.1"` runs a tenth of each.
"""


@dataclass(kw_only=True)
class Record:
    """The rows that the checks have told so far, and further tables by their headings."""

    began: float = field(default_factory=time.monotonic)
    commit: str = field(default_factory=lambda: _commit())
    rows: list[Row] = field(default_factory=list)
    tables: dict[str, list[Row]] = field(default_factory=dict)

    def markdown(self, share: float) -> str:
        """The page that is kept in the docs."""
        checks = [("check", "what ran", "outcome", "seconds"), *self.rows]
        more = [f"## {title}\n\n{_table(rows)}" for title, rows in self.tables.items()]
        head = HEADER.format(
            when=date.today(),
            commit=self.commit,
            share=share,
            minutes=(time.monotonic() - self.began) / 60,
            machine=_machine(),
        )
        return "\n".join([head, _table(checks), *more])


_WORDS = str.maketrans({"_": " ", "[": ": ", "]": None})
RECORD = pytest.StashKey[Record]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--share", type=float, default=1.0, help="Share of the full counts to run.")
    parser.addoption("--log", type=Path, help="Folder of logs that a check goes on with.")
    parser.addoption("--record", type=Path, help="Markdown file to write the outcome to.")


def pytest_configure(config: pytest.Config) -> None:
    config.stash[RECORD] = Record()


@pytest.fixture
def count(pytestconfig: pytest.Config) -> Callable[[int], int]:
    """``count(200)`` is how often to do what a full run does 200 times."""
    share: float = pytestconfig.getoption("--share")
    return lambda full: max(1, round(full * share))


@pytest.fixture
def tell(request: pytest.FixtureRequest) -> Iterator[Callable[[str, str], None]]:
    """``tell(what ran, outcome)`` is called once at the end of a check; without it, it failed."""
    began, told = time.monotonic(), [("", "FAILED")]
    yield lambda ran, outcome: told.append((ran, outcome))
    seconds = f"{time.monotonic() - began:.0f}"
    name = request.node.name.removeprefix("test_").translate(_WORDS)
    request.config.stash[RECORD].rows.append((name, *told[-1], seconds))


@pytest.fixture
def table(pytestconfig: pytest.Config) -> Callable[[str, list[Row]], None]:
    """``table(title, rows)`` adds a table to the record; its first row is the header."""
    return pytestconfig.stash[RECORD].tables.__setitem__


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    page = config.stash[RECORD].markdown(config.getoption("--share"))
    terminalreporter.write_line(page)
    if path := config.getoption("--record"):
        path.write_text(page, encoding="utf-8")


def _table(rows: Sequence[Row]) -> str:
    header, *body = rows
    lines = [header, ["---"] * len(header), *body]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _commit() -> str:
    git = ["git", "describe", "--always", "--dirty", "--exclude=*"]
    here = Path(__file__).parent
    return subprocess.run(git, cwd=here, capture_output=True, text=True).stdout.strip() or "unknown"


def _machine() -> str:
    libraries = ", ".join(f"{name} {version(name)}" for name in LIBRARIES)
    return (
        f"{platform.system()} {platform.machine()}, Python {platform.python_version()}, {libraries}"
    )
