"""The checkpoint from which an interrupted training resumes: one file beside the model.

It is written whole after each epoch and holds every variable, the history, and a hash of all that
decides the outcome of its training. Where the hash is another one, or the file cannot be read, the
training starts anew.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tflconv.core.arrays import read_arrays
from tflconv.core.bounded import DAMAGE, read_json
from tflconv.core.files import write_bytes
from tflconv.errors import TflconvError

_UNREADABLE: tuple[type[Exception], ...] = (*DAMAGE, TflconvError)

Row = Mapping[str, float]


@dataclass(frozen=True, kw_only=True)
class State:
    """The values of all variables, in order, and one row of figures per finished epoch."""

    values: Sequence[NDArray[np.generic]]
    history: Sequence[Row]


def state_path(output: Path) -> Path:
    """Return where the training that writes ``output`` keeps its checkpoint."""
    return output.with_name(f"{output.name}.state")


@dataclass(frozen=True, kw_only=True)
class StateFile:
    """The checkpoint file of one training; ``key`` is the hash of all that decides its outcome."""

    path: Path
    key: str

    @classmethod
    def beside(cls, output: Path, *, key: str) -> StateFile:
        """Return the checkpoint file of the training that writes ``output``."""
        return cls(path=state_path(output), key=key)

    def save(self, state: State) -> None:
        """Write ``state``, whole or not at all. Raises ``TflconvError`` if that fails."""
        stream = io.BytesIO()
        header = json.dumps({"key": self.key, "history": list(state.history)})
        np.savez(stream, header, *state.values)
        write_bytes(self.path, stream.getvalue())

    def load(self) -> State | None:
        """Return the state of this training, or None if there is none that can be read."""
        try:
            file = read_arrays(self.path, "the state of the training")
            header: Any = read_json(str(file["arr_0"]))
            if header["key"] != self.key:
                return None
            values = [file[f"arr_{n}"] for n in range(1, len(file))]
            return State(values=values, history=_history(header["history"]))
        except _UNREADABLE:
            return None

    def remove(self) -> None:
        """Remove the file."""
        self.path.unlink(missing_ok=True)


def _history(value: Any) -> list[Row]:
    rows: list[Row] = [dict(row) for row in value]
    if not all(_is_number(figure) for row in rows for figure in row.values()):
        raise ValueError("the figures of an epoch are no numbers")
    return rows


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
