"""The error of a file operator by operator, on samples of a dataset or of one's own."""

from __future__ import annotations

from pathlib import Path

from tflconv.conversion import description
from tflconv.errors import UsageError
from tflconv.model.card import ModelCard, read_card
from tflconv.model.interpreter import Interpreter
from tflconv.model.resolving import resolve_card
from tflconv.tflite import editing, packing
from tflconv.verification import per_operator
from tflconv.verification.per_operator import ErrorTrace


def trace_errors(
    reference: Path,
    target: Path,
    calibration: object,
    *,
    count: int,
    normalize: str | None = None,
    seed: int = 0,
) -> ErrorTrace:
    """Return the error of every operator that two ``.tflite`` files of one model have in common.

    Args:
        reference: The file that is right, usually in float.
        target: The file in question.
        calibration: Name of a dataset, a folder or archive of pictures, or samples of one's own.
        count: Number of samples.
        normalize: How pixels become inputs, where neither file says it.
        seed: Seed by which samples are drawn.

    Raises:
        UsageError: The samples do not fit the models, or the models not each other.
        TflconvError: A file cannot be read or run.
    """
    if count < 1:
        raise UsageError(f"at least one sample is needed. Received: {count}.")
    runtime = Interpreter(target)
    ranks = [len(tensor.shape) for tensor in runtime.inputs]
    card = _card(reference, target, normalize)
    samples = description.calibration(calibration, card, count=count, seed=seed, ranks=ranks)
    samples = samples.for_inputs(editing.input_names(packing.unpack(target.read_bytes())))
    samples.check_fits([tensor.shape[1:] for tensor in runtime.inputs])
    drawn = ([array[[i]] for array in samples.inputs] for i in range(len(samples.inputs[0])))
    return per_operator.trace(reference, target, drawn, samples.name)


def _card(reference: Path, target: Path, normalize: str | None) -> ModelCard | None:
    if normalize is not None:
        return resolve_card(target, normalize=normalize)
    return read_card(target) or read_card(reference)
