"""Hold a model file, or what an app logged, against a golden contract."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tflconv.data import Split
from tflconv.errors import UsageError
from tflconv.model import one_score
from tflconv.model.golden import Golden
from tflconv.model.interpreter import Interpreter
from tflconv.verification import app_log, parting
from tflconv.verification.comparing import compare
from tflconv.verification.metrics import Metric
from tflconv.verification.outcome import Verification

Scores = NDArray[np.float32]


def verify_golden(
    golden: Golden, target: Path, *, log: Path | None = None, metric: Metric | None = None
) -> Verification:
    """Compare a model file with the outputs that a golden contract expects of its exact inputs.

    Args:
        golden: The contract.
        target: The ``.tflite`` file.
        log: What an app logged about the pictures; it is compared in place of the file, and where
            it parts from the contract is looked for.
        metric: What else counts as right.

    Returns:
        The comparison, with the tolerance of the contract; ``check`` holds it.

    Raises:
        UsageError: The file takes other inputs or gives other outputs, or the log is of another
            contract.
    """
    runtime = Interpreter(target)
    _check_fits(golden, runtime)
    if log is None:
        every = range(len(golden.expected))
        return _compared(golden, runtime.predict(golden.values), every, target.name, metric)
    logged = app_log.read(log, golden)
    outputs = np.stack([each.outputs for each in logged])
    indices = [each.index for each in logged]
    verified = _compared(golden, np.nan_to_num(outputs), indices, log.name, metric)
    return replace(verified, parting=parting.find(golden, logged, runtime))


def _check_fits(golden: Golden, runtime: Interpreter) -> None:
    contract = golden.contract
    wanted = [(contract.input.shape, contract.output.shape)]
    received = [(a.shape, b.shape) for a, b in zip(runtime.inputs, runtime.outputs, strict=False)]
    single = len(runtime.inputs) == len(runtime.outputs) == 1
    if not single or received != wanted:
        raise UsageError(
            f"{runtime.path} is not a version of {contract.model}, which {golden.name} was made of:"
            f" that one takes {list(contract.input.shape)} and gives {list(contract.output.shape)}."
        )


def _compared(
    golden: Golden, outputs: Scores, indices: Sequence[int], name: str, metric: Metric | None
) -> Verification:
    samples = [golden.contract.samples[index] for index in indices]
    expected, classes = golden.expected[list(indices)], golden.classes
    scores = (expected, outputs)
    if expected.shape[1] == 1:
        probability = golden.contract.outputs == "probabilities"
        scores = (
            one_score.as_two(expected, probability=probability),
            one_score.as_two(outputs, probability=probability),
        )
    answers = [golden.answers[index] for index in indices]
    labels = [s.label if s.label in classes else a for s, a in zip(samples, answers, strict=True)]
    split = Split(
        images=np.zeros((len(samples), 0, 0, 1), np.uint8),
        labels=np.array([classes.index(str(label)) for label in labels], np.int64),
        ids=tuple(sample.picture for sample in samples),
    )
    verified = compare(
        *scores,
        split,
        classes=classes,
        names=(golden.name, name),
        dataset=golden.name,
        metric=metric,
    )
    return replace(verified, tolerance=golden.contract.tolerance)
