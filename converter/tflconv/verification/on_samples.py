"""Runs a model and its reference on samples of one's own, and compares all their outputs.

Samples need no labels and no pictures: what can be told is told. With the right class of each and
one row of scores per sample it is what ``verify`` tells about a dataset.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tflconv.core import telling
from tflconv.data.samples import Array, Samples
from tflconv.errors import UsageError
from tflconv.model import normalization
from tflconv.model.card import ModelCard
from tflconv.model.interpreter import Interpreter
from tflconv.network.keras.opened import open_once
from tflconv.tflite import editing, packing
from tflconv.verification.comparing import check_finite, compare
from tflconv.verification.distance import between
from tflconv.verification.metrics import Metric, MetricPair, measure
from tflconv.verification.outcome import Verification

Outputs = list[NDArray[np.float32]]
Prepare = Callable[[Array], NDArray[np.float32]]

_BATCH = 64


def verify_samples(
    reference: Path,
    target: Path,
    samples: Samples,
    *,
    card: ModelCard | None = None,
    metric: Metric | None = None,
    custom_objects: Path | None = None,
    signature: str | None = None,
) -> Verification:
    """Compare a converted model with its reference on samples.

    Args:
        reference: The reference, a file of any kind that converts.
        target: The ``.tflite`` file.
        samples: Inputs of the model, or pixels of pictures, with labels or without.
        card: How pixels become inputs, and what the outputs stand for.
        metric: What counts as right.
        custom_objects: A Python file with layers that the reference uses. It is run.
        signature: Which function of a reference that is a SavedModel.

    Returns:
        The distance of the outputs; with scores of classes also agreement, and with labels
        accuracies or the metric.

    Raises:
        UsageError: The samples do not fit the models, or it is not known how pixels become inputs.
    """
    runtime = Interpreter(target, card=card)
    names = editing.input_names(packing.unpack(target.read_bytes()))
    inputs = samples.fitted(names, [tensor.shape[1:] for tensor in runtime.inputs])
    prepare = _preparation(samples, runtime)
    received = _run(runtime, inputs, prepare)
    if reference.suffix == ".tflite":
        expected = _run(Interpreter(reference, card=card), inputs, prepare)
    else:
        expected = _run_keras(reference, names, inputs, prepare, custom_objects, signature)
    _check_alike(reference, expected, target, received)
    return _compared(
        expected,
        received,
        samples,
        names=(reference.name, target.name),
        labels=() if card is None else card.labels,
        metric=metric,
    )


def _compared(
    expected: Outputs,
    received: Outputs,
    samples: Samples,
    *,
    names: tuple[str, str],
    labels: Sequence[str],
    metric: Metric | None,
) -> Verification:
    for outputs, name in zip((expected, received), names, strict=True):
        for values in outputs:
            check_finite(values, name)
    measured = None if metric is None else _measured(metric, expected, received, samples)
    distance = between(_flat(expected), _flat(received), samples.ids)
    verified = Verification(
        reference=names[0],
        target=names[1],
        dataset=samples.name,
        total=len(samples),
        subset=bool(samples.numbers),
        largest_difference=distance.largest_difference,
    )
    if len(expected) == 1 and expected[0].ndim == 2:
        verified = _classified(verified, expected[0], received[0], samples, labels)
    if samples.labels is not None and measured is None and not verified.has_classes:
        telling.warn(
            f"the labels of {samples.name} are not used, for they are no classes of the outputs:"
            f" {list(samples.labels.shape[1:]) or 'one value'} per sample, outputs of"
            f" {', '.join(str(list(each.shape[1:])) for each in expected)}. --metric mae compares"
            " values, --metric map several classes of one sample."
        )
    return replace(verified, distance=distance, metric=measured, digest=samples.digest)


def _classified(
    verified: Verification,
    expected: NDArray[np.float32],
    received: NDArray[np.float32],
    samples: Samples,
    labels: Sequence[str],
) -> Verification:
    """Return what ``verified`` tells together with what rows of scores tell."""
    scores = _of_two(expected, received)
    count = scores[0].shape[1]
    numbers = samples.numbered(count, labels)
    if numbers is None and samples.labels is not None and samples.labels.dtype.kind == "f":
        return verified  # the outputs are values, not scores
    if numbers is None:
        same = scores[0].argmax(axis=1) == scores[1].argmax(axis=1)
        return replace(verified, agreeing=int(same.sum()))
    named = (titles for titles in (labels, samples.classes) if len(titles) == count)
    return compare(
        *scores,
        samples.split(numbers),
        classes=next(named, tuple(map(str, range(count)))),
        names=(verified.reference, verified.target),
        dataset=verified.dataset,
        subset=verified.subset,
    )


def _measured(metric: Metric, expected: Outputs, received: Outputs, samples: Samples) -> MetricPair:
    if len(expected) > 1:
        raise UsageError(
            f"the model has {len(expected)} outputs, and a metric is of one.",
            hint="Compare them without a metric: SQNR and cosine are over all outputs.",
        )
    return measure(metric, expected[0], received[0], samples.labels)


def _of_two(
    expected: NDArray[np.float32], received: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return scores of two classes where models have one: a probability, or else a logit."""
    if expected.shape[1] != 1:
        return expected, received
    shares = all(((values >= 0) & (values <= 1)).all() for values in (expected, received))
    first, second = (
        np.hstack([1 - values if shares else np.zeros_like(values), values])
        for values in (expected, received)
    )
    return first, second


