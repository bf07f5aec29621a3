"""Use thousands of damaged files, in processes that may die over one, and tell how each ended.

A process takes one mutant after another and notes its number before it begins, in memory that it
shares with the parent. When it dies or hangs, the parent knows over which, and starts another one.
"""

from __future__ import annotations

import faulthandler
import json
import mmap
import multiprocessing
import os
import resource
import signal
import tempfile
import traceback
import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from tflconv.core import limits
from tflconv.errors import TflconvError

SECONDS, MEMORY = 90, 2 << 30
"""Time for one mutant, and memory beyond what the process has at its start."""
_WALLED_SECONDS = 900
"""Behind the second wall its own limit of processor time comes first, also on a busy computer."""

_NUMBERS = 8
_SHOWN = 10


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A kind of file: a sound one, how to damage it, and what a command does with it.

    Attributes:
        name: What it is called.
        suffix: End of its name.
        sound: Content of a sound one.
        damage: Returns its n-th damaged copy.
        use: Reads the file and makes of it what a command would.
        walled: Whether the command works behind the second wall (``cli.wall``), which makes a
            message of the signal that ends it.
        slow: Whether one takes a hundred times as long as most, as pictures that are loaded do.
    """

    name: str
    suffix: str
    sound: bytes
    damage: Callable[[bytes, int], bytes]
    use: Callable[[Path], object]
    walled: bool = False
    slow: bool = False


@dataclass(kw_only=True)
class Outcome:
    """How the mutants of a kind ended: how many were read or refused, and what must not be.

    ``walled`` are those that a signal ended behind the second wall.
    """

    read: int = 0
    refused: int = 0
    walled: int = 0
    faults: dict[str, list[int]] = field(default_factory=dict)

    def __str__(self) -> str:
        faults = [f"{told}\nmutants {numbers[:20]}" for told, numbers in self.faults.items()]
        counts = f"{self.refused} refused, {self.read} read, {self.walled} ended behind the wall"
        return "\n".join(faults[:_SHOWN]) or counts


def run(kind: Kind, numbers: Sequence[int], *, seconds: int = SECONDS) -> Outcome:
    """Use the mutants of ``kind`` with these numbers, one process after another."""
    outcome, waiting = Outcome(), list(numbers)
    shared = mmap.mmap(-1, 4 * _NUMBERS)
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        log = Path(folder) / "log"
        while waiting:
            log.write_text("")
            shared[:] = bytes(4 * _NUMBERS)
            child = os.fork()
            if child == 0:
                try:
                    _work(kind, waiting, Path(folder), shared, seconds)
                finally:
                    os._exit(1)
            _, status = os.waitpid(child, 0)
            done, read, refused = _counts(shared)
            outcome.read += read
            outcome.refused += refused
            code = os.waitstatus_to_exitcode(status)
            for line in log.read_text().split("\0")[:-1]:
                number, _, told = line.partition("\1")
                outcome.faults.setdefault(told, []).append(int(number))
            if code != 0:
                told = signal.Signals(-code).name if code < 0 else f"exit {code}"
                if kind.walled and code < 0 and -code != signal.SIGALRM:
                    outcome.walled += 1
                else:
                    outcome.faults.setdefault(told, []).append(waiting[done])
                done += 1
            waiting = waiting[done:]
    return outcome


def run_all(jobs: Iterable[Job], processes: int, log: Path | None = None) -> dict[str, Outcome]:
    """Run several kinds at once; return their outcomes by name.

    What ``log`` has is not run again, and what ends is written there.
    """
    _jobs[:] = jobs  # kinds hold functions, which reach a process by its fork only
    done = _read_log(log)
    open_ones = [index for index, job in enumerate(_jobs) if _name(job) not in done]
    with multiprocessing.get_context("fork").Pool(processes, maxtasksperchild=1) as pool:
        for index, outcome in pool.imap_unordered(_run_job, open_ones):
            done[_name(_jobs[index])] = outcome
            if log is not None:
                with log.open("a") as stream:
                    stream.write(json.dumps([_name(_jobs[index]), asdict(outcome)]) + "\n")
    merged: dict[str, Outcome] = {}
    for job in _jobs:
        outcome, total = done[_name(job)], merged.setdefault(job[0].name, Outcome())
        total.read += outcome.read
        total.refused += outcome.refused
        total.walled += outcome.walled
        for told, numbers in outcome.faults.items():
            total.faults.setdefault(told, []).extend(numbers)
    return merged


Job = tuple[Kind, Sequence[int]]
_jobs: list[Job] = []


def _run_job(index: int) -> tuple[int, Outcome]:
    return index, run(*_jobs[index])


def _name(job: Job) -> str:
    kind, numbers = job
    return f"{kind.name}, {len(numbers)} mutants from {numbers[0]} on"


def _read_log(log: Path | None) -> dict[str, Outcome]:
    lines = log.read_text().splitlines() if log is not None and log.exists() else []
    return {name: Outcome(**told) for name, told in map(json.loads, lines)}


def _counts(shared: mmap.mmap) -> tuple[int, int, int]:
    done, read, refused = (int.from_bytes(shared[4 * n : 4 * n + 4], "little") for n in range(3))
    return done, read, refused


def _count(shared: mmap.mmap, place: int) -> None:
    value = int.from_bytes(shared[4 * place : 4 * place + 4], "little") + 1
    shared[4 * place : 4 * place + 4] = value.to_bytes(4, "little")


def _work(
    kind: Kind, numbers: Sequence[int], folder: Path, shared: mmap.mmap, seconds: int
) -> None:
    """Use one mutant after another, and leave the process."""
    faulthandler.disable()  # pytest's would print what is expected here
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, used + MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    warnings.simplefilter("ignore")
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.dup2(null, 2)
    os.environ["TFLCONV_CACHE_DIR"] = str(folder / "cache")
    if kind.walled:
        limits.keep()
    path = folder / f"mutant{kind.suffix}"
    with (folder / "log").open("a") as log:
        for number in numbers:
            signal.alarm(_WALLED_SECONDS if kind.walled else seconds)
            try:
                path.write_bytes(kind.damage(kind.sound, number))
                kind.use(path)
                _count(shared, 1)
            except TflconvError:
                _count(shared, 2)
            except BaseException:
                log.write(f"{number}\1{_last_lines(traceback.format_exc())}\0")
                log.flush()
            signal.alarm(0)
            _count(shared, 0)
    os._exit(0)  # the parent's clean-up is not this process's


def _last_lines(text: str) -> str:
    """The end of a traceback, so that equal faults are told once."""
    return "\n".join(text.encode(errors="replace").decode().strip().splitlines()[-9:])[-900:]
