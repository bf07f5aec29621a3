"""Read foreign archives and JSON within limits, and say what is damaged instead of failing oddly.

A zip member or gzip file of a few kilobytes can unpack to gigabytes, and a damaged one raises
whatever its decoder happens to raise. All readers of files by others share what is here.
"""

from __future__ import annotations

import contextlib
import errno
import gzip
import json
import lzma
import os
import struct
import tarfile
import tokenize
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import cattrs

from tflconv.core import inputs
from tflconv.core.jsonvalue import JsonValue
from tflconv.core.shortening import first_line
from tflconv.errors import TflconvError, UsageError

DAMAGE: tuple[type[Exception], ...] = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    EOFError,
    LookupError,
    MemoryError,  # a damaged header can ask for any size
    OSError,  # without an error number, where bz2 or gzip find wrong bytes
    RuntimeError,  # includes RecursionError; zipfile raises it for encrypted members
    SyntaxError,  # NumPy reads the header of an array as Python
    TypeError,
    ValueError,
    cattrs.BaseValidationError,
    lzma.LZMAError,
    struct.error,
    tarfile.TarError,
    tokenize.TokenError,
    zipfile.BadZipFile,
    zlib.error,
)
"""What the readers of archives, NumPy files, flatbuffers, HDF5 and JSON raise for damaged files."""

VARIABLE = "TFLCONV_MAX_MEMBER_MB"
"""The environment variable that raises the limit of one unpacked part of a file."""

MAX_DEPTH = 200
"""Levels of nesting in JSON; the deepest models of Keras have some 30."""

MOST_MEMBERS = 4000
"""Parts of a zip archive; the arrays of the largest classifiers are some 3000."""

_DEFAULT_MB = 64
_TEXT_SHARE = 16
"""JSON takes some 25 times its size in memory, so that a part with text may have a 16th only."""

_WORKING_SHARE = 6
"""A small file may declare large values; with what else they need, it stays below 500 MB."""

_HALF = "\\ud"
"""How JSON spells half of a character, or a Hangul syllable."""

_END: JsonValue = object()  # type: ignore[assignment]

_LEAST_RATIO = 10
"""A part that shrinks less than this is no bomb, whatever its size; pixels and weights do."""


class DamagedError(TflconvError):
    """A part of a file cannot be read; where the file does without that part, it may go on."""


@contextlib.contextmanager
def explained(path: Path, part: str, *, hint: str | None = None) -> Iterator[None]:
    """Turn whatever a reader raises within the block into a message that names file and part.

    Args:
        path: The file that is read.
        part: The part of it, as a noun phrase: "the card inside the model".
        hint: What to do where it is damaged.

    Raises:
        DamagedError: The part is damaged.
        TflconvError: The file cannot be read at all.
    """
    try:
        yield
    except TflconvError:
        raise
    except DAMAGE as error:
        if isinstance(error, OSError) and not is_damage(error):
            raise TflconvError(f"cannot read {path}: {inputs.why_unread(error)}.") from error
        verb = "are" if part.endswith("s") else "is"
        message = f"{path}: {part} {verb} damaged ({first_line(error, 200)})."
        raise DamagedError(message, hint=hint) from error


def is_damage(error: Exception) -> bool:
    """Return whether ``error`` comes of what a file holds, and not of the disk or its rights.

    Wrong offsets in a file lead to places before its start, which is an error of the system too.
    """
    return not isinstance(error, OSError) or error.errno in (None, errno.EINVAL)


def max_member_bytes() -> int:
    """Return the most bytes that one packed part of a file may unpack to.

    Raises:
        UsageError: ``TFLCONV_MAX_MEMBER_MB`` is not a positive number.
    """
    text = os.environ.get(VARIABLE, str(_DEFAULT_MB))
    if not text.isdecimal() or not 0 < int(text) <= 1 << 20:
        raise UsageError(f"{VARIABLE} must be a number of megabytes. Received: {VARIABLE}={text}.")
    return int(text) << 20


def limit_for(packed: int) -> int:
    """Return the most bytes that a part of ``packed`` bytes may unpack to."""
    return max(max_member_bytes(), _LEAST_RATIO * packed)


