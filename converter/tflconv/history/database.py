"""Runs that were measured, in one file that only grows.

It is an SQLite database with a rollback journal: each run is one transaction, so what ends the
process costs the run in flight and nothing else, and any number of processes may write. A run is
named by the hash of its content: to add it again, or to merge two files that both have it, changes
nothing. Runs stand in the order in which they came, for a clock may be set back.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tflconv._version import __version__
from tflconv.core.bounded import read_json
from tflconv.core.files import explain_output_errors, sha256_bytes
from tflconv.core.jsonvalue import JsonObject
from tflconv.errors import TflconvError, UsageError
from tflconv.history import journal, versions
from tflconv.results import SCHEMA_VERSION, BenchmarkRun, from_json
from tflconv.results.exchange import canonical, record

WAIT_SECONDS = 30.0
"""How long another process may hold the file."""

Row = tuple[int, str, str, str]
"""Number, hash, version of tflconv and content of a run."""

_STEPS_PER_LOOK = 10_000
"""Steps of SQLite between two looks at how many it took."""

SHORTEST = 4
"""Characters of a hash that are enough to name a run, if only one begins so."""


@dataclass(frozen=True, kw_only=True)
class Kept:
    """A run of a history.

    Attributes:
        number: Its place in the order in which runs came.
        hash: SHA-256 of its content.
        tflconv: Version of tflconv that kept it.
        run: The run.
    """

    number: int
    hash: str
    tflconv: str
    run: BenchmarkRun


def begins_hash(name: str) -> bool:
    """Return whether ``name`` may be the beginning of a run's hash.

    Example:
        >>> begins_hash("3fa9c1"), begins_hash("main.json")
        (True, False)
    """
    return len(name) >= SHORTEST and set(name) <= set("0123456789abcdef")


@dataclass(frozen=True)
class History:
    """The runs in the file at ``path``, which is made when it is first written.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     History(Path(folder) / "history.sqlite").runs()
        []
    """

    path: Path

    def prepare(self) -> None:
        """Make the file, or see that it can be used.

        Raises:
            TflconvError: It is not a history, of a later version, or cannot be written.
        """
        with explain_output_errors(self.path):
            self.path.parent.mkdir(parents=True, exist_ok=True)
        with self._open() as connection:
            versions.update(connection, self.path)

    def add(self, runs: Iterable[BenchmarkRun]) -> int:
        """Keep ``runs``, all or none of them; return how many were new.

        Raises:
            TflconvError: The file cannot be written.
        """
        self.prepare()
        rows = [_row(run) for run in runs]
        with self._open() as connection:
            connection.execute("BEGIN IMMEDIATE")
            before = connection.total_changes
            connection.executemany(
                "INSERT OR IGNORE INTO runs (hash, slug, device, started, tflconv, run)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                rows,
            )
            new = connection.total_changes - before
            connection.execute("COMMIT")
        return new

    def runs(
        self, *, slug: str | None = None, device: str | None = None, hash_begins: str = ""
    ) -> list[Kept]:
        """Return the runs in the order in which they came.

        Args:
            slug: Only those of this model.
            device: Only those on this device.
            hash_begins: Only those whose hash begins so.

        Raises:
            TflconvError: The file is not a history, or a run in it was changed.
        """
        if not self.path.exists():
            return []
        with self._open() as connection:
            versions.update(connection, self.path)
            with self._bounded(connection):
                rows = connection.execute(
                    "SELECT number, hash, tflconv, run FROM runs WHERE (?1 IS NULL OR slug = ?1)"
                    " AND (?2 IS NULL OR device = ?2) AND substr(hash, 1, length(?3)) = ?3"
                    " ORDER BY number",
                    (slug, device, hash_begins),
                )
                entries = list(self._as_large_as_the_file(rows))
        return [self._entry(*row) for row in entries]

    def find(self, name: str) -> Kept:
        """Return the run whose hash begins with ``name``.

        Raises:
            UsageError: There is none, or several.
        """
        matching = self.runs(hash_begins=name) if begins_hash(name) else []
        if len(matching) != 1:
            count = f"{len(matching)} runs" if matching else "no run"
            raise UsageError(
                f"{self.path} has {count} whose hash begins with '{name}'.",
                hint="tflconv history list shows them.",
            )
        return matching[0]

    def merge(self, other: History) -> int:
        """Keep the runs of ``other``, too; return how many were new.

        Raises:
            TflconvError: There is no such history, or it is damaged.
        """
        if not other.path.is_file():
            raise TflconvError(
                f"there is no history at {other.path}.",
                hint="Name a history (.sqlite) or a results file (.json).",
            )
        return self.add(entry.run for entry in other.runs())

    def _as_large_as_the_file(self, rows: Iterable[Row]) -> Iterator[Row]:
        """Yield ``rows`` that have place in the file; a damaged one may tell the same for ever."""
        size = 0
        for row in rows:
            if not all(isinstance(each, str) for each in row[1:]):
                raise sqlite3.DatabaseError("malformed: a text that is none")
            size += len(row[1]) + len(row[3])
            if size > self.path.stat().st_size:
                raise sqlite3.DatabaseError("malformed: more rows than bytes")
            yield row

    @contextlib.contextmanager
    def _bounded(self, connection: sqlite3.Connection) -> Iterator[None]:
        """Give what is asked within as many steps as the file can need."""
        left = 1_000_000 + self.path.stat().st_size

        def look() -> bool:
            nonlocal left
            left -= _STEPS_PER_LOOK
            return left < 0

        connection.set_progress_handler(look, _STEPS_PER_LOOK)
        yield
        connection.set_progress_handler(None, 0)

    def _entry(self, number: int, digest: str, tflconv: str, text: str) -> Kept:
        if sha256_bytes(text.encode()) != digest:
            raise TflconvError(
                f"run {number} of {self.path} was changed after it was kept: its content has"
                " another hash than its name says.",
                hint="Take the file from a backup, or export what is sound from a copy.",
            )
        source = f"run {number} of {self.path}"
        try:
            entry: JsonObject = {"schema_version": SCHEMA_VERSION, "runs": [read_json(text)]}
        except (ValueError, RecursionError) as error:
            raise TflconvError(f"{source} is not a run: it is not JSON.") from error
        (run,) = from_json(entry, source=source).runs
        return Kept(number=number, hash=digest, tflconv=tflconv, run=run)

    @contextlib.contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        """Yield a connection; each error of it becomes one message, and undoes what was begun."""
        if self.path.exists() and not self.path.is_file():
            raise TflconvError(
                f"cannot use the history {self.path}: it is a folder, a device or a pipe.",
                hint="Name a file.",
            )
        journal.check(self.path)
        connection: sqlite3.Connection | None = None
        try:
            connection = sqlite3.connect(self.path, timeout=WAIT_SECONDS, isolation_level=None)
            connection.execute("PRAGMA synchronous = FULL")
            yield connection
        except sqlite3.Error as error:
            raise self._explained(error) from error
        finally:
            if connection is not None:
                with contextlib.suppress(sqlite3.Error):
                    connection.close()  # which rolls back

    def _explained(self, error: sqlite3.Error) -> TflconvError:
        text = str(error)
        for part, message, hint in _ERRORS:
            if part in text:
                return TflconvError(f"{message.format(path=self.path)}.", hint=hint)
        return TflconvError(f"cannot use the history {self.path}: {text}.")


_ERRORS = (
    (
        "locked",
        "another process holds the history {path}",
        "Try again, or end that process. Nothing was lost but the run that was to be kept.",
    ),
    ("full", "cannot write the history {path}: the disk is full", "Free some space."),
    ("disk I/O", "cannot write the history {path}: the disk does not work, or is full", None),
    ("readonly", "cannot write the history {path}: it may only be read", "Name another file."),
    ("unable to open", "cannot open the history {path}", "Name a file in a folder of yours."),
    ("not a database", "{path} is not a history of tflconv", "Name another file with --history."),
    ("interrupted", "the history {path} is damaged", "Take it from a backup."),
    ("malformed", "the history {path} is damaged", "Take it from a backup."),
    ("no such", "{path} is not a history of tflconv", "Name another file with --history."),
    ("already exists", "{path} is not a history of tflconv", "Name another file with --history."),
)


def _row(run: BenchmarkRun) -> tuple[str, str, str, str | None, str, str]:
    text = canonical(record(run))
    digest = sha256_bytes(text.encode())
    return digest, run.model.slug, run.device.id, run.started, __version__, text
