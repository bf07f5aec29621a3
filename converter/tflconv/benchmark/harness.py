"""The native harness on a device: find or build it, push it, run it, read its output.

Both sides compare their protocol versions before anything is measured. Every way in which a native
program can fail becomes one message here.
"""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tflconv._version import __version__
from tflconv.benchmark import build, litert_errors, prebuilt, protocol
from tflconv.benchmark.protocol import PROTOCOL, HarnessOutput
from tflconv.core.diagnosis import Requirement
from tflconv.core.files import sha256_file
from tflconv.device import compiler, host
from tflconv.device.adb_choice import REFUSALS
from tflconv.device.complaints import last_line
from tflconv.device.interface import Completed, Device, Runtime
from tflconv.errors import DeviceError, TflconvError, TimeUp
from tflconv.results import Software

EXIT_MODEL, EXIT_RUN, EXIT_INPUT = 11, 12, 13
"""Exit codes of the harness for which a file is to blame, not the device."""
ANSWER_SECONDS = 10.0
"""How long a device may take to show that it is still there."""

_FORBIDDEN = (
    "The device forbids it to run or to load programs there: SELinux says so in its log ('adb shell"
    " dmesg', avc: denied). Use a build that lets adb's shell user do so."
)
_CRASHES = ("SIGABRT", "SIGBUS", "SIGFPE", "SIGILL", "SIGSEGV", "SIGTRAP", "SIGKILL")
"""Signals that end a process over what it was given: wrong data, or too much."""


def binary(abi: str) -> Path:
    """Return the harness for an ABI, prebuilt or built now.

    Args:
        abi: ``x86_64-linux``, ``aarch64-linux`` or ``aarch64-android``.

    Raises:
        TflconvError: It must be built and there is no compiler, or the build fails.

    """
    if abi == host.abi():
        return build.for_host()
    return prebuilt.find(abi) or build.cross(abi)


def check(device: Device) -> None:
    """Raise what keeps the harness from running on ``device``, before anything is built.

    Raises:
        DeviceError: LiteRT is missing there, or nothing of the kind runs on this system.
        TflconvError: The harness must be built and there is no compiler.

    """
    if device.runtime().abi == host.abi() and compiler.find() is None:
        raise TflconvError("cannot build the harness: no C compiler found.", hint=compiler.GET)


@dataclass(frozen=True, kw_only=True)
class Harness:
    """The harness and LiteRT, installed on a device."""

    device: Device
    runtime: Runtime
    path: str
    software: Software

    def argv(self, **flags: object) -> list[str]:
        """Return the command line with ``flags``, which are those of the harness without ``--``."""
        values = {"protocol": PROTOCOL, "runtime": self.runtime.path} | flags
        return [*self.runtime.launcher, self.path, *_flags(values)]

    def run(self, argv: Sequence[str], *, subject: str, timeout: float) -> HarnessOutput:
        """Run one process of the harness and return its output.

        Args:
            argv: Command line, see ``argv``.
            subject: What error messages begin with.
            timeout: Seconds after which the process is stopped.

        Raises:
            DeviceError: The device was lost.
            TflconvError: The model or an input file cannot be used, or takes too long.

        """
        with self.patience(subject, timeout):
            completed = self.device.shell(argv, timeout=timeout)
        return read_output(completed, subject=subject)

    @contextlib.contextmanager
    def patience(self, subject: str, timeout: float) -> Iterator[None]:
        """Say of what takes too long what it is, and how to wait longer.

        A device that does not answer any more is lost: its own error stands.

        Args:
            subject: What is waited for, as the message names it.
            timeout: The seconds that it was given.

        Raises:
            TflconvError: It took longer, and the device still answers.
            DeviceError: The device does not answer.
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
    """Push LiteRT and the harness that can load it to ``device``.

    Raises:
        DeviceError: The device was lost or has no LiteRT.
        TflconvError: The harness cannot be built.

    """
    runtime = device.runtime()
    program = binary(runtime.abi)
    return Harness(
        device=device,
        runtime=runtime,
        path=device.push(program, executable=True),
        software=Software(name="harness", version=__version__, sha256=sha256_file(program)),
    )


def read_output(completed: Completed, *, subject: str) -> HarnessOutput:
    """Return the output of a process of the harness that succeeded.

    Args:
        completed: The process.
        subject: What error messages begin with.

    Raises:
        DeviceError: It crashed, was cut, or speaks another protocol version.
        TflconvError: The model or an input file cannot be used.

    """
    code = completed.returncode
    if name := _signal(code):
        kind = TflconvError if name in _CRASHES else DeviceError
        raise kind(
            f"{subject}: the harness was ended by {name}{_why(completed)}.",
            hint="SIGKILL: the device ran out of memory, or somebody ended it. SIGSEGV, SIGABRT:"
            " LiteRT crashed, most likely over a damaged model.",
        )
    output = protocol.parse(completed.stdout)
    _check_protocol(output, completed, subject)
    if error := output.error:
        kind = TflconvError if code in (EXIT_MODEL, EXIT_RUN, EXIT_INPUT) else DeviceError
        hints = (hint for words, hint in REFUSALS.items() if words in error.message)
        hint = next(hints, None)
        raise kind(f"{subject}: {error.message}{_why(completed)}.", hint=hint)
    if code != 0 or output.end is None:
        raise DeviceError(
            f"{subject}: the harness stopped early (code {code}): {_last_line(completed)}."
        )
    return output


def diagnose() -> list[Requirement]:
    """Return what measuring on this computer needs, and whether it is there."""
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
    """Return the name of the signal behind a return code of Python (-9) or of a shell (137)."""
    number = -code if code < 0 else code - 128
    try:
        return signal.Signals(number).name
    except ValueError:
        return None


def _why(completed: Completed) -> str:
    """The reason that LiteRT printed, to follow what the harness says."""
    reason = litert_errors.reason(completed.stderr)
    return f": {reason}" if reason else ""


def _check_protocol(output: HarnessOutput, completed: Completed, subject: str) -> None:
    hello = output.hello
    if hello is None:
        reason = _last_line(completed)
        raise DeviceError(
            f"{subject}: the harness did not start: {reason}.",
            hint=_FORBIDDEN if "ermission denied" in reason else None,
        )
    if hello.protocol != PROTOCOL:
        raise DeviceError(
            f"{subject}: the harness there speaks protocol {hello.protocol},"
            f" this tflconv speaks {PROTOCOL}.",
            hint="Remove an old harness: tflconv devices clean",
        )


def _last_line(completed: Completed) -> str:
    return last_line(completed.stderr or completed.stdout)
