"""Count the instructions of each inference with a QEMU plugin (``qemu/count.c``).

The harness marks the start and the end of each inference with an instruction that does nothing; the
plugin writes one line of counts per marked inference. The plugin is compiled on first use, for the
plugin interface of the installed QEMU, by any C compiler or by the one in the package ziglang.
"""

from __future__ import annotations

import platform
import subprocess
from pathlib import Path

from tflconv.core import resources
from tflconv.core.files import cache_dir, sha256_file
from tflconv.core.private import environment
from tflconv.core.store import Store
from tflconv.device import compiler
from tflconv.device.arm64.qemu import GET_PLUGINS, NO_PLUGINS, Qemu
from tflconv.device.complaints import first_error
from tflconv.errors import DeviceError
from tflconv.results import Instructions

FLAGS = ("-std=gnu11", "-O2", "-shared", "-fPIC", "-fvisibility=hidden")


def plugin(qemu: Qemu) -> Path:
    """Return the plugin for ``qemu``, compiled unless it is in the cache.

    Raises:
        DeviceError: QEMU supports no plugins, or there is no C compiler.

    """
    if not qemu.has_plugins:
        raise DeviceError(f"{NO_PLUGINS}.", hint=GET_PLUGINS)
    api = qemu.plugin_api
    inputs = {"source": sha256_file(source()), "api": api, "machine": platform.machine()}
    entry = Store(cache_dir("arm64")).fetch("plugin", inputs, lambda folder: _build(folder, api))
    return entry.path / "count.so"


def source() -> Path:
    """Return the C file of the plugin."""
    return resources.harness_dir() / "qemu" / "count.c"


def option(plugin_file: Path, counts: Path) -> str:
    """Return the value of QEMU's ``-plugin`` that writes to ``counts``; commas are doubled.

    Example:
        >>> option(Path("count.so"), Path("a,b"))
        'count.so,out=a,,b'

    """
    return ",".join(str(part).replace(",", ",,") for part in (plugin_file, f"out={counts}"))


def parse(text: str) -> tuple[Instructions, ...]:
    """Parse the output of the plugin, one line per inference."""
    return tuple(_instructions(line) for line in text.splitlines())


def _instructions(line: str) -> Instructions:
    total, sdot, fmla, smull, memory, simd = (int(word) for word in line.split())
    return Instructions(
        total=total, sdot=sdot, fmla=fmla, smull=smull, memory=memory, simd=simd, source="qemu"
    )


def _build(folder: Path, api: int) -> None:
    command = compiler.find()
    if command is None:
        raise DeviceError("there is no C compiler for the QEMU plugin.", hint=compiler.GET)
    target = [f"-DQEMU_PLUGIN_API={api}", "-o", str(folder / "count.so"), str(source())]
    words = [*command, *FLAGS, *target]
    done = subprocess.run(words, capture_output=True, text=True, env=environment())
    if done.returncode:
        reason = first_error(done.stderr)
        raise DeviceError(f"cannot compile the QEMU plugin: {reason}", hint=compiler.GET)
