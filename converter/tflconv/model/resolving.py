"""The card that a model is fed by: its own, with what a user says in place of what it says."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from tflconv.core.plural import plural
from tflconv.errors import UsageError
from tflconv.model import normalization, one_score, own_labels
from tflconv.model.card import ModelCard
from tflconv.model.interpreter import Interpreter
from tflconv.model.pictures import Resize


def resolve_card(
    model: Path,
    *,
    normalize: str | None = None,
    labels: Sequence[str] | None = None,
    resize: Resize | None = None,
) -> ModelCard:
    """Return the card of a ``.tflite`` file, with what a user says in place of what it says.

    Args:
        model: The ``.tflite`` file.
        normalize: How pixels become inputs: ``0..1``, ``-1..1`` or another named normalization,
            or ``MEAN,STD``.
        labels: Names of the outputs, in their order.
        resize: How pictures are brought to the size of the model.

    Returns:
        The card.

    Raises:
        UsageError: Neither file nor user says how pixels become inputs, or there are more or fewer
            labels than outputs.
    """
    runtime = Interpreter(model)
    sizes = [math.prod(tensor.shape[-1:]) for tensor in runtime.outputs]
    if labels is not None and not (len(sizes) == 1 and one_score.names_fit(labels, sizes[0])):
        shapes = [list(tensor.shape) for tensor in runtime.outputs]
        raise UsageError(
            f"{plural(len(labels), 'label')}, but {model} has outputs of the shapes {shapes}.",
            hint="Name all outputs of a classifier with --labels FILE, one per line.",
        )
    card = runtime.card if normalize is None else _normalized_by(runtime, normalize)
    if card is None:
        runtime.check_takes_picture()
        raise UsageError(
            f"{model} does not say how pixels become its input.",
            hint=f"Say how: --normalize {', '.join(normalization.NAMED)} or MEAN,STD.",
        )
    own = card.labels or own_labels.fitting(model, sizes) if labels is None else tuple(labels)
    return replace(
        card,
        labels=own,
        resize=resize or card.resize,
    )


def _normalized_by(runtime: Interpreter, normalize: str) -> ModelCard:
    chosen = normalization.used(normalize)
    if runtime.card is not None:
        return replace(runtime.card, normalization=chosen)
    return ModelCard(
        model=runtime.path.stem,
        labels=(),
        input_shape=runtime.picture_shape,
        normalization=chosen,
    )
