"""Compare what a device computes with what this computer computes: bits, numbers, classes.

Integer kernels should give the same bits everywhere; a few do not, and ``docs/emulator.md`` says
which and why. Float kernels add in another order on another processor, so their numbers differ
slightly; the predicted class must stay the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from tflconv.benchmark.protocol import HarnessOutput
from tflconv.benchmark.testset import PackedSet
from tflconv.core.plural import plural
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
"""Number of pictures that a warning names; the conditions name all."""


Outputs = tuple[HarnessOutput, bytes]
"""What the harness said of one inference, and the bytes of all its outputs."""


def no_numbers(device: Outputs) -> Iterator[str]:
    """Yield a warning if values of the outputs are NaN or infinite: their times look like any."""
    output, content = device
    types = [(tensor.type, tensor.bytes) for tensor in output.init.outputs]
    broken = total = 0
    for values in tensors(content, types):
        broken, total = broken + int((~np.isfinite(values)).sum()), total + values.size
    if broken:
        yield (
            f"{broken} of {plural(total, 'output')} are NaN or infinite for random inputs: see that"
            " its weights are finite, and what inputs it takes"
        )


def compare_outputs(device: Outputs, host: Outputs) -> OutputComparison:
    """Compare the outputs of one inference on the device and of one on the host."""
    (output, device_bytes), (_, host_bytes) = device, host
    types = [(tensor.type, tensor.bytes) for tensor in output.init.outputs]
    pairs = [
        (np.nan_to_num(first), np.nan_to_num(second))
        for first, second in zip(
            tensors(device_bytes, types), tensors(host_bytes, types), strict=True
        )
    ]
    differences = [_difference(*pair) for pair in pairs]
    return OutputComparison(
        types=tuple(name for name, _ in types),
        same_bits=device_bytes == host_bytes,
        max_difference=max(differences, default=0.0),
        share_of_range=max(map(_share, differences, (values for _, values in pairs)), default=0.0),
    )


def output_warnings(comparison: OutputComparison) -> Iterator[str]:
    """Yield a warning if the outputs differ by more than they should.

    Integer outputs should be equal to the bit; float outputs may differ by ``NEAR`` of their range.
    """
    if comparison.same_bits:
        return
    difference, share = comparison.max_difference, comparison.share_of_range or 0.0
    floats = any(name.startswith("float") for name in comparison.types or ())
    doubtful = share > NEAR if floats else difference > STEPS
    if not floats and not doubtful:
        yield (
            "integer outputs differ from this computer's by rounding, at most"
            f" {plural(round(difference), 'quantization step')}: see docs/emulator.md for the"
            " kernels that do this"
        )
    elif doubtful:
        amount = f"{100 * share:.0f} % of their range" if floats else f"{difference:g} steps"
        yield (
            f"outputs differ from this computer's by up to {amount}:"
            " measure with --dataset to see whether classes differ, too"
        )


def disagreements(device: HarnessOutput, host: HarnessOutput, test_set: PackedSet) -> list[str]:
    """Return ``ID: device says A, host says B, it is C`` per picture classified differently."""
    device_classes, host_classes = device.accuracy.predicted, host.accuracy.predicted
    names = test_set.classes
    rows = zip(test_set.ids, device_classes, host_classes, test_set.labels, strict=True)
    return [
        f"{name}: device says {names[a]}, host says {names[b]}, it is {names[label]}"
        for name, a, b, label in rows
        if a != b
    ]


def add_disagreements(
    run: BenchmarkRun, device: HarnessOutput, host: HarnessOutput, test_set: PackedSet
) -> BenchmarkRun:
    """Return ``run`` with the pictures that device and host classify differently, and a warning."""
    differing = disagreements(device, host, test_set)
    conditions = replace(run.conditions, pictures_vs_host=tuple(differing))
    warnings = run.warnings
    if differing:
        count = f"{len(differing)} of {len(test_set.ids)} pictures"
        examples = "; ".join(differing[:LISTED])
        warnings = (*warnings, f"{count} are classified differently than on the host: {examples}")
    return replace(run, conditions=conditions, warnings=warnings)


def tensors(content: bytes, types: list[tuple[str, int]]) -> Iterator[NDArray[np.float64]]:
    """Yield the values of each output in the bytes of all, by type and number of bytes.

    Those of a type that NumPy lacks, which the harness calls ``other``, are taken as bytes.
    """
    start = 0
    for dtype, size in types:
        numpy_type = "uint8" if dtype == "other" else dtype
        yield np.frombuffer(content[start : start + size], numpy_type).astype(np.float64)
        start += size


def share_of_range(there: NDArray[np.float64], here: NDArray[np.float64]) -> float:
    """Return the largest difference as a share of the range of ``here``, at most 1."""
    first, second = np.nan_to_num(there), np.nan_to_num(here)
    return _share(_difference(first, second), second)


def _difference(there: NDArray[np.float64], here: NDArray[np.float64]) -> float:
    with np.errstate(over="ignore"):  # of float64, from one end to the other
        largest = np.max(np.abs(there - here), initial=0.0)
    return float(np.nan_to_num(largest))


def _share(difference: float, here: NDArray[np.float64]) -> float:
    """Return ``difference`` as a share of the range of this computer's outputs, at most 1.

    One value has no range, nor have values that are all alike: their size takes its place.
    """
    size = float(np.max(np.abs(here), initial=0.0))
    spread = float(np.ptp(here)) if here.size else 0.0
    measure = max(spread if spread > ALIKE * size else size, SMALLEST)
    return min(1.0, difference / measure)
