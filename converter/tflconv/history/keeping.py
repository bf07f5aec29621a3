"""Where runs are kept, and how: in the user's own history, unless another one or none is named.

A history that somebody named must work: what keeps a run from it ends the command, before anything
is measured where that can be known. The user's own one is a convenience: on a computer where it
cannot be written (a container, a full home) a run is worth more than its entry, so that is a
warning.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from tflconv.core import outputs, telling
from tflconv.errors import TflconvError
from tflconv.history.database import History
from tflconv.results import BenchmarkRun

VARIABLE = "TFLCONV_HISTORY"
"""Names the history file, for commands that are told none."""

OFF = "off"
"""Keeps no runs, in place of the name of a file."""

FILE = "history.sqlite"


@dataclass(frozen=True, kw_only=True)
class HistoryPlace:
    """The file of a history, and whether somebody named it."""

    path: Path
    named: bool


def place(history: Path | None = None) -> HistoryPlace | None:
    """Return where runs are kept; None where they are not.

    Args:
        history: The file, or ``off``; by default what ``$TFLCONV_HISTORY`` says, and by default the
            file in the user's folder for what programs keep (``$XDG_STATE_HOME``).
    """
    name = os.environ.get(VARIABLE, "") if history is None else str(history)
    if name == OFF:
        return None
    if name:
        return HistoryPlace(path=Path(name).expanduser(), named=True)
    return HistoryPlace(path=Path(platformdirs.user_state_dir("tflconv")) / FILE, named=False)


def _try(history: History) -> None:
    if history.path.exists():
        history.prepare()
    else:
        outputs.try_files(history.path)


@dataclass(frozen=True)
class Keeping:
    """Keeps the runs of a command.

    Args:
        history: As ``place`` takes it.
    """

    history: Path | None = None

    def prepare(self) -> None:
        """See that the file can be used, or made; a new one is made with its first run.

        Raises:
            TflconvError: It was named and is not a history, of a later version, or not writable.
        """
        self._do(_try)

    def add(self, run: BenchmarkRun) -> None:
        """Keep ``run``.

        Raises:
            TflconvError: The file was named and cannot be written.
        """
        self._do(lambda history: history.add([run]))

    def _do(self, act: Callable[[History], object]) -> None:
        chosen = place(self.history)
        if chosen is None:
            return
        try:
            act(History(chosen.path))
        except TflconvError as error:
            if chosen.named:
                raise
            telling.warn(
                f"runs are not kept: {error.message} {VARIABLE}={OFF} leaves the history out."
            )
