"""What no one foresaw becomes one message, and a report file that can be sent.

A traceback helps those who know the code and nobody else. So a bug ends like any other failure: in
a ``TflconvError`` of one line, whose hint names a file with all that a maintainer needs. The file
holds versions, command and traceback, without the values of variables and with the home folder as
``~``. ``TFLCONV_DEBUG=1`` shows the traceback at once.
"""

from __future__ import annotations

import contextlib
import os
import platform
import shlex
import sys
import tempfile
import traceback
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path

from tflconv.core.files import cache_dir, write_text
from tflconv.core.versions import versions
from tflconv.errors import TflconvError

VARIABLE = "TFLCONV_DEBUG"
"""The environment variable that shows the traceback."""

KEPT = 20
"""Reports that are kept; older ones are deleted."""

_PACKAGES = (
    "tflconv", "tensorflow", "tf_keras", "keras", "ai-edge-litert", "litert-quantizer", "numpy",
    "h5py", "pillow", "cattrs", "click", "rich", "matplotlib",
)  # fmt: skip
_LONGEST = 100_000
"""Characters of a traceback that are kept, from its end: an error can quote a whole file."""


class Unexpected(TflconvError):  # noqa: N818 - says what happened
    """A fault of tflconv itself, or of a library where nothing of the kind was foreseen."""


def explained(error: BaseException, command: list[str] | None = None) -> TflconvError:
    """Write a report about ``error`` and return the error to raise or to show in its place.

    Args:
        error: Any exception that is not a ``TflconvError``.
        command: Words of the command line, by default those of the process.

    Returns:
        One line that says what happened, and a hint that names the report.
    """
    if os.environ.get(VARIABLE, "0") not in ("", "0"):
        traceback.print_exception(type(error), error, error.__traceback__)
    if isinstance(error, MemoryError):
        return TflconvError(
            "the memory ran out.", hint="Close other programs, or try less at once."
        )
    words = sys.argv if command is None else command
    with contextlib.suppress(OSError, TflconvError):
        return _reported(error, _written(_report(error, words)))
    return _unreported(error)


def _reported(error: BaseException, report: Path) -> Unexpected:
    return Unexpected(
        _line(error), hint=f"This is a fault of tflconv. Please send {report} to its maintainers."
    )


def _unreported(error: BaseException) -> Unexpected:
    return Unexpected(
        _line(error),
        hint="This is a fault of tflconv, and no report of it can be written here."
        f" {VARIABLE}=1 shows where it happened.",
    )


def _line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    first = lines[0] if lines else ""
    message = "".join(letter if letter.isprintable() else "?" for letter in first)
    return f"unexpected {type(error).__name__}{f' ({message[:200]})' if message else ''}."


def _report(error: BaseException, command: list[str]) -> str:
    trace = "".join(traceback.format_exception(type(error), error, error.__traceback__))
    facts = {
        "command": shlex.join(["tflconv", *command[1:]]),
        "python": f"{platform.python_version()} on {platform.platform()}",
        **{name: version or "missing" for name, version in versions(*_PACKAGES).items()},
    }
    text = "\n".join(
        [*(f"{name}: {value}" for name, value in facts.items()), "", trace[-_LONGEST:]]
    )
    return text.replace(str(Path.home()), "~") if "HOME" in os.environ else text


def _written(report: str) -> Path:
    """Write ``report`` into the first folder that can be written to, and return its path."""
    name = f"{datetime.now(timezone.utc):%Y%m%d-%H%M%S}-{os.getpid()}.txt"
    content = report.encode(errors="backslashreplace").decode()
    for folder in _folders():
        with contextlib.suppress(OSError, TflconvError):
            path = write_text(folder / name, content)
            _prune(folder)
            return path
    raise TflconvError("no folder for a report.")


def _folders() -> Iterator[Path]:
    yield cache_dir("reports")
    yield Path(tempfile.gettempdir()) / "tflconv-reports"


def _prune(folder: Path) -> None:
    for path in sorted(folder.glob("*.txt"))[:-KEPT]:
        path.unlink(missing_ok=True)
