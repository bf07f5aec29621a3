"""Find where a phone and this computer part, by what an app logged about golden pictures.

If the app gives other outputs for the very bytes in the contract, they part in the model or in how
its outputs are read. Otherwise its input is another: each mistake that apps make is tried, alone
and in pairs, until the hash of the input is the logged one for every picture; that is proof. A
decoder or a scaler of another make differs in a few bits, so where no hash fits, the mistakes are
judged by the outputs that the model gives for them, one after another as each brings them closer.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tflconv.core.files import sha256_bytes
from tflconv.model.golden import Golden
from tflconv.model.interpreter import Interpreter
from tflconv.verification.app_log import Logged, Scores
from tflconv.verification.app_ways import Inputs, Way

Evidence = Literal["hash of the input", "outputs", "none"]

MOST_FAULTS = 3
"""Mistakes that are looked for at once."""
_CLOSER = 0.7
"""Share of the distance to the logged outputs that one more mistake must leave at most."""
_NEAR = 0.25
"""Share of the distance that mistakes may leave and still be named."""

_RIGHT = Way()


@dataclass(frozen=True, kw_only=True)
class Parting:
    """Where a phone and this computer part.

    Attributes:
        stages: ``nothing``, or what differs: ``rotation``, ``crop``, ``resize``, ``colour order``,
            ``normalization``, ``quantization``, ``byte order``, ``model``, ``outputs`` or
            ``unknown``.
        told: What the app does, one sentence per stage.
        evidence: By what it is known.
        pictures: Number of pictures that the app logged.
    """

    stages: tuple[str, ...]
    told: tuple[str, ...]
    evidence: Evidence
    pictures: int

    @property
    def is_nothing(self) -> bool:
        """Whether phone and computer agree."""
        return self.stages == ("nothing",)

    def __str__(self) -> str:
        what = "; ".join(self.told)
        by = "" if self.evidence == "none" else f" (known by the {self.evidence})"
        return f"{', '.join(self.stages)}: {what}{by}"


def find(golden: Golden, logged: Sequence[Logged], runtime: Interpreter) -> Parting:
    """Return where the app that ``logged`` parts from ``golden``.

    Args:
        golden: The contract.
        logged: What the app logged.
        runtime: The model file of the app on this computer.
    """
    return _Search(golden, logged, runtime).parting()


class _Search:
    def __init__(self, golden: Golden, logged: Sequence[Logged], runtime: Interpreter) -> None:
        self._golden, self._logged, self._runtime = golden, logged, runtime
        self._inputs = Inputs(golden)
        self._tolerance = golden.contract.tolerance
        self._expected = golden.expected[[each.index for each in logged]]
        self._outputs = np.stack([each.outputs for each in logged])

    def parting(self) -> Parting:
        logged = (each.golden_outputs for each in self._logged)
        exact = [outputs for outputs in logged if outputs is not None]
        if len(exact) == len(self._logged) and self._far(np.stack(exact)):
            return self._in_model(np.stack(exact))
        if self._has_right_inputs() and self._far(self._outputs):
            return self._in_model(self._outputs)
        if not self._far(self._outputs):
            return self._result(("nothing",), ("phone and computer agree",), "none")
        return self._by_hash() or self._by_reading() or self._by_outputs()

    def _far(self, outputs: Scores) -> bool:
        return not bool((np.abs(outputs - self._expected) <= self._tolerance).all())

    def _has_right_inputs(self) -> bool:
        samples = self._golden.contract.samples
        return all(each.input_sha256 == samples[each.index].input_sha256 for each in self._logged)

    def _in_model(self, outputs: Scores) -> Parting:
        reading = _reading(self._golden, self._expected, outputs, self._tolerance)
        if reading is not None:
            return self._result(("outputs",), (reading,), "outputs")
        other = (
            "the same input bytes give other outputs: the app has another model file, or a delegate"
            " that computes it otherwise"
        )
        return self._result(("model",), (other,), "outputs")

    def _by_reading(self) -> Parting | None:
        reading = _reading(self._golden, self._expected, self._outputs, self._tolerance)
        return None if reading is None else self._result(("outputs",), (reading,), "outputs")

    def _by_hash(self) -> Parting | None:
        if any(each.input_sha256 is None for each in self._logged):
            return None
        singles = list(self._inputs.further(_RIGHT))
        pairs = (further for way in singles for further in self._inputs.further(way))
        return next(
            (self._named(w, "hash of the input") for w in self._fitting(singles, pairs)), None
        )

    def _fitting(self, *groups: Iterable[Way]) -> Iterator[Way]:
        """Ways whose inputs have the logged hashes; the first picture rules most of them out."""
        for group in groups:
            for way in group:
                if all(self._hash(each, way) == each.input_sha256 for each in self._logged):
                    yield way

    def _hash(self, logged: Logged, way: Way) -> str:
        return sha256_bytes(self._inputs.of(logged.index, way).tobytes())

    def _by_outputs(self) -> Parting:
        way, distance = _RIGHT, self._distance(_RIGHT)
        first = distance
        for _ in range(MOST_FAULTS):
            closer = [(self._distance(other), i, other) for i, other in self._visible(way)]
            best = min(closer, key=lambda candidate: candidate[:2], default=None)
            if best is None or best[0] > _CLOSER * distance:
                break
            distance, _, way = best
            if distance <= self._tolerance:
                break
        if not way.faults or distance > max(self._tolerance, _NEAR * first):
            unknown = "none of the mistakes that were tried gives what the app logged"
            return self._result(("unknown",), (unknown,), "none")
        return self._named(way, "outputs")

    def _visible(self, way: Way) -> Iterator[tuple[int, Way]]:
        """Ways with one mistake more that changes an input at all."""
        for number, other in enumerate(self._inputs.further(way)):
            pairs = ((self._inputs.of(e.index, w) for w in (way, other)) for e in self._logged)
            if any(a.tobytes() != b.tobytes() for a, b in pairs):
                yield number, other

    def _distance(self, way: Way) -> float:
        """Largest difference of the outputs that ``way`` gives from those that were logged."""
        source = self._runtime.inputs[0]
        stored = np.stack([self._inputs.of(each.index, way) for each in self._logged])
        with np.errstate(all="ignore"):
            values = source.dequantize(stored)
            outputs = self._runtime.predict(np.nan_to_num(values))
            return float(np.nan_to_num(np.abs(outputs - self._outputs), nan=np.inf).max())

    def _named(self, way: Way, evidence: Evidence) -> Parting:
        stages = tuple(fault.stage for fault in way.faults)
        return self._result(stages, tuple(fault.told for fault in way.faults), evidence)

    def _result(
        self, stages: tuple[str, ...], words: tuple[str, ...], evidence: Evidence
    ) -> Parting:
        return Parting(stages=stages, told=words, evidence=evidence, pictures=len(self._logged))


def _reading(golden: Golden, expected: Scores, outputs: Scores, tolerance: float) -> str | None:
    """Return how the app misreads outputs that are right, if it does."""
    for misreading, values in _misread(golden, expected):
        scale = max(float(np.ptp(values)) / max(float(np.ptp(expected)), 1e-9), 1e-9)
        if (np.abs(outputs - values) <= max(tolerance * scale, 1e-6)).all():
            return misreading
    return None


def _misread(golden: Golden, expected: Scores) -> Iterator[tuple[str, NDArray[np.floating]]]:
    tensor = golden.contract.output
    if tensor.scale is not None:
        steps = tensor.details.quantize(expected).astype(np.float64)
        yield "the outputs are integers that were not dequantized", steps
        signed = tensor.dtype == "int8"
        wrapped = steps + (256 * (steps < 0) if signed else -256 * (steps > 127))
        for values in (wrapped, (wrapped - tensor.zero_point) * tensor.scale):
            yield "the bytes of the outputs are read with the wrong sign", values
    powers = np.exp(expected - expected.max(axis=1, keepdims=True))
    yield "a softmax is applied to the outputs", powers / powers.sum(axis=1, keepdims=True)
    yield "the outputs are sorted", -np.sort(-expected, axis=1)
