"""Read what an app logged about golden pictures: for each the hash of its input, and outputs.

A log is JSON, one object per line or one list of them, as ``GoldenCheck.kt`` writes it::

    {"picture": "pictures/0.png", "input_sha256": "9f86d0...", "outputs": [0.1, 0.7],
     "golden_outputs": [0.2, 0.9]}

``outputs`` are of the input that the app made of the picture; ``golden_outputs`` are of the exact
bytes in the contract, and tell the model from what is before it. Hash and ``golden_outputs`` may be
missing. Where a picture is logged several times, its last line counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from tflconv.core import bounded, inputs
from tflconv.core.jsonvalue import JsonValue
from tflconv.core.structuring import Structure, faults
from tflconv.core.text import clean_json
from tflconv.errors import TflconvError, UsageError
from tflconv.model.golden import Golden

Scores = NDArray[np.float32]

_HINT = (
    'One JSON object per line: {"picture": "pictures/0.png", "input_sha256": "...", "outputs":'
    " [...]}; GoldenCheck.kt in the contract writes such a log."
)


@dataclass(frozen=True, kw_only=True)
class _Line:
    picture: str
    outputs: tuple[float, ...]
    input_sha256: str | None = None
    golden_outputs: tuple[float, ...] | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class Logged:
    """What an app said about one golden picture.

    Attributes:
        index: Which picture of the contract.
        outputs: Outputs for the input that the app made.
        input_sha256: Hash of that input.
        golden_outputs: Outputs for the input in the contract.
    """

    index: int
    outputs: Scores
    input_sha256: str | None = None
    golden_outputs: Scores | None = None


def read(path: Path, golden: Golden) -> tuple[Logged, ...]:
    """Read the log of an app.

    Args:
        path: The file.
        golden: The contract that the app was checked with.

    Returns:
        What was logged, in the order of the contract.

    Raises:
        UsageError: The log is of another contract.
        TflconvError: It is missing, too large, or no such log.
    """
    with bounded.explained(path, "the log of the app", hint=_HINT):
        inputs.require_finite(path)
        with path.open("rb") as stream:
            content = stream.read(bounded.max_text_bytes() + 1)
        if len(content) > bounded.max_text_bytes():
            raise bounded.too_large(str(path), bounded.max_text_bytes())
        lines = [_line(value) for value in _values(content.decode())]
    if not lines:
        raise TflconvError(f"{path}: the app logged nothing.", hint=_HINT)
    positions = _positions(golden)
    by_index = {}
    for line in lines:
        index = positions.get(line.picture, positions.get(PurePosixPath(line.picture).name))
        if index is None:
            raise UsageError(
                f"{path}: '{line.picture}' is not a picture of {golden.name}.",
                hint=f"Its pictures are {', '.join(golden.names[:3])} and so on.",
            )
        by_index[index] = _logged(line, index, golden, path)
    return tuple(by_index[index] for index in sorted(by_index))


def _values(text: str) -> list[JsonValue]:
    if text.lstrip().startswith("["):
        value = bounded.read_json(text)
        assert isinstance(value, list), "a list"
        return value
    return [bounded.read_json(line) for line in text.splitlines() if line.strip()]


def _line(value: JsonValue) -> _Line:
    try:
        return _STRUCTURE.of(clean_json(value), _Line)
    except ValueError as error:
        raise ValueError("; ".join(faults(error)[:3])) from error


def _positions(golden: Golden) -> dict[str, int]:
    """Return where each picture is, by its name in the contract, with or without its folder."""
    names = enumerate(golden.names)
    return {spelled: index for index, name in names for spelled in (name, PurePosixPath(name).name)}


def _logged(line: _Line, index: int, golden: Golden, path: Path) -> Logged:
    count = golden.expected.shape[1]
    for values in (line.outputs, line.golden_outputs):
        if values is not None and len(values) != count:
            raise UsageError(
                f"{path}: {line.picture} has {len(values)} outputs, and the model of {golden.name}"
                f" has {count}.",
                hint="Log all outputs of the model, in their order.",
            )
    exact = line.golden_outputs
    return Logged(
        index=index,
        outputs=np.array(line.outputs, np.float32),
        input_sha256=None if line.input_sha256 is None else line.input_sha256.lower(),
        golden_outputs=None if exact is None else np.array(exact, np.float32),
    )


_STRUCTURE = Structure()
