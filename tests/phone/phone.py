"""Start, trouble and stop one test phone."""

from __future__ import annotations

import contextlib
import functools
import json
import select
import shutil
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

from phone import rootfs
from phone.profile import Profile
from tflconv.device import parse
from tflconv.device.adb import program

SECONDS = 60
"""How long a phone may take to start, to answer, or to end; a busy machine needs a few."""

_PATH = "/system/bin:/usr/bin:/usr/sbin"


class Phone:
    """A running phone; ``serial`` is what ``adb connect`` and ``adb -s`` take."""

    def __init__(self, profile: Profile | None = None) -> None:
        self.profile = profile or Profile()
        self.folder = Path(tempfile.mkdtemp(prefix="phone."))
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.serial = f"127.0.0.1:{self.listener.getsockname()[1]}"
        self.log = self.folder / "log"
        self._switch_on()

    def __enter__(self) -> Phone:
        return self

    def __exit__(self, *_: object) -> None:
        """Switch it off, whatever state it is in."""
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        try:
            self.process.wait(SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()  # and with unshare goes the namespace, with all that runs in it
            self.process.wait()
        self.process.stdout.close()
        self.listener.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def tell(self, command: str) -> str:
        """Cause a fault, or ask for the count of bytes received: see ``init``."""
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        return self._answer(f"'{command}' was not answered")

    @property
    def received(self) -> int:
        """Bytes that came to the phone since it was switched on."""
        return int(self.tell("count").split()[0])

    @property
    def sent(self) -> int:
        """Bytes that the phone has sent since it was switched on."""
        return int(self.tell("count").split()[1])

    def _switch_on(self) -> None:
        plan = {
            "folder": str(self.folder),
            "rootfs": str(rootfs.assemble()),
            "qemu": static_qemu(),
            "listener": self.listener.fileno(),
            "port": self.listener.getsockname()[1],  # ephemeral: far from the emulators' 5554-5585
            "environment": {"PATH": _PATH, "QEMU_CPU": self.profile.core, "HOME": "/tmp"},
            "applets": self.profile.applets,
            "files": self.profile.files,
            "allowed": parse.cpu_list(self.profile.allowed),
            "data_options": self.profile.data_options,
        }
        init = Path(__file__).with_name("init.py")
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [*_UNSHARE, sys.executable, "-I", init, json.dumps(plan)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                pass_fds=(self.listener.fileno(),),
            )
        try:
            self._answer("it did not start")
        except RuntimeError:
            self.__exit__()
            raise

    def _answer(self, otherwise: str) -> str:
        """The next line that the phone's first process says, unless it is silent for long."""
        told, _, _ = select.select([self.process.stdout], [], [], SECONDS)
        answer = self.process.stdout.readline().strip() if told else ""
        if not answer:
            raise RuntimeError(f"phone: {otherwise}:\n{self.log.read_text(errors='replace')}")
        return answer


_UNSHARE = (
    *("unshare", "--user", "--map-root-user", "--mount", "--net", "--pid"),
    *("--fork", "--kill-child", "--mount-proc"),
)


def adb(*arguments: str) -> None:
    """A command to the adb server; it may start one that outlives it, so nothing is piped."""
    command = [program(), *arguments]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    subprocess.run(command, timeout=SECONDS, check=False, **quiet)


@functools.cache
def missing() -> str | None:
    """Why no phone can be started on this machine, or None."""
    for tool in ("unshare", "dpkg-deb", "apt-get"):
        if shutil.which(tool) is None:
            return f"no {tool} on PATH"
    if static_qemu() is None:
        return "no statically linked qemu-aarch64 (Debian: qemu-user-static)"
    if rootfs.mirror() is None:
        return "apt on this machine has no Debian mirror"
    mount = ["mount", "-t", "binfmt_misc", "binfmt_misc", "/proc/sys/fs/binfmt_misc"]
    trial = subprocess.run([*_UNSHARE, *mount], capture_output=True, text=True, timeout=SECONDS)
    if trial.returncode:
        return f"no binfmt_misc in a user namespace (Linux 6.7 has it): {trial.stderr.strip()}"
    return None


def static_qemu() -> str | None:
    """Path of a qemu-aarch64 that needs no libraries, so that it works inside a foreign root."""
    for name in ("qemu-aarch64-static", "qemu-aarch64"):
        path = shutil.which(name)
        if path and b"ld-linux" not in Path(path).read_bytes()[:4096]:
            return path
    return None
