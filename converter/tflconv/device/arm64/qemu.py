"""QEMU's user emulation: it runs an arm64 program on this computer's kernel."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from tflconv.device.arm64.cores import Core
from tflconv.errors import DeviceError

PROGRAMS = ("qemu-aarch64", "qemu-aarch64-static")
GET_QEMU = (
    "Debian and Ubuntu: sudo apt-get install qemu-user."
    " Anywhere else use the container of docs/emulator.md."
)
NO_PLUGINS = "this qemu was built without plugins, so it runs models but counts no instructions"
GET_PLUGINS = (
    "The qemu-user of Debian 12 has them (qemu-aarch64 --help lists -plugin),"
    " and so has the container of docs/emulator.md."
)


@dataclass(frozen=True)
class Qemu:
    """A ``qemu-aarch64`` program, which is asked once for its version and abilities."""

    path: Path

    @cached_property
    def version(self) -> str:
        """Its version, such as ``7.2.22``. Raises ``DeviceError`` if it does not print one."""
        match = re.search(r"version (\d+\.\d+[.\d]*)", self._output("--version"))
        if not match:
            raise DeviceError(f"{self.path} does not print its version.", hint=GET_QEMU)
        return match[1]

    @cached_property
    def has_plugins(self) -> bool:
        """Whether it can load plugins; Debian 13's static build cannot."""
        return re.search(r"^-plugin\b", self._output("--help"), re.MULTILINE) is not None

    @property
    def plugin_api(self) -> int:
        """Version of the plugin interface: 1 before 9.0, 2 for 9.0, 3 from 9.1 on."""
        major, minor = (int(number) for number in self.version.split(".")[:2])
        return 1 if major < 9 else 2 if (major, minor) == (9, 0) else 3

    def command(
        self, core: Core, sysroot: Path, argv: Sequence[str], *, plugin: str | None = None
    ) -> list[str]:
        """Return the command line that runs an arm64 program.

        Args:
            core: The core to emulate.
            sysroot: Folder that replaces ``/`` where it has a file.
            argv: The program and its arguments.
            plugin: Value of ``-plugin``, or None.

        """
        options = ["-L", str(sysroot), "-cpu", self._model(core)]
        clean = ["-U", "LD_PRELOAD", "-U", "LD_LIBRARY_PATH"]
        loaded = ["-plugin", plugin] if plugin else []
        return [str(self.path), *options, *clean, *loaded, *argv]

    def _model(self, core: Core) -> str:
        known = set(self._output("-cpu", "help").split())
        named = (model for model in core.models if model.partition(",")[0] in known)
        return next(named, core.models[-1])

    def _output(self, *arguments: str) -> str:
        command = [str(self.path), *arguments]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise DeviceError(f"{self.path} does not run: {error}.", hint=GET_QEMU) from error
        return done.stdout


def find() -> Qemu:
    """Return the qemu-aarch64 on PATH, preferably one with plugins.

    Raises:
        DeviceError: There is none.

    """
    programs = [Qemu(Path(path)) for path in map(shutil.which, PROGRAMS) if path]
    if not programs:
        raise DeviceError("there is no qemu-aarch64 on PATH.", hint=GET_QEMU)
    return next((qemu for qemu in programs if qemu.has_plugins), programs[0])
