"""A second wall around foreign models: the command works in a child process, and this one waits.

TensorFlow, HDF5 and LiteRT are native code, and a file that they choke on ends their process by a
signal, with no message. So what opens models of others runs in a child process, forked before
anything large is loaded, which costs a few milliseconds. The parent hands on signals, ends as the
child ends, and turns a death by a signal into one message. In the child, ``core.limits`` holds
memory, time and files while a model is opened.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
from collections.abc import Sequence

from tflconv.core import limits
from tflconv.errors import TflconvError

COMMANDS = ("bench", "compare", "compress", "convert", "inspect", "train", "verify")
"""Commands that open models of others in this process, if only to ask what they take.

``study`` and ``serve`` have workers that do. A command is the first word: there is no option of all
commands that could stand before it.
"""

_FORWARDED = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)
_DIE_WITH_PARENT = 1
"""``PR_SET_PDEATHSIG`` of Linux."""

_REASONS: dict[int, str] = {
    signal.SIGKILL: "Most often that is memory that ran out: free some, and try again.",
    signal.SIGXCPU: f"If you trust the file, {limits.VARIABLE}=1 lifts the limits.",
}
_FAULT = "The file may be damaged, or made to do so. If others open it, please report it."


def enter(words: Sequence[str]) -> None:
    """Go on in a child process if ``words`` are a command that opens models of others.

    Args:
        words: The command line, without the name of the program.

    In the parent this ends the process as the child ended.

    Raises:
        TflconvError: In the parent, if a signal ended the child.
    """
    if sys.platform != "linux" or limits.trusting() or not _opens_models(words):
        return
    signal.pthread_sigmask(signal.SIG_BLOCK, _FORWARDED)
    parent, child = os.getpid(), os.fork()
    if child == 0:
        _begin(parent)
    else:
        _follow(child)


def _opens_models(words: Sequence[str]) -> bool:
    return bool(words) and words[0] in COMMANDS and not {"-h", "--help"} & set(words)


def _begin(parent: int) -> None:
    """Be the child: die when the parent is killed, and keep limits where a model is opened."""
    ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGKILL)
    if os.getppid() != parent:  # it was killed before that was asked for
        os._exit(1)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _FORWARDED)
    limits.keep()


def _follow(child: int) -> None:
    """Be the parent: hand on signals until ``child`` ends, and end in the same way."""

    def hand_on(number: int, _frame: object) -> None:
        with contextlib.suppress(ProcessLookupError):  # it ended a moment ago
            os.kill(child, number)

    for number in _FORWARDED:
        signal.signal(number, hand_on)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _FORWARDED)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    for number in _FORWARDED:
        signal.signal(number, signal.SIG_IGN)
    if code >= 0:
        os._exit(code)  # nothing is left to do here, and no late Ctrl-C shall change the code
    if -code in _FORWARDED:
        signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    raise ended_by(-code)


def ended_by(number: int) -> TflconvError:
    """Return the error for a command that the signal ``number`` ended."""
    name = signal.Signals(number).name
    return TflconvError(
        f"the command was ended by {name} while it worked on a model.",
        hint=_REASONS.get(number, _FAULT),
    )
