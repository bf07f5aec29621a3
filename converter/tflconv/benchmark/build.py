"""Building the harness: with the system's C compiler, or with the one in the package ziglang.

A build lands in the user's cache under the hash of its sources, its flags and its compiler, so it
happens once and never gets stale.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

from tflconv.benchmark import bionic
from tflconv.core import resources
from tflconv.core.files import cache_dir, replacing_file, sha256_file, sha256_json
from tflconv.device import compiler
from tflconv.errors import TflconvError

FLAGS = ("-std=c11", "-D_GNU_SOURCE", "-O2", "-Wall", "-Wextra")
LIBRARIES = ("-ldl", "-lm")
ZIG_TARGETS = {"x86_64-linux": "x86_64-linux-gnu.2.27", "aarch64-linux": "aarch64-linux-gnu.2.27"}
"""Old enough a C library for every distribution that Python wheels of LiteRT run on."""

ANDROID = "aarch64-android"


def for_host() -> Path:
    """The harness for this computer, from the cache or fresh."""
    command = compiler.find()
    if command is None:
        raise TflconvError("no C compiler to build the harness with.", hint=compiler.GET)
    return _cached(command, lambda output: _compile(command, output))


def cross(abi: str) -> Path:
    """The harness for another ABI, built by zig, from the cache or fresh."""
    if not compiler.has_zig():
        raise TflconvError(
            f"no toolchain to build the harness for {abi} with.", hint="pip install 'tflconv[zig]'"
        )
    return _cached([*compiler.zig(), abi], lambda output: cross_build(abi, output))


def cross_build(abi: str, output: Path) -> None:
    """Build the harness for ``abi`` with zig: equal sources and zig, equal bytes."""
    if abi == ANDROID:
        start = resources.harness_dir() / "bionic" / "start.c"
        bionic.build(_run_zig, [*sources(), start], _PLAIN, output)
    else:
        _compile([*compiler.zig(), "cc", "-pie", "-target", ZIG_TARGETS[abi]], output)


_PLAIN = (*FLAGS, "-fno-sanitize=all", "-g0")


def sources() -> list[Path]:
    """The harness's C files, sorted."""
    return sorted((resources.harness_dir() / "src").glob("*.c"))


def digest() -> str:
    """One hash for all that the harness is built from."""
    folder = resources.harness_dir()
    files = sorted([*folder.glob("src/*.[ch]"), *folder.glob("bionic/*.c")])
    how = [_PLAIN, LIBRARIES, ZIG_TARGETS, bionic.COMPILE, bionic.LINK]
    return sha256_json([how, {file.name: sha256_file(file) for file in files}])


def _cached(recipe: Sequence[str], build: Callable[[Path], None]) -> Path:
    target = cache_dir("harness") / sha256_json([digest(), *recipe])[:16] / "harness"
    if not target.is_file():
        with replacing_file(target) as temporary:
            build(temporary)
        target.chmod(0o755)
    return target


def _compile(command: Sequence[str], output: Path) -> None:
    files = map(str, sources())
    run([*command, *_PLAIN, "-s", "-o", str(output), *files, *LIBRARIES])


def _run_zig(*arguments: str) -> None:
    run([*compiler.zig(), *arguments])


def run(command: Sequence[str]) -> None:
    """Run a compiler or linker; raises ``TflconvError`` with the first thing it complained of."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        tool = " ".join(word for word in command[:4] if not word.startswith("-"))
        raise TflconvError(f"cannot build the harness ({tool}): {_complaint(done.stderr)}")


def _complaint(stderr: str) -> str:
    lines = [line for line in stderr.splitlines() if "error" in line]
    return (lines or stderr.splitlines() or ["it said nothing"])[0]
