"""The most memory that a call or a command takes, measured in a process of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import traceback
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

from tflconv.errors import TflconvError

MB = 1 << 20


def peak_of(call: Callable[[], object], seconds: int = 120) -> tuple[float, str]:
    """Return the megabytes that ``call`` takes beyond what was there, and what it ended with.

    That is "" if it returned, the message of a ``TflconvError``, or else a traceback or a signal.
    """
    receiver, sender = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(receiver)
            signal.alarm(seconds)
            os.write(sender, _measured(call).encode(errors="replace"))
        finally:
            os._exit(0)
    os.close(sender)
    with os.fdopen(receiver, "rb") as stream:
        peak, _, end = stream.read().decode().partition("\n")
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return 0.0, signal.Signals(os.WTERMSIG(status)).name
    return float(peak), end


_PROGRAM = """
import resource, subprocess, sys
done = subprocess.run([sys.executable, "-m", "tflconv", *sys.argv[1:]], stdout=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, done.returncode)
"""


def peak_of_command(
    words: Sequence[str], *, seconds: int = 300, **environment: str
) -> tuple[float, int, str]:
    """Return the megabytes that ``tflconv WORDS`` has at most, its exit code, and its messages."""
    ended = subprocess.run(
        [sys.executable, "-c", _PROGRAM, *words],
        capture_output=True,
        text=True,
        timeout=seconds,
        env=os.environ | environment,
    )
    kilobytes, code = ended.stdout.split()
    return int(kilobytes) / 1024, int(code), ended.stderr


def _measured(call: Callable[[], object]) -> str:
    warnings.simplefilter("ignore")
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.dup2(null, 2)
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    before, end = _kilobytes("VmRSS"), ""
    try:
        call()
    except TflconvError as error:
        end = str(error)[:1000]
    except BaseException:
        end = traceback.format_exc()[-1500:]
    return f"{(_kilobytes('VmHWM') - before) / 1024}\n{end}"


def _kilobytes(name: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name))


CAN_MEASURE = sys.platform == "linux"
