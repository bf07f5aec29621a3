"""The tables of a history file, and how an older one becomes one of today.

``PRAGMA user_version`` counts the steps below that a file has taken; each is taken once, in one
transaction. A file that took more steps than this tflconv knows is left alone, and so is one that
holds what the steps do not make: a view in the place of a table, or a trigger, is a program.
"""

from __future__ import annotations

import contextlib
import functools
import sqlite3
from pathlib import Path

from tflconv.errors import TflconvError

STEPS = (
    """
    CREATE TABLE runs (
        number INTEGER PRIMARY KEY,
        hash TEXT NOT NULL UNIQUE,
        slug TEXT NOT NULL,
        device TEXT NOT NULL,
        started TEXT,
        tflconv TEXT NOT NULL,
        run TEXT NOT NULL
    );
    CREATE INDEX runs_by_model ON runs (slug, device);
    CREATE TRIGGER runs_stay BEFORE UPDATE ON runs
    BEGIN SELECT RAISE(ABORT, 'a history only grows'); END;
    CREATE TRIGGER runs_last BEFORE DELETE ON runs
    BEGIN SELECT RAISE(ABORT, 'a history only grows'); END;
    """,
)
"""Each step is SQL; a released one never changes."""


APPLICATION = 0x7466_6C63
"""``PRAGMA application_id`` of a history: ``tflc``. A database of anything else is left alone."""


def update(connection: sqlite3.Connection, path: Path) -> None:
    """Take the steps that the file has not taken.

    Raises:
        TflconvError: The file is of a later version of tflconv, or of another program.
    """
    if version_of(connection) == len(STEPS) and _is_ours(connection):
        _check_made_by(STEPS, connection, path)
        return
    connection.execute("BEGIN IMMEDIATE")  # another process may be about to do the same
    try:
        version = version_of(connection)
        if not _is_ours(connection):
            raise TflconvError(
                f"{path} is a database of something else.", hint="Name another file."
            )
        if version > len(STEPS):
            raise TflconvError(
                f"{path} is a history of version {version}; this tflconv knows {len(STEPS)}.",
                hint="Update tflconv: pip install --upgrade tflconv. The file is left as it is.",
            )
        _check_made_by(STEPS[:version], connection, path)
        for step in STEPS[version:]:
            for statement in statements(step):
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {len(STEPS)}")
        connection.execute(f"PRAGMA application_id = {APPLICATION}")
        connection.execute("COMMIT")
    except BaseException:
        with contextlib.suppress(sqlite3.Error):  # SQLite did it
            connection.execute("ROLLBACK")
        raise


def _is_ours(connection: sqlite3.Connection) -> bool:
    """Return whether a file is a history, or an empty one that may become one."""
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    return bool(application == APPLICATION or (application == 0 and tables == 0))


def _check_made_by(steps: tuple[str, ...], connection: sqlite3.Connection, path: Path) -> None:
    if _schema(connection) - _schema_of(steps):
        raise TflconvError(
            f"{path} is not a history of tflconv: it holds other tables, views or triggers.",
            hint="Take yours from a backup, or name another file.",
        )


def _schema(connection: sqlite3.Connection) -> set[tuple[str, ...]]:
    """Return what the file holds, as SQL; the names of SQLite's own things begin with its name."""
    return set(
        connection.execute(
            "SELECT type, name, tbl_name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite!_%'"
            " ESCAPE '!'"
        )
    )


@functools.cache
def _schema_of(steps: tuple[str, ...]) -> set[tuple[str, ...]]:
    with contextlib.closing(sqlite3.connect(":memory:")) as connection:
        for step in steps:
            connection.executescript(step)
        return _schema(connection)


def version_of(connection: sqlite3.Connection) -> int:
    """Return how many steps the file has taken; 0 for a new one."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def statements(text: str) -> list[str]:
    """Return the single statements of some SQL; ``executescript`` would commit in between."""
    complete, pending = [], ""
    for part in text.split(";"):
        pending += part + ";"
        if sqlite3.complete_statement(pending):
            complete.append(pending.strip())
            pending = ""
    return [statement for statement in complete if statement != ";"]
