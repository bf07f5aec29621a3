"""Building the harness: with the system's C compiler, or with the one in the package ziglang.

A build lands in the user's cache under the hash of its sources, its flags and its compiler, so it
happens once and never gets stale.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import platformdirs

from tflconv import resources
from tflconv.errors import TflconvError
from tflconv.files import replacing_file, sha256_file, sha256_json

FLAGS = ("-std=c11", "-D_GNU_SOURCE", "-O2", "-Wall", "-Wextra")
LIBRARIES = ("-ldl", "-lm")


@dataclass(frozen=True)
class Compiler:
    """A C compiler as a command line, with what makes it build for a target."""

    argv: tuple[str, ...]

    def build(self, sources: Sequence[Path], output: Path) -> None:
        """Compile and link ``sources``. Raises ``TflconvError`` with what the compiler said."""
        command = [*self.argv, *FLAGS, "-s", "-o", str(output), *map(str, sources), *LIBRARIES]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise TflconvError(
                f"cannot build the harness with {self.argv[0]}: {_first_error(done.stderr)}"
            )


def native() -> Compiler | None:
    """``$CC``, cc, gcc, clang or ziglang, whichever is there first."""
    wanted = os.environ.get("CC", "").split()
    if wanted and shutil.which(wanted[0]):
        return Compiler(tuple(wanted))
    for name in ("cc", "gcc", "clang"):
        if path := shutil.which(name):
            return Compiler((path,))
    return zig()


def zig(target: str | None = None) -> Compiler | None:
    """The C compiler in the package ziglang, if it is installed."""
    if find_spec("ziglang") is None:
        return None
    argv = (sys.executable, "-m", "ziglang", "cc")
    return Compiler((*argv, "-target", target) if target else argv)


def sources() -> list[Path]:
    """The harness's C files, sorted."""
    return sorted((resources.harness_dir() / "src").glob("*.c"))


def digest() -> str:
    """One hash for all sources and headers of the harness."""
    files = sorted((resources.harness_dir() / "src").glob("*.[ch]"))
    return sha256_json({file.name: sha256_file(file) for file in files})


def cached(compiler: Compiler) -> Path:
    """The harness built by ``compiler``, from the cache or fresh."""
    key = sha256_json([digest(), FLAGS, LIBRARIES, compiler.argv])[:16]
    target = cache() / key / "harness"
    if not target.is_file():
        with replacing_file(target) as temporary:
            compiler.build(sources(), temporary)
            temporary.chmod(0o755)
        target.chmod(0o755)
    return target


def cache() -> Path:
    """Where builds are kept; ``TFLCONV_CACHE_DIR`` moves it."""
    root = os.environ.get("TFLCONV_CACHE_DIR") or platformdirs.user_cache_dir("tflconv")
    return Path(root) / "harness"


def _first_error(stderr: str) -> str:
    lines = [line for line in stderr.splitlines() if "error" in line]
    return (lines or stderr.splitlines() or ["it said nothing"])[0]
