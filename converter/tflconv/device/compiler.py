"""Find a C compiler on this computer: the system's, or the one in the package ziglang."""

from __future__ import annotations

import os
import shutil
import sys
from importlib.util import find_spec

GET = "Install a C compiler (Debian: sudo apt-get install gcc), or: pip install 'tflconv[zig]'"


def find() -> tuple[str, ...] | None:
    """Return the command of ``$CC``, cc, gcc, clang or ziglang, the first that is installed."""
    for name in (os.environ.get("CC", ""), "cc", "gcc", "clang"):
        if name and (path := shutil.which(name)):
            return (path,)
    return (*zig(), "cc") if has_zig() else None


def has_zig() -> bool:
    """Return whether the package ziglang is installed."""
    return find_spec("ziglang") is not None


def zig() -> tuple[str, ...]:
    """Return the command of the toolchain in the package ziglang."""
    return (sys.executable, "-m", "ziglang")
