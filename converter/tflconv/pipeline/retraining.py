"""From a trained float model to one that was trained again for int8, ready to convert.

This is where compression (which trains) and conversion (which writes files) meet. What comes out
carries its ranges: the scales in the file are those that were trained, and no calibration is asked
for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from tflconv import conversion, data, recipe
from tflconv.compression import QatConfig
from tflconv.compression.examples import Examples, Told
from tflconv.conversion import FloatModel
from tflconv.core.files import sha256_file
from tflconv.core.versions import versions
from tflconv.data import Dataset
from tflconv.errors import UsageError
from tflconv.model.card import ModelCard
from tflconv.model.normalization import NAMED
from tflconv.model.opening import Source, of_keras, open_model
from tflconv.recipe import Recipe

_TRAINERS = ("tensorflow", "tf_keras", "tensorflow-model-optimization")


def for_recipes(
    ready: FloatModel,
    recipes: Sequence[Recipe],
    model: Path | Any,
    dataset: str | None,
    card: ModelCard | None,
    config: QatConfig,
    **how: Any,
) -> FloatModel:
    """``ready`` as ``recipes`` need it: with what training made of ``model`` if one asks for that.

    ``dataset`` is by default what the model was trained on; ``how`` is that of ``train_for_int8``.
    """
    asking = [recipe.name for recipe in recipes if recipe.qat]
    if not asking or ready.has_trained_ranges:
        return ready
    if card is None:
        raise UsageError(
            f"recipe {asking[0]} learns from pictures, normalized as the model was trained.",
            hint=f"Say how: --normalize {', '.join(NAMED)} or MEAN,STD.",
        )
    pictures = data.load_for(card, dataset, seed=config.seed)
    pictures.warn()
    return replace(ready, retrained=train_for_int8(model, pictures, card, config, **how))


def train_for_int8(
    model: Path | Any,
    dataset: Dataset,
    card: ModelCard,
    config: QatConfig,
    *,
    optimize: bool = False,
    custom_objects: Path | None = None,
    told: Told = lambda _epoch, _loss: None,
) -> FloatModel:
    """Train ``model`` (a file or a live Keras model) on the training split of ``dataset``.

    Pictures become inputs as ``card`` says, and its labels say what the outputs stand for; without
    labels they stand for the classes of ``dataset``, in that order. ``optimize`` takes the pass
    that changes the output, too: the softmax at the end goes. Raises ``TflconvError`` for a layer
    that cannot be trained and ``UsageError`` for a model that does not tell the classes of
    ``dataset`` apart, both before the training starts.
    """
    is_file = isinstance(model, Path)
    source = open_model(model, custom_objects=custom_objects) if is_file else of_keras(model)
    card = replace(card, labels=card.labels or tuple(dataset.classes))
    _check_tells_apart(source, dataset, card.labels)
    train = _by_tfmot if config.engine == "tfmot" else _by_our_own
    made = train(source.model, _examples(dataset, card), config, optimize, told)
    return replace(
        made,
        name=source.name,
        card=_card_of(card, dataset, config),
        parent=sha256_file(model) if is_file and model.is_file() else None,
    )


def _by_our_own(
    model: Any, examples: Examples, config: QatConfig, optimize: bool, told: Told
) -> FloatModel:
    from tflconv.compression import qat
    from tflconv.conversion import optimized
    from tflconv.network import passes
    from tflconv.network.keras import reader

    kept = [step for step in passes.PASSES if optimize or step.name != "drop_softmax"]
    network, _ = passes.optimize(reader.read(model), kept)
    qat.check_known(network)
    start = qat.first_ranges(network, examples, config)
    optimized.of_network(network, trained=start).make(recipe.get("static_wi8_ai8"))
    network, ranges = qat.fine_tune(network, examples, config, told=told)
    return optimized.of_network(network, trained=ranges)


def _by_tfmot(model: Any, examples: Examples, config: QatConfig, _: bool, told: Told) -> FloatModel:
    from tflconv.compression import qat_tfmot

    return conversion.prepare(qat_tfmot.fine_tune(model, examples, config, told=told))


def _examples(dataset: Dataset, card: ModelCard) -> Examples:
    split = dataset.train
    numbers = np.array([card.labels.index(name) for name in dataset.classes], np.int64)
    return Examples(
        images=split.images,
        labels=numbers[split.labels],
        normalize=card.normalization.apply,
    )


def _check_tells_apart(source: Source, dataset: Dataset, labels: Sequence[str]) -> None:
    missing = [name for name in dataset.classes if name not in labels]
    if missing:
        raise UsageError(
            f"{dataset.name} has pictures of {missing[0]}, which is none of the labels of"
            f" {source.name}: {', '.join(labels)}.",
            hint="--labels FILE names all outputs, one a line.",
        )
    outputs = [tuple(tensor.shape) for tensor in getattr(source.model, "outputs", None) or ()]
    if outputs != [(None, len(labels))] or len(source.inputs) != 1:
        raise UsageError(
            f"{source.name} does not tell the {len(dataset.classes)} classes of {dataset.name}"
            f" apart: its outputs have the shapes {[list(shape[1:]) for shape in outputs]}.",
            hint="Training for int8 needs one picture in, and one output with a score a class.",
        )


def _card_of(card: ModelCard, dataset: Dataset, config: QatConfig) -> ModelCard:
    """What the file will say about itself and its training."""
    pictures = {"dataset": dataset.name, "dataset_digest": dataset.digest}
    return replace(
        card,
        training={**card.training, "qat": {**asdict(config), **pictures}},
        versions={**card.versions, **versions(*_TRAINERS)},
    )
