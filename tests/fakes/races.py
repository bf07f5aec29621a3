"""Processes that meet at one entry of a store, again and again."""

from __future__ import annotations

import multiprocessing
import os
import shutil
from collections import Counter
from collections.abc import Callable
from multiprocessing import Queue
from multiprocessing.synchronize import Barrier
from pathlib import Path

from tflconv.core.store import MANIFEST, Store

CONTENT = "z" * 50_000
PROCESSES = 3
HARMS: dict[str, Callable[[Path], object]] = {
    "absent": shutil.rmtree,
    "damaged": lambda path: (path / "file").write_text("x"),
    "half": lambda path: (path / MANIFEST).unlink(),
}
"""What is done to the entry before they meet."""


def met(folder: Path, harm: str, *, rounds: int) -> Counter[str]:
    """Let processes meet in new stores below ``folder``; return what they say of what they got."""
    context = multiprocessing.get_context("fork")
    said = Counter[str]()
    for number in range(rounds):
        root = folder / str(number)
        HARMS[harm](_fetch(root))
        barrier, answers = context.Barrier(PROCESSES), context.Queue()
        processes = [
            context.Process(target=_meet, args=(root, barrier, answers)) for _ in range(PROCESSES)
        ]
        for process in processes:
            process.start()
        said.update(answers.get(timeout=60) for _ in processes)
        for process in processes:
            process.join()
        assert len(os.listdir(root / "stage")) == 1, "litter"
        shutil.rmtree(root)
    return said


def _fetch(root: Path) -> Path:
    def build(folder: Path) -> None:
        (folder / "file").write_text(CONTENT)
        for number in range(20):
            (folder / f"{number}").write_text("z")

    return Store(root).fetch("stage", {"key": 1}, build).path


def _meet(root: Path, barrier: Barrier, answers: Queue[str]) -> None:
    """Fetch the entry at the same time as others do, and read it."""
    barrier.wait()
    try:
        answers.put("right" if (_fetch(root) / "file").read_text() == CONTENT else "wrong")
    except BaseException as error:
        answers.put(repr(error))
