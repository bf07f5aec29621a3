"""What a training needs to go on after an interruption: one file beside the model.

It is written whole after each epoch, holds every variable and the history, and names the training
it belongs to by a hash of all that decides its outcome. The state of another training, or a file
that cannot be read, is not ours to go on from, and the training starts anew.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tflconv.core.files import write_bytes

Row = Mapping[str, float]


@dataclass(frozen=True, kw_only=True)
class State:
    """The values of all variables in their order, and a row of figures for each epoch so far."""

    values: Sequence[NDArray[Any]]
    history: Sequence[Row]


@dataclass(frozen=True, kw_only=True)
class StateFile:
    """Where the state of the training called ``key`` is kept."""

    path: Path
    key: str

    @classmethod
    def beside(cls, output: Path, *, key: str) -> StateFile:
        """The state file of a training that will write ``output``."""
        return cls(path=output.with_name(f"{output.name}.state"), key=key)

    def save(self, state: State) -> None:
        """Write ``state`` at once or not at all; raises ``TflconvError`` where it cannot."""
        stream = io.BytesIO()
        about = json.dumps({"key": self.key, "history": list(state.history)})
        np.savez(stream, about, *state.values)
        write_bytes(self.path, stream.getvalue())

    def load(self) -> State | None:
        """The state of this training, or None if there is none."""
        try:
            with np.load(self.path, allow_pickle=False) as file:
                about = json.loads(str(file["arr_0"]))
                values = [file[f"arr_{n}"] for n in range(1, len(file.files))]
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
            return None
        if about["key"] != self.key:
            return None
        return State(values=values, history=about["history"])

    def remove(self) -> None:
        """Forget the state: the training is done."""
        self.path.unlink(missing_ok=True)
