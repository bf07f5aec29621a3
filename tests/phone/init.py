"""The phone's first process: it builds the root out of mounts, starts adbd and carries its bytes.

It runs as root of a fresh user, mount, network and process namespace, and everything it makes goes
with them. The network has only a loopback, so nobody else can reach adbd; the one way in is the
listening socket that this process inherited from outside. A byte that passes is counted.

Commands on stdin cause the faults: ``kill`` adbd and what it runs, ``start`` it again, ``cut`` the
connections, ``freeze`` and ``thaw`` everything. When stdin ends, the phone is switched off.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

START_SECONDS = 40
ADBD = "/usr/lib/android-sdk/platform-tools/adbd"
BINFMT = Path("/proc/sys/fs/binfmt_misc")
AARCH64_ELF = (
    rb"\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00",
    rb"\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff",
)


def main() -> None:
    plan = json.loads(sys.argv[1])
    root = Path(plan["folder"]) / "root"
    build_root(root, plan)
    register_qemu(plan["qemu"])
    raise_loopback()
    signal.signal(signal.SIGCHLD, bury_orphans)
    os.sched_setaffinity(0, plan["allowed"])
    daemon = Daemon(root, plan["environment"], plan["port"])
    carrier = Carrier(socket.socket(fileno=plan["listener"]), plan["port"])
    answer("ready")
    for line in sys.stdin:
        command = line.strip()
        if command in ("cut", "count"):
            answer(getattr(carrier, command)())
        else:
            getattr(daemon, command)()
            answer("ok")
    os._exit(0)


def bury_orphans(*_: object) -> None:
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def answer(text: str) -> None:
    print(text, flush=True)


def build_root(root: Path, plan: dict[str, Any]) -> None:
    """Mount the read-only system, a small writable /data, and what the profile puts over them."""
    root.mkdir()
    mount("-t", "tmpfs", "-o", "mode=755", "phone", root)
    for name in ("usr", "dev/pts", "proc", "sys", "system", "data/local/tmp", "tmp", "etc"):
        (root / name).mkdir(parents=True)
    mount("--bind", "-o", "ro", Path(plan["rootfs"]) / "usr", root / "usr")
    for name in ("bin", "lib", "sbin"):
        (root / name).symlink_to("system/bin" if name == "bin" else f"usr/{name}")
    for name in ("null", "zero", "random", "urandom"):
        (root / "dev" / name).touch()
        mount("--bind", f"/dev/{name}", root / "dev" / name)
    mount("-t", "devpts", "-o", "newinstance,ptmxmode=0666", "devpts", root / "dev/pts")
    (root / "dev/ptmx").symlink_to("pts/ptmx")
    mount("-t", "proc", "proc", root / "proc")
    mount("-t", "tmpfs", "-o", plan["data_options"], "data", root / "data/local/tmp")
    write_files(root, plan)


def write_files(root: Path, plan: dict[str, Any]) -> None:
    tools = root / "system/bin"
    tools.mkdir()
    for applet in plan["applets"]:
        (tools / applet).symlink_to("/usr/bin/busybox")
    for name, text in plan["files"].items():
        target = root / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)
        target.write_text(text)
        target.chmod(0o755)
    mount("--bind", root / "etc/cpuinfo", root / "proc/cpuinfo")


def register_qemu(qemu: str) -> None:
    """Let this namespace's kernel run arm64 programs; F opens qemu now, outside the new root."""
    mount("-t", "binfmt_misc", "binfmt_misc", BINFMT)
    magic, mask = AARCH64_ELF
    rule = b":qemu-aarch64:M::" + magic + b":" + mask + b":" + qemu.encode() + b":PF"
    (BINFMT / "register").write_bytes(rule)


def raise_loopback() -> None:
    set_flags, up_and_running = 0x8914, 0x41
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        fcntl.ioctl(control, set_flags, struct.pack("16sh22x", b"lo", up_and_running))


def mount(*arguments: str | Path) -> None:
    subprocess.run(["mount", *arguments], check=True)


class Daemon:
    """adbd in its root, which can be killed, started again, frozen and thawed."""

    def __init__(self, root: Path, environment: dict[str, str], port: int) -> None:
        self.command = ["/usr/sbin/chroot", root, ADBD]
        self.environment = environment | {"ADBD_PORT": str(port)}
        self.port = port
        self.start()

    def start(self) -> None:
        self.process = subprocess.Popen(
            self.command, env=self.environment, stdin=subprocess.DEVNULL, stdout=sys.stderr
        )
        end = time.monotonic() + START_SECONDS
        while not connects(self.port):
            if self.process.poll() is not None:
                sys.exit(f"adbd ended with {self.process.returncode}")
            if time.monotonic() > end:
                sys.exit(f"adbd does not listen after {START_SECONDS} s")
            time.sleep(0.02)

    def kill(self) -> None:
        self._signal_everybody(signal.SIGKILL)
        self.process.wait()

    def freeze(self) -> None:
        self._signal_everybody(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal_everybody(signal.SIGCONT)

    def _signal_everybody(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(-1, number)  # everybody but the first process itself


class Carrier:
    """Carries bytes between the inherited socket, which is outside, and adbd, which is inside."""

    def __init__(self, listener: socket.socket, port: int) -> None:
        self.listener = listener
        self.port = port
        self.open: set[socket.socket] = set()
        self.carried = [0, 0]
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> str:
        """Break every connection in the middle of whatever it carries."""
        for victim in list(self.open):
            with contextlib.suppress(OSError):
                victim.shutdown(socket.SHUT_RDWR)
        return "ok"

    def count(self) -> str:
        """Bytes that came from the adb server and that went to it so far."""
        return " ".join(map(str, self.carried))

    def _accept(self) -> None:
        while True:
            outside, _ = self.listener.accept()
            try:
                inside = socket.create_connection(("127.0.0.1", self.port))
            except OSError:
                outside.close()
                continue
            self.open |= {outside, inside}
            threading.Thread(target=self._carry, args=(outside, inside, 0), daemon=True).start()
            threading.Thread(target=self._carry, args=(inside, outside, 1), daemon=True).start()

    def _carry(self, source: socket.socket, target: socket.socket, way: int) -> None:
        with contextlib.suppress(OSError):
            while block := source.recv(1 << 16):
                self.carried[way] += len(block)
                target.sendall(block)
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        self.open -= {source, target}


def connects(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=5):
        return True
    return False


if __name__ == "__main__":
    main()
