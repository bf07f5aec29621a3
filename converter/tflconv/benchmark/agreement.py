"""Does a device compute what this computer computes? Every bit, every number, every picture.

Integer kernels must give the same bits everywhere. Float kernels add in another order on another
processor, so their numbers differ by a little; what must stay the same is the class.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tflconv.benchmark.protocol import Conversation
from tflconv.benchmark.session import Session
from tflconv.benchmark.testset import PackedSet
from tflconv.results import BenchmarkRun

LISTED = 5
"""Pictures that a warning names; the conditions name them all."""


def outputs(device: Session, host: Session) -> dict[str, Any]:
    """Compare one inference: ``same_bits`` and the largest difference in the output's own steps."""
    said, there = device.outputs()
    _, here = host.outputs()
    if there == here:
        return {"same_bits": True, "max_difference": 0.0}
    types = [(output["type"], output["bytes"]) for output in said["init"]["outputs"]]
    pairs = zip(_tensors(there, types), _tensors(here, types), strict=True)
    return {"same_bits": False, "max_difference": max(_difference(*pair) for pair in pairs)}


def disagreements(device: Conversation, host: Conversation, test_set: PackedSet) -> list[str]:
    """``ID: device says A, host says B, it is C`` for every picture they disagree on."""
    there, here = device["accuracy"]["predicted"], host["accuracy"]["predicted"]
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
    conditions = {**run.conditions, "pictures_vs_host": differing}
    warnings = run.warnings
    if differing:
        text = f"{len(differing)} of {len(test_set.ids)} pictures are classified otherwise than"
        warnings = (*warnings, f"{text} on the host: {'; '.join(differing[:LISTED])}")
    return replace(run, conditions=conditions, warnings=warnings)


def _tensors(content: bytes, types: list[tuple[str, int]]) -> Iterator[NDArray[np.float64]]:
    at = 0
    for dtype, size in types:
        yield np.frombuffer(content[at : at + size], dtype).astype(np.float64)
        at += size


def _difference(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    return float(np.max(np.abs(one - other), initial=0.0))
