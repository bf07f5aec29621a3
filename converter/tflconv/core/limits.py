"""Limits of the process while it opens and traces a foreign model.

They hold only in a process of our own, which ``cli.wall`` or ``workers`` started: a limit that is
passed ends the process by a signal, and a user's own process is not ours to end. Elsewhere the
block runs without limits.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from tflconv.errors import TflconvError

if sys.platform != "win32":
    import resource

VARIABLE = "TFLCONV_TRUST"
"""The environment variable that lifts the limits, for files that are trusted."""

SECONDS, READING_SECONDS = 600, 20
"""CPU time for opening a model, and for reading it as data, and a second more per megabyte.

HDF5 runs for ever over some damaged files.
"""

MEMORY, PER_CORE = 6 << 30, 160 << 20
"""Address space beyond what the process has already, and 16 times the size of the file.

Each core has a thread of TensorFlow, whose stack and heap take address space before they are used.
"""

FILES = 2 << 30
"""Size of a file that is written, such as a clean copy, and 12 times the size of the model."""

_GPUS = ("/dev/nvidiactl", "/dev/kfd")
"""Where these are, drivers take address space by the terabyte, so that it says nothing."""

_JUDGED = ~0 << 3
"""The clock of this process by which Linux judges its CPU time (CPUCLOCK_PROF).

It counts who runs at each tick, and may be minutes away from what was really used, either way.
"""

_kept = False


def trusting() -> bool:
    """Return whether the user lifts the limits."""
    return os.environ.get(VARIABLE, "0") not in ("", "0")


def keep() -> None:
    """Hold the limits in this process from here on: it is one of our own."""
    global _kept
    _kept = sys.platform == "linux" and not trusting()


@contextlib.contextmanager
def limited(path: Path | None = None, *, seconds: int | None = None) -> Iterator[None]:
    """Limit address space, CPU time and sizes of files within the block.

    Args:
        path: The model that is opened or traced, if it is a file.
        seconds: CPU time, beside the second per megabyte; by default ``SECONDS``.

    Raises:
        TflconvError: There is not as much memory.
    """
    if not _kept:
        yield
        return
    size = _size(path)
    new = {
        resource.RLIMIT_CPU: _cpu_seconds() + (seconds or SECONDS) + (size >> 20),
        resource.RLIMIT_FSIZE: FILES + 12 * size,
    }
    if not any(Path(gpu).exists() for gpu in _GPUS):
        new[resource.RLIMIT_AS] = _address_space() + _memory(size)
    before = {kind: resource.getrlimit(kind) for kind in new}
    try:
        for kind, most in new.items():
            _lower(kind, most)
        yield
    except MemoryError as error:
        raise TflconvError(
            f"{path or 'the model'} takes more than {_memory(size) >> 30} GB to open.",
            hint=f"If you trust it, {VARIABLE}=1 lifts the limits.",
        ) from error
    finally:
        for kind, pair in before.items():
            resource.setrlimit(kind, pair)


def _memory(size: int) -> int:
    return MEMORY + PER_CORE * (os.cpu_count() or 1) + 16 * size


def _lower(kind: int, most: int) -> None:
    soft, hard = resource.getrlimit(kind)
    present = [limit for limit in (soft, hard) if limit != resource.RLIM_INFINITY]
    resource.setrlimit(kind, (min([most, *present]), hard))


def _cpu_seconds() -> int:
    return int(time.clock_gettime(_JUDGED)) + 1


def _address_space() -> int:
    return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()


def _size(path: Path | None) -> int:
    if path is None:
        return 0
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if file.is_file())
