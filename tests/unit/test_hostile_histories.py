"""A history of a stranger is data: nothing in it is run, and it is no larger than its file."""

from __future__ import annotations

import os
import sqlite3
import struct
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from fakes.killed_histories import run
from tflconv.errors import TflconvError
from tflconv.history import History

FOR_EVER = (
    "WITH RECURSIVE endless(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM endless)"
    " SELECT n AS number, 'x' AS hash, 'x' AS slug, 'x' AS device, 'x' AS started,"
    " 'x' AS tflconv, printf('%.*c', 1000000, 'x') AS run FROM endless"
)


def as_a_view(connection: sqlite3.Connection) -> None:
    connection.execute("DROP TABLE runs")
    connection.execute(f"CREATE VIEW runs AS {FOR_EVER}")


def with_a_trigger(connection: sqlite3.Connection) -> None:
    connection.execute(
        "CREATE TRIGGER more AFTER INSERT ON runs BEGIN INSERT INTO runs"
        f" SELECT NULL, hex(randomblob(32)), slug, device, started, tflconv, run FROM ({FOR_EVER});"
        " END"
    )


def with_a_computed_column(connection: sqlite3.Connection) -> None:
    connection.execute("DROP TABLE runs")
    connection.execute(
        "CREATE TABLE runs (number INTEGER PRIMARY KEY, hash TEXT, slug TEXT, device TEXT, started"
        " TEXT, tflconv TEXT, run TEXT AS (printf('%.*c', 1000000, 'x')))"
    )
    connection.execute("INSERT INTO runs VALUES (1, 'x', 'x', 'x', 'x', 'x')")


def with_bytes_for_a_run(connection: sqlite3.Connection) -> None:
    connection.execute("INSERT INTO runs VALUES (9, 'x', 'x', 'x', 'x', 'x', x'80')")


def with_broken_text(connection: sqlite3.Connection) -> None:
    connection.execute("INSERT INTO runs VALUES (9, 'x', 'x', 'x', 'x', 'x', CAST(x'ff' AS TEXT))")


HOSTILE = {
    "view": (as_a_view, "other tables, views or triggers"),
    "trigger": (with_a_trigger, "other tables, views or triggers"),
    "computed column": (with_a_computed_column, "other tables, views or triggers"),
    "bytes": (with_bytes_for_a_run, "damaged"),
    "no text": (with_broken_text, "cannot use the history"),
}


@pytest.mark.parametrize(("harm", "says"), HOSTILE.values(), ids=HOSTILE)
def test_what_no_history_holds_is_refused(
    tmp_path: Path, harm: Callable[[sqlite3.Connection], None], says: str
) -> None:
    history = History(tmp_path / "h.sqlite")
    history.add([run(1)])
    with closing(sqlite3.connect(history.path)) as connection:
        harm(connection)
        connection.commit()
    before = history.path.read_bytes()
    listing(history, says=says)
    with pytest.raises(TflconvError, match=says):
        History(tmp_path / "mine.sqlite").merge(history)
    if says.startswith("other"):
        with pytest.raises(TflconvError, match=says):
            history.add([run(2)])
        assert history.path.read_bytes() == before


def listing(history: History, *more: str, says: str) -> None:
    """List the runs in a process of its own, for what never ends must end here."""
    command = [sys.executable, "-m", "tflconv", "history", "list", "--history", str(history.path)]
    ended = subprocess.run([*command, *more], capture_output=True, text=True, timeout=60)
    assert ended.returncode == 1, ended.stderr
    assert ended.stderr.count("Error:") == 1
    assert says in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize("kind", ["pipe", "folder", "device"])
def test_what_is_no_file_is_no_history(tmp_path: Path, kind: str) -> None:
    place = Path("/dev/null") if kind == "device" else tmp_path / kind
    {"pipe": os.mkfifo, "folder": os.mkdir, "device": Path.exists}[kind](place)
    for act in (History(place).runs, lambda: History(place).add([run(1)])):
        with pytest.raises(TflconvError, match="it is a folder, a device or a pipe"):
            act()


def test_a_run_that_is_told_again_and_again_is_damage(tmp_path: Path) -> None:
    """Pages that point to one page, over and over: a billion rows in a few kilobytes."""
    history = History(tmp_path / "h.sqlite")
    history.add([run(1)])
    entangle(history.path)
    with closing(sqlite3.connect(history.path)) as connection:
        some = connection.execute("SELECT run FROM runs LIMIT 1000000").fetchall()
    assert len(some) == 1_000_000
    listing(history, says="damaged")
    listing(history, "--model", "another", says="damaged")