def working_limit(size: int) -> int:
    """Return the most bytes that the values within a model of ``size`` bytes may take at a time."""
    return max(_WORKING_SHARE * max_member_bytes(), _LEAST_RATIO * size)


def max_text_bytes() -> int:
    """Return the most bytes that a part with text, such as JSON or labels, may have."""
    return max_member_bytes() // _TEXT_SHARE


@contextlib.contextmanager
def open_zip(path: Path) -> Iterator[zipfile.ZipFile]:
    """Open an archive of which some parts are read.

    Raises:
        TflconvError: It holds more than ``MOST_MEMBERS``; each takes time, however small it is.
    """
    with zipfile.ZipFile(path) as archive:
        if len(archive.infolist()) > MOST_MEMBERS:
            raise TflconvError(f"{path} holds more than {MOST_MEMBERS} parts, and is not read.")
        yield archive


def read_text(archive: zipfile.ZipFile, name: str) -> str:
    """Return the text in a zip member, such as JSON or labels.

    Args:
        archive: The open archive.
        name: The member.

    Raises:
        TflconvError: It unpacks to more than a sixteenth of the limit.
        KeyError: There is no such member.
        UnicodeDecodeError: It is no text.
    """
    with archive.open(name) as stream:
        return _limited(stream, max_text_bytes(), f"{archive.filename}: {name}").decode()


def read_member(archive: zipfile.ZipFile, name: str) -> bytes:
    """Return the content of a zip member.

    Args:
        archive: The open archive.
        name: The member.

    Raises:
        TflconvError: It unpacks to more than the limit, and to 10 times its packed size.
        KeyError: There is no such member.
    """
    limit = limit_for(archive.getinfo(name).compress_size)
    with archive.open(name) as stream:
        return _limited(stream, limit, f"{archive.filename}: {name}")


def copy_member(archive: zipfile.ZipFile, name: str, target: IO[bytes]) -> None:
    """Copy a zip member to a file, without ever having all of it in memory.

    Args:
        archive: The open archive.
        name: The member.
        target: The file, open for writing.

    Raises:
        TflconvError: It unpacks to more than the limit, and to 10 times its packed size.
    """
    limit = limit_for(archive.getinfo(name).compress_size)
    copied = 0
    with archive.open(name) as stream:
        while block := stream.read(1 << 20):
            copied += len(block)
            if copied > limit:
                raise too_large(f"{archive.filename}: {name}", limit)
            target.write(block)


def read_gzip(path: Path) -> bytes:
    """Return the content of a gzip file.

    Raises:
        TflconvError: It unpacks to more than the limit, and to 10 times its packed size.
    """
    with gzip.open(path) as stream:
        return _limited(stream, limit_for(path.stat().st_size), str(path))


def read_json(text: str | bytes) -> JsonValue:
    """Parse JSON of at most ``MAX_DEPTH`` levels.

    Raises:
        ValueError: The text is no JSON, nested deeper, or holds half of a character (a surrogate
            without its other half), which could be printed nowhere.

    Example:
        >>> read_json('{"a": [1]}')
        {'a': [1]}
    """
    value: JsonValue = json.loads(text)
    _check_depth(value)
    if _HALF in (text.lower() if isinstance(text, str) else text.decode().lower()):
        json.dumps(value, ensure_ascii=False).encode()
    return value


def too_large(what: str, limit: int) -> TflconvError:
    """Return the error for ``what``, which unpacks to more than ``limit`` bytes."""
    return TflconvError(
        f"{what} unpacks to more than {limit >> 20} MB.",
        hint=f"If you trust the file, raise the limit: {VARIABLE}=1024 allows 1024 MB.",
    )


def _limited(stream: IO[bytes] | gzip.GzipFile, limit: int, what: str) -> bytes:
    content = stream.read(limit + 1)
    if len(content) > limit:
        raise too_large(what, limit)
    return content


def _check_depth(value: JsonValue) -> None:
    open_parts = [iter([value])]
    while open_parts:
        part = next(open_parts[-1], _END)
        if part is _END:
            open_parts.pop()
        elif isinstance(part, dict | list):
            open_parts.append(iter(part.values() if isinstance(part, dict) else part))
        if len(open_parts) > MAX_DEPTH + 1:
            raise ValueError(f"nested deeper than {MAX_DEPTH} levels")
