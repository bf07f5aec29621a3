"""Read files that a user names, which may be no files at all."""

from __future__ import annotations

import codecs
import errno
import stat
from pathlib import Path


def require_finite(path: Path) -> None:
    """Raise ``OSError`` if ``path`` is a device: what is read of ``/dev/zero`` never ends.

    Example:
        >>> require_finite(Path("there is none"))
    """
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return
    if stat.S_ISCHR(mode) or stat.S_ISBLK(mode):
        raise OSError(errno.ENODEV, "it is a device, not a file", str(path))


def read_bytes(path: Path) -> bytes:
    """Return the content of ``path``. Raises ``OSError`` if it is a device or cannot be read."""
    require_finite(path)
    return path.read_bytes()


def read_text(path: Path, encoding: str = "utf-8") -> str:
    """Return the text in ``path``.

    Raises:
        OSError: It is a device or cannot be read.
        UnicodeDecodeError: It is no text.
    """
    require_finite(path)
    return path.read_text(encoding=encoding)


def read_marked_text(path: Path) -> str:
    """Return the text in ``path``: UTF-8, or what its byte-order mark says, as spreadsheets save.

    Raises:
        OSError: It is a device or cannot be read.
        UnicodeDecodeError: It is no text, or UTF-16 without a mark.
    """
    content = read_bytes(path)
    encoding = next((name for mark, name in _MARKS if content.startswith(mark)), "utf-8")
    if encoding == "utf-8" and _is_unmarked_utf16(content):
        raise UnicodeDecodeError(encoding, content, 0, 1, "UTF-16 without a mark")
    text = content.decode(encoding).removeprefix("\ufeff")
    return text.replace("\r\n", "\n").replace("\r", "\n")


_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),  # before that of UTF-16, which it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def _is_unmarked_utf16(content: bytes) -> bool:
    """Whether every other byte is mostly zero, as of letters in UTF-16."""
    halves = content[::2], content[1::2]
    return len(content) > 2 and any(2 * half.count(0) > len(half) for half in halves)


def why_unread(error: OSError | UnicodeDecodeError) -> str:
    """Return why a text file could not be read, without numbers and the path once more.

    Example:
        >>> why_unread(FileNotFoundError(2, "No such file or directory", "labels.txt"))
        'No such file or directory'
    """
    if isinstance(error, UnicodeDecodeError):
        return f"it is not {error.encoding.upper()} text"
    return error.strerror or str(error)
