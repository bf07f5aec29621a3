"""An adb server whose phones are in the states that a test phone cannot be in.

It speaks the protocol between adb's client and server (``docs/dev/services.md`` of adb): a request
is four hex digits of length and a service, the answer is OKAY or FAIL. A genuine adb client talks
to it through ``ANDROID_ADB_SERVER_PORT``. A usable phone takes ``delay`` seconds for a command,
prints ``output`` and says that it went well, or vanishes in the middle of it. A phone that is
``away`` is known only after ``adb connect``.
"""

from __future__ import annotations

import contextlib
import re
import socketserver
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

VERSION = 41
STDOUT, STDERR, EXIT = 1, 2, 3
UNAUTHORIZED = (
    "device unauthorized.\nThis adb server's $ADB_VENDOR_KEYS is not set\n"
    "Try 'adb kill-server' if that seems wrong.\n"
    "Otherwise check for a confirmation dialog on your device."
)


@dataclass(frozen=True)
class FakePhone:
    """One line of ``adb devices -l``, and how it behaves."""

    serial: str
    state: str = "device"
    delay: float = 0
    vanishes: bool = False
    features: str = "shell_v2,cmd,stat_v2"
    output: str = ""
    away: bool = False

    @property
    def line(self) -> str:
        return f"{self.serial:22s} {self.state} transport_id:1\n"

    @property
    def refusal(self) -> str:
        return UNAUTHORIZED if self.state == "unauthorized" else f"device {self.state}"


@contextlib.contextmanager
def serve(
    *phones: FakePhone, version: int = VERSION, obeys: bool = True, log: list[str] | None = None
) -> Iterator[int]:
    """Run a server that knows ``phones``; gives its port on the loopback.

    What the phones are told is written to ``log``.

    A client of another ``version`` tells it to end, and then starts one of its own at the port;
    a server of another user's does not obey.
    """

    class Handler(_Handler):
        known = phones
        speaks = version
        ends = obeys
        connected: ClassVar[set[str]] = set()
        commands: ClassVar[list[str]] = [] if log is None else log

    with _Server(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True


class _Handler(socketserver.StreamRequestHandler):
    known: tuple[FakePhone, ...] = ()
    speaks = VERSION
    ends = True
    connected: ClassVar[set[str]] = set()
    commands: ClassVar[list[str]] = []

    def handle(self) -> None:
        service = self._request()
        found = re.fullmatch(r"host:(tport:serial|transport):(.*)", service)
        if found is None:
            self._about(service)
        elif phone := self._choose(found[2]):
            self.wfile.write((1).to_bytes(8, "little") if found[1] == "tport:serial" else b"")
            self._shell(phone, self._request())

    def _request(self) -> str:
        return self.rfile.read(int(self.rfile.read(4) or b"0", 16)).decode()

    def _about(self, service: str) -> None:
        if service == "host:version":
            self._answer(f"{self.speaks:04x}")
        elif service == "host:kill" and self.ends:
            self.server.shutdown()
            self.server.server_close()
            self.wfile.write(b"OKAY")
        elif service in ("host:devices", "host:devices-l"):
            self._answer("".join(phone.line for phone in self._present()))
        elif service.startswith("host:connect:"):
            self.connected.add(service.removeprefix("host:connect:"))
            self._answer("connected")
        elif service.endswith("features"):
            phone = self._find(re.sub(r"^host-serial:(.*):features$", r"\1", service))
            self._answer(phone.features) if phone else self._fail("device not found")
        else:
            self._fail(f"unknown host service '{service}'")

    def _choose(self, serial: str) -> FakePhone | None:
        phone = self._find(serial)
        if phone is None:
            self._fail(f"device '{serial}' not found")
        elif phone.state != "device":
            self._fail(phone.refusal)
        else:
            self.wfile.write(b"OKAY")
            return phone
        return None

    def _find(self, serial: str) -> FakePhone | None:
        return next((phone for phone in self._present() if phone.serial == serial), None)

    def _present(self) -> list[FakePhone]:
        return [one for one in self.known if not one.away or one.serial in self.connected]

    def _shell(self, phone: FakePhone, service: str) -> None:
        self.wfile.write(b"OKAY")
        self.commands.append(service)
        time.sleep(phone.delay)
        if phone.vanishes:
            return
        mark = re.search(r'echo "(\S+) \$code"', service)
        self._packet(STDOUT, phone.output.encode())
        self._packet(STDERR, f"{mark[1]} 0\n".encode() if mark else b"")
        self._packet(EXIT, b"\0")

    def _packet(self, kind: int, content: bytes) -> None:
        self.wfile.write(bytes([kind]) + len(content).to_bytes(4, "little") + content)

    def _answer(self, text: str) -> None:
        self.wfile.write(b"OKAY" + f"{len(text.encode()):04x}{text}".encode())

    def _fail(self, text: str) -> None:
        self.wfile.write(b"FAIL" + f"{len(text.encode()):04x}{text}".encode())
