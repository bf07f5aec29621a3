"""Run the exact inputs of a golden contract on a device and compare what it answers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tflconv.benchmark.config import BenchmarkConfig
from tflconv.benchmark.laboratory import Laboratory
from tflconv.core.private import scratch_folder
from tflconv.device.interface import Device
from tflconv.errors import UsageError, VerificationFailed
from tflconv.model.golden import Golden
from tflconv.model.interpreter import Interpreter
from tflconv.results import BenchmarkRun, GoldenOutputs

_FAR = 3.4e38
"""Stands for the difference of what is no number: JSON has none."""


def measure(
    model: Path, device: Device, config: BenchmarkConfig, golden: Golden, laboratory: Laboratory
) -> GoldenOutputs:
    """Return how far the outputs of ``model`` on ``device`` are from those of ``golden``.

    Args:
        model: The ``.tflite`` file.
        device: Where it runs.
        config: How it runs: threads, accelerator, precision.
        golden: The contract.
        laboratory: Devices that are prepared.

    Raises:
        UsageError: The file takes other inputs than the contract has.
        DeviceError: The device was lost.
    """
    _check_fits(model, golden)
    with scratch_folder() as folder:
        rows = [
            _outputs(model, device, config, golden, index, laboratory, folder)
            for index in range(len(golden.names))
        ]
    differences = np.abs(np.stack(rows) - golden.expected).max(axis=1)
    tolerance = golden.contract.tolerance
    return GoldenOutputs(
        contract=golden.name,
        total=len(differences),
        kept=int((differences <= tolerance).sum()),
        max_difference=float(np.where(np.isfinite(differences), differences, _FAR).max()),
        tolerance=tolerance,
    )


def require_kept(run: BenchmarkRun, subject: str) -> None:
    """Raise ``VerificationFailed`` where the device gave other outputs than the contract allows."""
    answers = run.conditions.golden
    if answers is not None and answers.kept < answers.total:
        raise VerificationFailed(
            f"{subject}: outputs for {answers.total - answers.kept} of {answers.total} golden"
            f" pictures differ by up to {answers.max_difference:.4g}, {answers.contract} allows"
            f" {answers.tolerance:.4g}."
        )


def _outputs(
    model: Path,
    device: Device,
    config: BenchmarkConfig,
    golden: Golden,
    index: int,
    laboratory: Laboratory,
    folder: Path,
) -> NDArray[np.float32]:
    content = folder / f"{index}.bin"
    content.write_bytes(golden.files[golden.contract.samples[index].input])
    asked = replace(config, input_file=str(content))
    _, received = laboratory.session(model, device, asked).outputs()
    tensor = golden.contract.output
    return tensor.details.dequantize(np.frombuffer(received, tensor.dtype)).reshape(-1)


def _check_fits(model: Path, golden: Golden) -> None:
    runtime, contract = Interpreter(model), golden.contract
    of_model = [
        (t.shape, t.dtype, t.scale, t.zero_point) for t in (*runtime.inputs, *runtime.outputs)
    ]
    of_contract = [
        (t.shape, t.dtype, t.details.scale, t.zero_point) for t in (contract.input, contract.output)
    ]
    if of_model != of_contract:
        raise UsageError(
            f"{model} does not take the input bytes of {golden.name}, which is of"
            f" {contract.model}.",
            hint="Give the contract that was written beside the file by"
            " `tflconv convert MODEL --golden COUNT`.",
        )
