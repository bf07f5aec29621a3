"""What may lie beside a history: SQLite takes back a write that was cut by the file FILE-journal.

It believes that file. One that a stranger sent along can name any other file, which SQLite then
deletes as the journal of several databases, or make the history grow to terabytes. Ours name no
file, for a write is to one database, and let no history grow. There is no log of writes (FILE-wal)
beside ours either.
"""

from __future__ import annotations

from pathlib import Path

from tflconv.errors import TflconvError

_MAGIC = bytes.fromhex("d9d505f920a163d7")
_PAGES, _PAGE_SIZE, _HEADER = slice(16, 20), slice(24, 28), 28


def check(path: Path) -> None:
    """Check that SQLite may follow what lies beside the history at ``path``.

    Raises:
        TflconvError: It is nothing that tflconv leaves there.
    """
    real = path.resolve()
    log, journal = (real.with_name(f"{real.name}-{end}") for end in ("wal", "journal"))
    if log.exists():
        raise _refused(path, log, "a log of writes, which tflconv does not make")
    try:
        head, end, size = _read(journal), _end(journal), real.stat().st_size
    except OSError:  # there is none, or not any more
        return
    if end == _MAGIC:
        raise _refused(path, journal, "which names another file that SQLite would delete")
    pages, page_size = (int.from_bytes(head[part], "big") for part in (_PAGES, _PAGE_SIZE))
    if head.startswith(_MAGIC) and pages * page_size > size:
        raise _refused(path, journal, "by which it would grow")


def _read(journal: Path) -> bytes:
    with journal.open("rb") as stream:
        return stream.read(_HEADER)


def _end(journal: Path) -> bytes:
    with journal.open("rb") as stream:
        stream.seek(max(0, journal.stat().st_size - len(_MAGIC)))
        return stream.read()


def _refused(path: Path, beside: Path, why: str) -> TflconvError:
    return TflconvError(
        f"{path} is not opened: beside it lies {beside.name}, {why}.",
        hint=f"End what else works on {path.name}; if it is whole without that file, move it away.",
    )