def entangle(path: Path) -> None:
    """Put pages of pointers over the one page of the table, each to the one below 600 times."""
    with closing(sqlite3.connect(path)) as connection:
        (size,) = connection.execute("PRAGMA page_size").fetchone()
        (root,) = connection.execute(
            "SELECT rootpage FROM sqlite_master WHERE name = 'runs'"
        ).fetchone()
    content = bytearray(path.read_bytes())
    top = slice((root - 1) * size, root * size)
    assert content[top.start] == 0x0D, "a leaf"
    pages, count = len(content) // size, 600
    content += content[top]  # the leaf goes to the end, and so do two pages of pointers
    for below in (pages + 1, pages + 2):
        content += pointers(below, count, size)
    content[top] = pointers(pages + 3, count, size)
    content[28:32] = (len(content) // size).to_bytes(4, "big")
    path.write_bytes(content)


def pointers(below: int, count: int, size: int) -> bytes:
    """A page of a table's tree whose cells are all the same one: page ``below``, up to row 1."""
    cell, place = below.to_bytes(4, "big") + b"\x01", size - 5
    head = b"\x05\0\0" + count.to_bytes(2, "big") + place.to_bytes(2, "big") + b"\0"
    page = head + below.to_bytes(4, "big") + place.to_bytes(2, "big") * count
    return page.ljust(place, b"\0") + cell


MAGIC = bytes.fromhex("d9d505f920a163d7")


def cut_write(path: Path, *, pages: int = 0, names: str = "") -> None:
    """Leave what a write leaves that was cut: the first page as it was, and perhaps a name."""
    content, nonce = path.read_bytes(), 1
    (size,) = struct.unpack(">H", content[16:18])
    pages = pages or len(content) // size
    page, checksum = content[:size], nonce + sum(content[size - 200 : 0 : -200])
    head = MAGIC + struct.pack(">IIIII", 1, nonce, pages, 512, size)
    told = head.ljust(512, b"\0") + struct.pack(">I", 1) + page + struct.pack(">I", checksum)
    if names:
        locked, name = (1 << 30) // size + 1, names.encode()
        told += struct.pack(">I", locked) + name + struct.pack(">II", len(name), sum(name)) + MAGIC
    path.with_name(f"{path.name}-journal").write_bytes(told)


def opened_by_sqlite(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("SELECT count(*) FROM runs").fetchone()


@pytest.mark.parametrize("linked", [False, True])
def test_a_journal_that_names_another_file_is_not_followed(tmp_path: Path, linked: bool) -> None:
    """SQLite deletes what it takes for the journal of several databases."""
    history, precious = History(tmp_path / "h.sqlite"), tmp_path / "precious.txt"
    history.add([run(1)])
    precious.write_text("x")
    cut_write(history.path, names=str(precious))
    opened_by_sqlite(history.path)
    assert not precious.exists(), "the attack does no harm, so that the test can show nothing"
    precious.write_text("x")
    cut_write(history.path, names=str(precious))
    if linked:
        (tmp_path / "linked").mkdir()
        (tmp_path / "linked" / "link.sqlite").symlink_to(history.path)
        history = History(tmp_path / "linked" / "link.sqlite")
    listing(history, says="names another file that SQLite would delete")
    for act in (lambda: history.add([run(2)]), lambda: History(tmp_path / "mine").merge(history)):
        with pytest.raises(TflconvError, match=r"h\.sqlite-journal, which names another file"):
            act()
    assert precious.exists()


def test_a_journal_does_not_let_a_history_grow(tmp_path: Path) -> None:
    history = History(tmp_path / "h.sqlite")
    history.add([run(1)])
    cut_write(history.path, pages=1 << 16)
    listing(history, says="by which it would grow")
    size = history.path.stat().st_size
    opened_by_sqlite(history.path)
    assert history.path.stat().st_size > 1000 * size


def test_a_log_of_writes_is_not_followed(tmp_path: Path) -> None:
    history = History(tmp_path / "h.sqlite")
    history.add([run(1)])
    with closing(sqlite3.connect(history.path)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("SELECT 1")
        listing(history, says="a log of writes")


def test_a_write_that_was_cut_is_taken_back(tmp_path: Path) -> None:
    history = History(tmp_path / "h.sqlite")
    history.add([run(1)])
    cut_write(history.path)
    assert [kept.run for kept in history.runs()] == [run(1)]
    assert not history.path.with_name("h.sqlite-journal").exists()