def _preparation(samples: Samples, runtime: Interpreter) -> Prepare:
    """Return what makes inputs of pixels, as the card says, or of numbers, which are inputs."""
    if samples.pixels is None:
        return lambda values: np.asarray(values, np.float32)
    if runtime.card is None:
        raise UsageError(
            f"{runtime.path} does not say how the pixels of {samples.name} become its input.",
            hint=f"Say how: --normalize {', '.join(normalization.NAMED)} or MEAN,STD; or give"
            " floats, which are taken as they are.",
        )
    return runtime.card.normalization.apply


def _batches(inputs: Sequence[Array], prepare: Prepare) -> Iterator[list[NDArray[np.float32]]]:
    for start in range(0, len(inputs[0]), _BATCH):
        yield [prepare(values[start : start + _BATCH]) for values in inputs]


def _run(runtime: Interpreter, inputs: Sequence[Array], prepare: Prepare) -> Outputs:
    answers = [
        runtime.run([values[index : index + 1] for values in batch])
        for batch in _batches(inputs, prepare)
        for index in range(len(batch[0]))
    ]
    return [np.concatenate(each) for each in zip(*answers, strict=True)]


def _run_keras(
    model: Path,
    names: Sequence[str],
    inputs: Sequence[Array],
    prepare: Prepare,
    custom_objects: Path | None,
    signature: str | None,
) -> Outputs:
    source = open_once(model, custom_objects=custom_objects, signature=signature).source
    from tflconv.core.tensorflow import tf

    own = [each.name for each in source.inputs]
    order = [names.index(name) for name in own] if set(own) == set(names) else range(len(own))
    function = tf.function(lambda *tensors: source.call(*tensors), reduce_retracing=True)
    answers = []
    for batch in _batches(inputs, prepare):
        tensors = [
            tf.constant(batch[place].astype(each.dtype))
            for place, each in zip(order, source.inputs, strict=True)
        ]
        answers.append([np.asarray(output.numpy(), np.float32) for output in function(*tensors)])
    return [np.concatenate(each) for each in zip(*answers, strict=True)]


def _check_alike(reference: Path, expected: Outputs, target: Path, received: Outputs) -> None:
    shapes = [[list(each.shape[1:]) for each in outputs] for outputs in (expected, received)]
    if shapes[0] != shapes[1]:
        raise UsageError(
            f"{reference} and {target} are not versions of one model: their outputs have the shapes"
            f" {shapes[0]} and {shapes[1]}."
        )


def _flat(outputs: Outputs) -> NDArray[np.float32]:
    """Return all outputs as one row of numbers per sample."""
    return np.hstack([values.reshape(len(values), -1) for values in outputs])
