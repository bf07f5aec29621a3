"""What the long checks share: how much of them to run, and the record that they leave.

``make nightly`` runs all of it and puts what ran into ``docs/nightly.md``;
``make nightly ARGS="--share 0.1"`` runs a tenth of every count.
"""

from __future__ import annotations

import os
import platform
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date
from importlib.metadata import version
from pathlib import Path

import pytest

from fakes.long_checks import Page, Row

LIBRARIES = ("ai-edge-litert", "tensorflow", "hypothesis")
EMPTY = "# The long checks, as they last ran\n\nThe newest row ran on this computer.\n"


@dataclass(kw_only=True)
class Record:
    """The rows that the checks have told so far, and further tables by their titles."""

    commit: str = field(default_factory=lambda: _commit())
    rows: list[Row] = field(default_factory=list)
    tables: dict[str, list[Row]] = field(default_factory=dict)


_WORDS = str.maketrans({"_": " ", "[": ": ", "]": None})
RECORD = pytest.StashKey[Record]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--share", type=float, default=1.0, help="Share of the full counts to run.")
    parser.addoption("--log", type=Path, help="Folder of logs that a check goes on with.")
    parser.addoption("--record", type=Path, help="Markdown page to put the outcome into.")


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
    share: float = request.config.getoption("--share")
    busy, record = f"{os.getloadavg()[0]:.1f}", request.config.stash[RECORD]
    conditions = f"{share:.0%}, load {busy}, {record.commit}, {date.today()}"
    record.rows.append((name, *told[-1], seconds, conditions))


@pytest.fixture
def table(pytestconfig: pytest.Config) -> Callable[[str, list[Row]], None]:
    """``table(title, rows)`` adds a table to the record; its first row is the header."""
    return pytestconfig.stash[RECORD].tables.__setitem__


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    path, record = config.getoption("--record"), config.stash[RECORD]
    told = Page.read(EMPTY)
    told.put(record.rows, record.tables, _machine())
    terminalreporter.write_line(str(told))
    if path:
        page = Page.read(path.read_text(encoding="utf-8") if path.exists() else EMPTY)
        page.put(record.rows, record.tables, _machine())
        path.write_text(str(page), encoding="utf-8")


def _commit() -> str:
    git = ["git", "describe", "--always", "--dirty", "--exclude=*"]
    here = Path(__file__).parent
    return subprocess.run(git, cwd=here, capture_output=True, text=True).stdout.strip() or "unknown"


def _machine() -> str:
    libraries = ", ".join(f"{name} {version(name)}" for name in LIBRARIES)
    return (
        f"{platform.system()} {platform.machine()}, Python {platform.python_version()}, {libraries}"
    )
