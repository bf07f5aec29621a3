"""Keep masks before a softmax within what integers can tell apart.

A mask of attention adds -1e9 to scores, or puts it in their place, and the softmax makes 0 of it.
With 256 steps from -1e9 to the largest score all scores are equal. But what lies ``FADED`` below
the largest score of its row is nothing after a softmax in any case. So the range of such scores
ends there, and the constants of the masks with it; smaller values are clipped to it.
"""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
from ai_edge_litert import schema_py_generated as fb
from numpy.typing import NDArray

from tflconv.conversion.calibration import LARGEST, Calibration, TensorRanges, observe
from tflconv.tflite import editing, packing
from tflconv.tflite.wiring import WiredOperator, Wiring

FADED = 16.0
"""A score that is smaller by this than another one has 1e-7 of its weight."""

_FAR = 256 * FADED
"""Where a range is wider, one of 256 steps tells nothing but the largest score from the rest."""

_MASKING = ("ADD", "SUB", "MUL", "SELECT", "SELECT_V2")
_MOVING = ("RESHAPE", "EXPAND_DIMS", "SQUEEZE", "TRANSPOSE", "BROADCAST_TO", "TILE")


def bounded(
    content: bytes, ranges: TensorRanges, calibration: Calibration
) -> tuple[bytes, TensorRanges]:
    """Return a float model and its ranges with the masks of its softmaxes within bounds.

    Args:
        content: A float ``.tflite`` file.
        ranges: Ranges of its activations.
        calibration: The samples that they were measured with.
    """
    model = packing.unpack(content)
    wiring = Wiring(model)
    measured, ranges = ranges, _with_hidden(model, wiring, ranges)
    far = {s.reads[0] for s in wiring.steps if s.kind == "SOFTMAX" and _is_far(ranges, s.reads[0])}
    if not far:
        return content, measured
    masks = _Masks(model, wiring, dict(ranges))
    masks.bound(_floors(content, calibration, far))
    bound = {name: ends for name, ends in masks.ranges.items() if ends is not ranges[name]}
    return packing.pack(model), measured | bound


def _with_hidden(model: fb.ModelT, wiring: Wiring, ranges: TensorRanges) -> TensorRanges:
    """Return ``ranges`` down to the masks that are as good as infinite, which none covers."""
    hidden = dict[str, None]()
    for step in wiring.steps:
        masked = step.kind in _MASKING and _has_infinite(model, step.operator)
        if masked or (
            step.kind in (*_MASKING, *_MOVING) and not hidden.keys().isdisjoint(step.reads)
        ):
            hidden[step.makes[0]] = None
    return ranges | {
        name: {**ranges[name], "min": np.full_like(ranges[name]["min"], -LARGEST)}
        for name in hidden
        if name in ranges
    }


def _has_infinite(model: fb.ModelT, operator: fb.OperatorT) -> bool:
    tensors = [model.subgraphs[0].tensors[int(i)] for i in operator.inputs if int(i) >= 0]
    return any(
        bool((np.abs(editing.values(model, each, np.float32)) >= LARGEST).any())
        for each in tensors
        if each.type == fb.TensorType.FLOAT32 and editing.has_values(model, each)
    )


def _is_far(ranges: TensorRanges, name: str) -> bool:
    return name in ranges and _end(ranges, name, "max") - _end(ranges, name, "min") > _FAR


def _end(ranges: TensorRanges, name: str, end: str) -> float:
    return float(ranges[name][end].flat[0])


def _floors(content: bytes, calibration: Calibration, names: Collection[str]) -> dict[str, float]:
    """The least score that is more than nothing, by name; rows that are masked whole say none."""
    floors: dict[str, float] = {}
    for activations in observe(content, calibration, names):
        for name, scores in activations:
            largest = scores.max(axis=-1)
            seen = largest[largest > largest.max() - _FAR]
            floors[name] = min(floors.get(name, np.inf), float(seen.min()) - FADED)
    return floors


class _Masks:
    """A graph whose masks are bounded from its softmaxes back to their constants."""

    def __init__(self, model: fb.ModelT, wiring: Wiring, ranges: TensorRanges) -> None:
        self._model, self._wiring, self.ranges = model, wiring, ranges
        self._asked: dict[str, list[float]] = {}

    def bound(self, floors: dict[str, float]) -> None:
        """Let each tensor of ``floors`` end there."""
        for step in reversed(self._wiring.steps):
            if step.kind == "SOFTMAX" and step.reads[0] in floors:
                self._ask(step.reads[0], floors[step.reads[0]])
            elif (floor := self._granted(step.makes[0])) is not None:
                self._limit(step.makes[0], floor)
                self._pass_on(step, floor)
        for name in self._wiring.inputs:
            if (floor := self._granted(name)) is not None:
                self._limit(name, floor)

    def _ask(self, name: str, floor: float) -> None:
        self._asked.setdefault(name, []).append(floor)

    def _granted(self, name: str) -> float | None:
        """The floor of a tensor that every reader asked for one."""
        asked = self._asked.get(name, [])
        everyone = (
            len(asked) == len(self._wiring.readers(name)) and name not in self._wiring.outputs
        )
        return min(asked) if asked and everyone and name in self.ranges else None

    def _limit(self, name: str, floor: float) -> None:
        ends = self.ranges[name].items()
        self.ranges[name] = {end: np.maximum(value, np.float32(floor)) for end, value in ends}

    def _pass_on(self, step: WiredOperator, floor: float) -> None:
        """Ask of what ``step`` reads what its result needs, and clip its constants."""
        if step.kind in ("SELECT", "SELECT_V2"):
            self._clip(step, low=floor)
            for name in step.reads:
                self._ask(name, floor)
        elif step.kind in _MOVING:
            self._ask(step.reads[0], floor)
        elif step.kind == "ADD" and len(step.reads) == 1:
            self._clip(step, low=floor - _end(self.ranges, step.reads[0], "max"))
        elif step.kind == "SUB" and len(step.reads) == 1:
            self._clip(step, high=_end(self.ranges, step.reads[0], "max") - floor)
        elif step.kind == "ADD":
            for name, other in (step.reads, step.reads[::-1]):
                if _end(self.ranges, name, "min") < floor - _FAR:
                    self._ask(name, floor - _end(self.ranges, other, "max"))
        elif step.kind == "MUL" and len(step.reads) == 1 and self._is_share(step.reads[0]):
            self._clip(step, low=floor)

    def _is_share(self, name: str) -> bool:
        return _end(self.ranges, name, "min") >= 0 and _end(self.ranges, name, "max") <= 1

    def _clip(self, step: WiredOperator, low: float = -np.inf, high: float = np.inf) -> None:
        """Let the constants of ``step`` lie in between, in copies that are its own."""
        graph = self._model.subgraphs[0]
        indices = [int(index) for index in step.operator.inputs]
        for place, index in enumerate(indices):
            tensor = graph.tensors[index]
            is_float = tensor.type == fb.TensorType.FLOAT32
            if is_float and editing.has_values(self._model, tensor):
                values = editing.values(self._model, tensor, np.float32)
                if values.min() < low or values.max() > high:
                    clipped = values.clip(low, high).astype(np.float32)
                    indices[place] = self._copy(index, clipped)
        step.operator.inputs = indices

    def _copy(self, index: int, values: NDArray[np.float32]) -> int:
        graph = self._model.subgraphs[0]
        copy = editing.tensor_like(graph, index, f"/clipped_{len(graph.tensors)}")
        graph.tensors[copy].buffer = editing.add_buffer(self._model, values)
        return copy
