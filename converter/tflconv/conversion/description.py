"""Preprocessing, labels and calibration samples that a user gives for a model.

Wrong preprocessing ruins an int8 model without any error: calibrated on 0..255 where it was
trained on 0..1, it has nearly all of its steps where no value ever is. So the user is asked for it,
and it is compared with what the model itself does first and with the calibration values.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from tflconv import data
from tflconv.conversion.calibration import Calibration
from tflconv.conversion.preparation import FloatModel
from tflconv.core import telling
from tflconv.core.plural import plural
from tflconv.errors import UsageError
from tflconv.model import normalization
from tflconv.model.card import ModelCard
from tflconv.model.normalization import Normalization
from tflconv.model.one_score import names_fit
from tflconv.model.pictures import Resize

_FEWEST = 8
"""Calibration samples below which a user is warned.

The int8 file of a ResNet-20 whose ranges came from 1, 2, 4, 8 and 200 pictures agreed with the
float model on 98.6, 98.9, 99.2, 99.3 and 99.2 % of CIFAR-10's test pictures (``verify``).
"""


def describe(
    model: FloatModel,
    own: ModelCard | None,
    *,
    normalize: str | None = None,
    resize: Resize | None = None,
    labels: Sequence[str] | None = None,
) -> ModelCard | None:
    """Return the card of a model, changed by what a user says about it.

    Warns if the user says that pixels are normalized, but the model does so itself.

    Args:
        model: The model, examined for what neither its card nor the user says.
        own: The card in its file, if there is one.
        normalize: How pixels become inputs, as ``normalization.parse`` reads it.
        resize: How pictures are brought to its size.
        labels: Names of its outputs, in their order.

    Returns:
        The card; None if it is not known how pixels become inputs.

    Raises:
        UsageError: There are not as many labels as outputs, or the normalization is unknown.
    """
    said = (normalize, resize, labels)
    if own is None and said == (None, None, None) and not _takes_a_picture(model):
        return None
    chosen = _normalization(model, own, normalize)
    if chosen is None:
        return None
    _check_labels(model, labels)
    card = own or ModelCard(
        model=model.name, labels=(), input_shape=_picture_shape(model), normalization=chosen
    )
    return replace(
        card,
        normalization=chosen,
        labels=card.labels if labels is None else tuple(labels),
        resize=resize or card.resize,
    )


def calibration(
    source: object,
    card: ModelCard | None,
    *,
    count: int = 200,
    seed: int = 0,
    ranks: Sequence[int] = (),
) -> Calibration:
    """Return the calibration samples that ``source`` names or is.

    Only training pictures of a dataset are drawn. Pictures and uint8 arrays are pixels, which are
    normalized as ``card`` says; other arrays are inputs already.

    Args:
        source: Name of a dataset, a folder or archive of pictures, or samples of one's own in any
            form that ``data.own`` reads; several inputs are matched by their names, or in order.
        card: How pixels become inputs.
        count: Number of samples to draw.
        seed: Seed by which they are drawn.
        ranks: Number of dimensions of a batch for each input of the model; tells samples from
            batches, and inputs from labels.

    Raises:
        UsageError: Pixels are given, and it is not known how they become inputs.
        TflconvError: The file cannot be read.
    """
    samples = _read(source, card, count, seed, ranks)
    _warn_of_few(samples)
    if card is not None:
        _warn_of_range(samples, card.normalization)
    return samples


def _read(
    source: object, card: ModelCard | None, count: int, seed: int, ranks: Sequence[int]
) -> Calibration:
    own = data.read_own(source, ranks=ranks, use="train")
    if own is not None:
        own = own.drawn(count, seed)
        if own.pixels is None or own.names:
            return Calibration.of_values(own.name, *own.inputs, names=own.names)
    name = str(source) if own is None else own.name
    if card is None:
        raise UsageError(
            f"the pictures of {name} must be normalized as the model was trained.",
            hint=f"Add --normalize {', '.join(normalization.NAMED)} or MEAN,STD.",
        )
    if own is not None and own.pixels is not None:
        pictures = data.calibration_samples(own, own.pixels)
        return Calibration.of_pictures(pictures, card.normalization)
    return Calibration.of_pictures(
        _pictures(name, card, count, seed), card.normalization, seed=seed
    )


def _pictures(text: str, card: ModelCard, count: int, seed: int) -> data.CalibrationSet:
    """Training pictures of a dataset, or any pictures of an unsorted folder or archive."""
    height, width, channels = card.input_shape
    if data.is_unsorted(text):
        view = data.View(size=(height, width), channels=channels, resize=card.resize or "crop")
        return data.calibration_pictures(Path(text), view, count, seed)
    dataset = data.load_for(card, text, seed=seed)
    dataset.warn()
    return data.calibration(dataset, min(count, len(dataset.train)), seed)


def _normalization(
    model: FloatModel, own: ModelCard | None, text: str | None
) -> Normalization | None:
    if own is not None:
        return own.normalization if text is None else normalization.used(text)
    arithmetic = model.own_arithmetic
    if text is None:
        return normalization.NAMED["in-model"] if arithmetic else None
    chosen = normalization.used(text)
    if arithmetic and chosen != normalization.NAMED["in-model"]:
        telling.warn(
            f"{model.name} normalizes its input by itself ({', '.join(arithmetic)}), and"
            f" --normalize {text} does so before; --normalize in-model hands it raw pixels."
        )
    return chosen


def _warn_of_few(samples: Calibration) -> None:
    count, different = len(samples.inputs[0]), samples.different(_FEWEST)
    if different < _FEWEST:
        has = plural(count, "sample")
        has += f", only {different} of them different" if different < count else ""
        telling.warn(
            f"calibration {samples.name} has {has}: other inputs may go beyond the ranges that so"
            " few show; 100 to 500 are usual."
        )


def _warn_of_range(samples: Calibration, trained: Normalization) -> None:
    """Warn if values are outside of what pixels can become, or cover less than 2 % of it."""
    low, high = trained.limits
    seen_low, seen_high = float(samples.inputs[0].min()), float(samples.inputs[0].max())
    slack = (high - low) / 50
    outside = seen_low < low - slack or seen_high > high + slack
    if outside or seen_high - seen_low < slack:
        telling.warn(
            f"calibration {samples.name} has values from {seen_low:.3g} to {seen_high:.3g}; the"
            f" model was trained on {low:.3g} to {high:.3g}."
        )


def _check_labels(model: FloatModel, labels: Sequence[str] | None) -> None:
    outputs = model.outputs
    if labels is not None and not (len(outputs) == 1 and names_fit(labels, outputs[0])):
        raise UsageError(
            f"{plural(len(labels), 'label')}, but {model.name} has outputs of {outputs} values.",
            hint="Name all outputs of a classifier with --labels FILE, one per line.",
        )


def _takes_a_picture(model: FloatModel) -> bool:
    return [len(shape) for shape in model.input_shapes] == [3]


def _picture_shape(model: FloatModel) -> tuple[int, ...]:
    shapes = model.input_shapes
    if not _takes_a_picture(model):
        raise UsageError(
            f"{model.name} does not take one picture; its inputs have the shapes"
            f" {[list(shape) for shape in shapes]}.",
            hint="Calibrate it with a .npz file that holds one array for each input.",
        )
    return shapes[0]
