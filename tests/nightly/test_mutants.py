"""Damaged ``.tflite`` files end in a ``TflconvError``, never in a traceback or a crash.

Each is opened in a process of its own, because LiteRT is native code and may die over it.
"""

from __future__ import annotations

import math
import os
import resource
import signal
import traceback
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from fakes.inspecting import inspect_whole
from fakes.mutants import mutant
from tflconv.errors import TflconvError
from tflconv.model.interpreter import Interpreter
from tflconv.tflite import reading

MODELS = sorted((Path(__file__).parents[1] / "golden" / "models").rglob("*.tflite"))
SECONDS, MEMORY = 60, 4 << 30
READ, REFUSED, RAISED = 0, 10, 20
"""Exit codes of the process that opened a mutant."""


def infer(path: Path) -> None:
    """Run the model once, unless its inputs are too large to be worth it."""
    model = Interpreter(path)
    if sum(math.prod(tensor.shape) for tensor in model.inputs) < 1 << 20:
        model.run([np.zeros(tensor.shape, np.float32) for tensor in model.inputs])


@pytest.mark.parametrize(
    "opened", [reading.read, infer, inspect_whole], ids=["reader", "interpreter", "inspection"]
)
def test_mutants_are_read_or_refused(
    opened: Callable[[Path], object],
    tmp_path: Path,
    count: Callable[[int], int],
    tell: Callable[[str, str], None],
) -> None:
    ends: Counter[int] = Counter()
    bad: list[str] = []
    for number in range(count(2000)):
        source = MODELS[number % len(MODELS)]
        path = tmp_path / "mutant.tflite"
        path.write_bytes(mutant(source.read_bytes(), number))
        end = in_a_process(opened, path, tmp_path / "traceback")
        ends[end] += 1
        if end not in (READ, REFUSED):
            bad.append(f"mutant {number} of {source.name}: {said(end, tmp_path / 'traceback')}")
    assert not bad, "\n".join(bad)
    tell(
        f"{ends.total()} mutants of {len(MODELS)} models",
        f"{ends[REFUSED]} refused, {ends[READ]} read",
    )


def in_a_process(function: Callable[[Path], object], path: Path, log: Path) -> int:
    """How a process ends that calls ``function``: one of the codes above, or minus its signal."""
    child = os.fork()
    if child == 0:
        os._exit(_opened(function, path, log))
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)


def _opened(function: Callable[[Path], object], path: Path, log: Path) -> int:
    signal.alarm(SECONDS)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        function(path)
    except TflconvError:
        return REFUSED
    except BaseException:
        log.write_text(traceback.format_exc())
        return RAISED
    return READ


def said(end: int, log: Path) -> str:
    return log.read_text() if end == RAISED else signal.Signals(-end).name
