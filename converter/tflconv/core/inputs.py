"""Read files that a user names, which may be no files at all."""

from __future__ import annotations

import codecs
import errno
import re
import stat
from pathlib import Path

from tflconv.errors import TflconvError, UsageError

_ADDRESS = re.compile(r"([a-z][a-z0-9+.-]+):/{1,2}(.+)", re.IGNORECASE)


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


def missing(path: Path | str, *, what: str = "model", hint: str | None = None) -> TflconvError:
    """Return the error for a file that is not there: ``no model at PATH``.

    An address is called one; a path has lost one of its slashes.

    Example:
        >>> missing(Path("https://example.org/a.keras")).message
        'https://example.org/a.keras is an address, and only files of this computer are opened.'
    """
    if address := _ADDRESS.match(str(path)):
        return UsageError(
            f"{address[1]}://{address[2]} is an address, and only files of this computer are"
            " opened.",
            hint="Download it, and name the file or folder.",
        )
    return TflconvError(f"no {what} at {path}.", hint=hint)


def is_address(text: str) -> bool:
    """Return whether ``text`` is an address, such as ``s3://bucket/set``, and no path.

    Example:
        >>> is_address("hf://datasets/cats"), is_address("C:/cats"), is_address("train=cats")
        (True, False, False)
    """
    return _ADDRESS.match(text) is not None


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
    """Return why a file could not be read, without numbers and the path once more.

    Example:
        >>> why_unread(FileNotFoundError(2, "No such file or directory", "labels.txt"))
        'No such file or directory'
    """
    if isinstance(error, UnicodeDecodeError):
        return f"it is not {error.encoding.upper()} text"
    if isinstance(error, IsADirectoryError):
        return "it is a folder"
    return error.strerror or str(error)
