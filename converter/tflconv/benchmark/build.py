"""Build the harness with the system's C compiler or with the one in the package ziglang.

A build is kept in the user's cache under the hash of its sources, its flags and its compiler, so it
is made once and never gets stale. What the cache holds is checked by its hash before it runs.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

from tflconv.benchmark import bionic
from tflconv.core import resources
from tflconv.core.files import cache_dir, sha256_file, sha256_json
from tflconv.core.private import environment
from tflconv.core.store import Store
from tflconv.device import compiler
from tflconv.device.complaints import first_error
from tflconv.errors import TflconvError

FLAGS = ("-std=c11", "-D_GNU_SOURCE", "-O2", "-Wall", "-Wextra")
LIBRARIES = ("-ldl", "-lm")
ZIG_TARGETS = {
    "x86_64-linux": "x86_64-linux-gnu.2.27",
    "aarch64-linux": "aarch64-linux-gnu.2.27",
    "x86_64-darwin": "x86_64-macos.12.0",
    "arm64-darwin": "aarch64-macos.12.0",
}
"""Targets whose C library is old enough for every system that LiteRT's wheels run on."""

ANDROID = "aarch64-android"
_PROGRAM = "harness"


def for_host() -> Path:
    """Return the harness for this computer, built unless it is in the cache.

    Raises:
        TflconvError: There is no C compiler, or it fails.

    """
    command = compiler.find()
    if command is None:
        raise TflconvError("cannot build the harness: no C compiler found.", hint=compiler.GET)
    return _cached(command, lambda output: _compile(command, output))


def cross(abi: str) -> Path:
    """Return the harness for another ABI, built by zig unless it is in the cache.

    Args:
        abi: ``aarch64-android`` or a key of ``ZIG_TARGETS``.

    Raises:
        TflconvError: The package ziglang is not installed, or the build fails.

    """
    if not compiler.has_zig():
        raise TflconvError(
            f"cannot build the harness for {abi}: the package ziglang is not installed.",
            hint="Run: python -m pip install 'tflconv[zig]'",
        )
    return _cached([*compiler.zig(), abi], lambda output: cross_build(abi, output))


def cross_build(abi: str, output: Path) -> None:
    """Build the harness for ``abi`` with zig; equal sources and an equal zig give equal bytes."""
    if abi == ANDROID:
        start = resources.harness_dir() / "bionic" / "start.c"
        bionic.build(_run_zig, [*sources(), start], _PLAIN, output)
    else:
        _compile([*compiler.zig(), "cc", "-pie", "-target", ZIG_TARGETS[abi]], output)


_PLAIN = (*FLAGS, "-fno-sanitize=all", "-g0")


def sources() -> list[Path]:
    """Return the C files of the harness, sorted."""
    return sorted((resources.harness_dir() / "src").glob("*.c"))


def digest() -> str:
    """Return one SHA-256 of all sources and flags that the harness is built from."""
    folder = resources.harness_dir()
    files = sorted([*folder.glob("src/*.[ch]"), *folder.glob("bionic/*.c")])
    flags = [_PLAIN, LIBRARIES, ZIG_TARGETS, bionic.COMPILE, bionic.LINK]
    return sha256_json([flags, {file.name: sha256_file(file) for file in files}])


def _cached(recipe: Sequence[str], build: Callable[[Path], None]) -> Path:
    def build_into(folder: Path) -> None:
        build(folder / _PROGRAM)
        (folder / _PROGRAM).chmod(0o755)

    inputs = {"sources": digest(), "recipe": list(recipe)}
    return Store(cache_dir("")).fetch("harness", inputs, build_into).path / _PROGRAM


def _compile(command: Sequence[str], output: Path) -> None:
    files = map(str, sources())
    run([*command, *_PLAIN, "-s", "-o", str(output), *files, *LIBRARIES])


def _run_zig(*arguments: str) -> None:
    run([*compiler.zig(), *arguments])


def run(command: Sequence[str]) -> None:
    """Run a compiler or linker; raise ``TflconvError`` with its first error if it fails."""
    done = subprocess.run(command, capture_output=True, text=True, env=environment())
    if done.returncode != 0:
        tool = " ".join(word for word in command[:4] if not word.startswith("-"))
        raise TflconvError(f"cannot build the harness ({tool}): {first_error(done.stderr)}")
