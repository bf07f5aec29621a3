"""The step ``depthN``: remove residual blocks, the least missed first, until accuracy is spent.

Each block that can be bypassed is tried on validation pictures, and the one whose absence raises
the loss least goes. The rest is trained and judged. When the accuracy falls by more than
``max_drop``, the model before that is the result: the least sufficient depth. The accuracy at each
depth, the curve, stands in the card of the model.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from tflconv.compression.blocks import ResidualBlock, blocks, without
from tflconv.compression.config import DepthConfig
from tflconv.compression.examples import Examples
from tflconv.compression.fine_tuning import accuracy, cross_entropy, fine_tune
from tflconv.compression.technique import FACTS, Subject
from tflconv.core.files import write_json
from tflconv.core.nesting import leaves
from tflconv.core.plural import plural
from tflconv.core.progress import Callback, Progress
from tflconv.core.tensorflow import tf
from tflconv.core.typing import KerasModel
from tflconv.errors import TflconvError
from tflconv.model.opening import keras_model, open_model

_BATCH = 250

Curve = list[dict[str, Any]]
"""One row per depth: ``removed``, the number of blocks, and ``block``, ``accuracy``."""


def compress(
    subject: Subject[DepthConfig],
    examples: Examples | None,
    unfinished: Path,
    progress: Callback,
) -> KerasModel:
    """Remove up to ``N`` blocks from the model of ``subject``.

    Raises:
        TflconvError: It has no block that can be removed, or each costs more than is allowed.
    """
    assert examples is not None  # this technique always needs pictures
    config, custom = subject.config, subject.model.custom_objects
    judges = examples.held_out if examples.held_out else examples
    model, curve = _resumed(subject, unfinished, judges)
    while len(curve) <= subject.amount and "ends" not in curve[-1]:
        candidates = blocks(model, resolution=subject.model.resolution)
        if not candidates:
            break
        chosen = min(
            candidates,
            key=lambda block: _loss(without(model, block, custom_objects=custom), judges, config),
        )
        shorter = without(model, chosen, custom_objects=custom)
        name = f"{subject.step} without {len(curve)}"
        if config.epochs:
            fine_tune(
                shorter, examples, config, name=name, unfinished=unfinished, progress=progress
            )
        row = _row(len(curve), shorter, judges, chosen)
        if curve[0]["accuracy"] - row["accuracy"] > config.max_drop / 100:
            curve.append({**row, "ends": True})
        else:
            model = shorter
            curve.append(row)
            _keep(model, unfinished, len(curve) - 1)
        write_json(unfinished / FACTS, {"curve": curve})
        progress(_note(subject, row))
    _check_shorter(subject, curve)
    return model


def _check_shorter(subject: Subject[DepthConfig], curve: Curve) -> None:
    if len(curve) == 1:
        raise TflconvError(
            f"{subject.model.name} has no residual block that can be bypassed.",
            hint="A block ends with an addition to the value that it started from.",
        )
    if "ends" in curve[1]:
        lost = 100 * (curve[0]["accuracy"] - curve[1]["accuracy"])
        raise TflconvError(
            f"without '{curve[1]['block']}', the block that is missed least,"
            f" {subject.model.name} loses {lost:.2f} points of validation accuracy.",
            hint="Allow more with --setting depth.max_drop=POINTS, or train longer.",
        )


def _row(
    removed: int, model: KerasModel, judges: Examples, block: ResidualBlock | None
) -> dict[str, Any]:
    named = {} if block is None else {"block": block.name}
    return {"removed": removed, **named, "accuracy": round(accuracy(model, judges), 6)}


def _loss(model: KerasModel, judges: Examples, config: DepthConfig) -> float:
    """The mean loss of ``model`` on some of ``judges``, drawn by the seed."""
    loss, losses = cross_entropy(model), []
    order = np.random.default_rng(config.seed).permutation(len(judges))[: config.examples]
    for start in range(0, len(order), _BATCH):
        chosen = order[start : start + _BATCH]
        inputs = tf.constant(judges.normalize(judges.images[chosen]))
        (scores,) = leaves(model(inputs, training=False))
        value = loss(inputs, scores, tf.constant(judges.labels[chosen]))
        losses.append(float(value.numpy()) * len(chosen))
    return sum(losses) / max(1, len(order))


def _resumed(
    subject: Subject[DepthConfig], unfinished: Path, judges: Examples
) -> tuple[KerasModel, Curve]:
    """The model after the last block that was removed for good, and the curve up to it."""
    curve: Curve = []
    if (unfinished / FACTS).is_file():
        curve = json.loads((unfinished / FACTS).read_text(encoding="utf-8"))["curve"]
    model = keras_model(subject.model.source)
    if not curve:
        return model, [_row(0, model, judges, None)]
    removed = sum("ends" not in row for row in curve) - 1
    if removed:
        path = _kept_at(unfinished, removed)
        model = keras_model(open_model(path, custom_objects=subject.model.custom_objects))
    return model, curve


def _keep(model: KerasModel, unfinished: Path, removed: int) -> None:
    from tflconv.training.saving import write_model

    unfinished.mkdir(parents=True, exist_ok=True)
    write_model(_kept_at(unfinished, removed), model, None)


def _kept_at(unfinished: Path, removed: int) -> Path:
    return unfinished / f"without{removed}.keras"


def _note(subject: Subject[DepthConfig], row: dict[str, Any]) -> Progress:
    message = (
        f"{subject.step}: {plural(row['removed'], 'block')} less, the last at '{row['block']}':"
        f" validation accuracy {row['accuracy']:.2%}"
    )
    return Progress(stage="depth", state="note", message=message)
