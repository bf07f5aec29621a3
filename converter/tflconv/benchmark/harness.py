"""The native harness on a device: find or build it, bring it there, start it, hear it out.

Both sides say which protocol they speak before anything is measured. Every way in which a native
program can end badly becomes one message here.
"""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tflconv._version import __version__
from tflconv.benchmark import build, complaints, prebuilt, protocol
from tflconv.benchmark.protocol import PROTOCOL, Conversation
from tflconv.core.diagnosis import Requirement
from tflconv.core.files import sha256_file
from tflconv.device import compiler, host
from tflconv.device.interface import Completed, Device, Runtime
from tflconv.errors import DeviceError, TflconvError, TimeUp
from tflconv.results import Software

EXIT_MODEL, EXIT_RUN, EXIT_INPUT = 11, 12, 13
"""Exit codes of the harness for which a file is to blame, not the device."""
ANSWER_SECONDS = 10.0
"""How long a device may take to show that it is still there."""

_CRASHES = ("SIGABRT", "SIGBUS", "SIGFPE", "SIGILL", "SIGSEGV", "SIGTRAP", "SIGKILL")
"""Signals that end a process over what it was given: wrong data, or too much."""


def binary(abi: str) -> Path:
    """The harness for x86_64-linux, aarch64-linux or aarch64-android."""
    if abi == host.abi():
        return build.for_host()
    return prebuilt.find(abi) or build.cross(abi)


@dataclass(frozen=True, kw_only=True)
class Harness:
    """The harness and LiteRT, installed on a device."""

    device: Device
    runtime: Runtime
    path: str
    software: Software

    def argv(self, **flags: object) -> list[str]:
        """The command line for ``flags``, which are those of the harness without ``--``."""
        given = {"protocol": PROTOCOL, "runtime": self.runtime.path} | flags
        return [*self.runtime.launcher, self.path, *_flags(given)]

    def hear(self, argv: Sequence[str], *, subject: str, timeout: float) -> Conversation:
        """Run one process to its end and return what it said; errors begin with ``subject``."""
        with self.patience(subject, timeout):
            completed = self.device.shell(argv, timeout=timeout)
        return checked(completed, subject=subject)

    @contextlib.contextmanager
    def patience(self, subject: str, timeout: float) -> Iterator[None]:
        """Say of what takes too long what it is, and how to wait longer.

        A device that does not answer any more is lost: its own error stands.
        """
        try:
            yield
        except TimeUp as error:
            self.device.shell(["true"], timeout=ANSWER_SECONDS)
            raise TflconvError(
                f"{subject}: it did not end within {timeout:g} s.",
                hint="Give it longer with --timeout SECONDS, or ask for fewer --num-runs.",
            ) from error


def install(device: Device) -> Harness:
    """Bring LiteRT and the harness that can load it to ``device``."""
    runtime = device.runtime()
    program = binary(runtime.abi)
    return Harness(
        device=device,
        runtime=runtime,
        path=device.push(program, executable=True),
        software=Software(name="harness", version=__version__, sha256=sha256_file(program)),
    )


def checked(completed: Completed, *, subject: str) -> Conversation:
    """The conversation of a process that ended well; the error of one that did not."""
    code = completed.returncode
    if name := _signal(code):
        kind = TflconvError if name in _CRASHES else DeviceError
        raise kind(
            f"{subject}: the harness was ended by {name}{_why(completed)}.",
            hint="SIGKILL: the device ran out of memory, or somebody ended it. SIGSEGV, SIGABRT:"
            " LiteRT crashed, most likely over a damaged model.",
        )
    conversation = protocol.parse(completed.stdout)
    _check_protocol(conversation, completed, subject)
    if error := conversation.error:
        kind = TflconvError if code in (EXIT_MODEL, EXIT_RUN, EXIT_INPUT) else DeviceError
        raise kind(f"{subject}: {error.message}{_why(completed)}.")
    if code != 0 or conversation.end is None:
        raise DeviceError(
            f"{subject}: the harness stopped early (code {code}): {_last(completed)}."
        )
    return conversation


def diagnose() -> list[Requirement]:
    """What measuring on this computer needs."""
    command = compiler.find()
    return [
        *host.diagnose(),
        Requirement(
            subject="C compiler",
            ok=command is not None,
            detail=" ".join(command) if command else "neither cc nor ziglang",
            needed_for="building the harness for this computer",
            hint=compiler.GET,
        ),
    ]


def _flags(values: Mapping[str, object]) -> list[str]:
    return [f"--{name}={_text(value)}" for name, value in values.items() if value is not None]


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _signal(code: int) -> str | None:
    """The name of the signal behind a return code, as Python (-9) or a shell (137) gives it."""
    number = -code if code < 0 else code - 128
    try:
        return signal.Signals(number).name
    except ValueError:
        return None


def _why(completed: Completed) -> str:
    """The reason that LiteRT printed, to follow what the harness says."""
    reason = complaints.reason(completed.stderr)
    return f": {reason}" if reason else ""


def _check_protocol(conversation: Conversation, completed: Completed, subject: str) -> None:
    hello = conversation.hello
    if hello is None:
        raise DeviceError(f"{subject}: the harness did not start: {_last(completed)}.")
    if hello.protocol != PROTOCOL:
        raise DeviceError(
            f"{subject}: the harness there speaks protocol {hello.protocol},"
            f" this tflconv speaks {PROTOCOL}.",
            hint="tflconv devices clean removes an old one.",
        )


def _last(completed: Completed) -> str:
    lines = (completed.stderr or completed.stdout).strip().splitlines()
    return lines[-1].strip() if lines else "it said nothing"
