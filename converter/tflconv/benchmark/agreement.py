"""Does a device compute what this computer computes? Every bit, every number, every picture.

Integer kernels should give the same bits everywhere; a few do not, and ``docs/emulator.md`` says
which and why. Float kernels add in another order on another processor, so their
numbers differ by a little; what must stay the same is the class.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from tflconv.benchmark.protocol import Conversation
from tflconv.benchmark.session import Session
from tflconv.benchmark.testset import PackedSet
from tflconv.results import BenchmarkRun, OutputComparison

NEAR = 0.05
"""Largest difference, as a share of the outputs' range, that another order of sums explains."""

STEPS = 4
"""Largest difference of integer outputs that rounding at every layer explains."""

ALIKE = 1e-3
"""Range, as a share of their size, below which values count as one."""

SMALLEST = 1e-6
"""Size below which outputs count as 0; float32 tells numbers around 1 apart by 1e-7."""

LISTED = 5
"""Pictures that a warning names; the conditions name them all."""


def outputs(device: Session, host: Session) -> OutputComparison:
    """Run one inference on each and compare what came out."""
    said, there = device.outputs()
    _, here = host.outputs()
    types = [(output.type, output.bytes) for output in said.init.outputs]
    pairs = list(zip(_tensors(there, types), _tensors(here, types), strict=True))
    differences = [_difference(*pair) for pair in pairs]
    return OutputComparison(
        types=tuple(name for name, _ in types),
        same_bits=there == here,
        max_difference=max(differences, default=0.0),
        share_of_range=max(map(_share, differences, (here for _, here in pairs)), default=0.0),
    )


def doubts(compared: OutputComparison) -> Iterator[str]:
    """What a reader must know of the result of ``outputs``: nothing, if all is as it should be.

    Integers should be equal to the bit, and floats near.
    """
    if compared.same_bits:
        return
    difference, share = compared.max_difference, compared.share_of_range or 0.0
    floats = any(name.startswith("float") for name in compared.types or ())
    doubtful = share > NEAR if floats else difference > STEPS
    if not floats and not doubtful:
        yield (
            "integer outputs differ from this computer's by a rounding, at most"
            f" {difference:g} of the output's steps: docs/emulator.md tells which kernels do that"
        )
    elif doubtful:
        amount = f"{100 * share:.0f} % of their range" if floats else f"{difference:g} steps"
        yield (
            f"outputs differ from this computer's by up to {amount}:"
            " look with --dataset whether classes do, too"
        )


def disagreements(device: Conversation, host: Conversation, test_set: PackedSet) -> list[str]:
    """``ID: device says A, host says B, it is C`` for every picture they disagree on."""
    there, here = device.accuracy.predicted, host.accuracy.predicted
    names = test_set.classes
    rows = zip(test_set.ids, there, here, test_set.labels, strict=True)
    return [
        f"{name}: device says {names[a]}, host says {names[b]}, it is {names[label]}"
        for name, a, b, label in rows
        if a != b
    ]


def with_pictures(
    run: BenchmarkRun, device: Conversation, host: Conversation, test_set: PackedSet
) -> BenchmarkRun:
    """``run`` with the pictures that device and host classify differently, and a word about it."""
    differing = disagreements(device, host, test_set)
    conditions = replace(run.conditions, pictures_vs_host=tuple(differing))
    warnings = run.warnings
    if differing:
        text = f"{len(differing)} of {len(test_set.ids)} pictures are classified otherwise than"
        warnings = (*warnings, f"{text} on the host: {'; '.join(differing[:LISTED])}")
    return replace(run, conditions=conditions, warnings=warnings)


def _tensors(content: bytes, types: list[tuple[str, int]]) -> Iterator[NDArray[np.float64]]:
    at = 0
    for dtype, size in types:
        yield np.nan_to_num(np.frombuffer(content[at : at + size], dtype).astype(np.float64))
        at += size


def _difference(there: NDArray[np.float64], here: NDArray[np.float64]) -> float:
    return float(np.max(np.abs(there - here), initial=0.0))


def _share(difference: float, here: NDArray[np.float64]) -> float:
    """``difference`` against the range of what this computer says; 1 is as much as it says.

    One value has no range, nor have values that are all alike: their size takes its place.
    """
    size = float(np.max(np.abs(here), initial=0.0))
    spread = float(np.ptp(here)) if here.size else 0.0
    measure = max(spread if spread > ALIKE * size else size, SMALLEST)
    return min(1.0, difference / measure)
