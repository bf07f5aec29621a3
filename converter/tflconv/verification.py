"""Is a converted model still the model that was trained? Picture by picture, on the test split.

Two accuracies that look alike can hide that the models disagree on many pictures, so both are
told: top-1 with Wilson's interval, and how often the target says what the reference says. The
worst disagreements are listed with the reference's margin: how far it preferred its own answer
over the target's. A flip at a small margin is rounding; a flip at a large one is a broken model.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import cattrs
import numpy as np
from numpy.typing import NDArray

from tflconv import model_card, normalization, stats
from tflconv.data import Dataset, Split
from tflconv.data.card import Resize
from tflconv.errors import TflconvError, UsageError, VerificationFailed
from tflconv.interpreter import Interpreter
from tflconv.model_card import ModelCard
from tflconv.results import Accuracy
from tflconv.source import open_model

WORST = 20
"""How many disagreements a verification keeps."""


@dataclass(frozen=True, kw_only=True)
class Disagreement:
    """One picture on which the models differ; ``margin`` is in logits of the reference."""

    id: str
    label: str
    reference: str
    target: str
    margin: float


@dataclass(frozen=True, kw_only=True)
class ClassCount:
    """Pictures of one class, and how many of them each model gets right."""

    total: int
    reference_correct: int
    target_correct: int

    @property
    def drop(self) -> float:
        """Share of the class that the target lost."""
        return (self.reference_correct - self.target_correct) / self.total


@dataclass(frozen=True, kw_only=True)
class Verification:
    """What the comparison of a target with its reference found."""

    reference: str
    target: str
    dataset: str
    total: int
    reference_correct: int
    target_correct: int
    agreeing: int
    per_class: Mapping[str, ClassCount]
    worst: tuple[Disagreement, ...] = ()
    largest_difference: float = 0.0
    digest: str | None = None
    subset: bool = False

    @property
    def accuracy(self) -> float:
        """Top-1 of the target."""
        return self.target_correct / self.total

    @property
    def reference_accuracy(self) -> float:
        """Top-1 of the reference."""
        return self.reference_correct / self.total

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's 95 % interval of the target's top-1."""
        return stats.wilson(self.target_correct, self.total)

    @property
    def agreement(self) -> float:
        """Share of pictures on which both say the same, right or wrong."""
        return self.agreeing / self.total

    @property
    def drop(self) -> float:
        """How much top-1 the target lost."""
        return (self.reference_correct - self.target_correct) / self.total

    def check(
        self, *, max_drop: float | None = None, min_agreement: float | None = None
    ) -> Verification:
        """Return self, or raise ``VerificationFailed`` if a threshold (a share) is missed."""
        missed = []
        if max_drop is not None and self.drop > max_drop + _ROUNDING:
            missed.append(f"top-1 fell by {_points(self.drop)}, allowed are {_points(max_drop)}")
        if min_agreement is not None and self.agreement < min_agreement - _ROUNDING:
            missed.append(f"it agrees on {self.agreement:.2%}, asked for {min_agreement:.2%}")
        if missed:
            raise VerificationFailed(f"{self.target}: {' and '.join(missed)}.")
        return self

    def to_accuracy(self) -> Accuracy:
        """The part of this that a benchmark run records."""
        return Accuracy(
            dataset=self.dataset,
            correct=self.target_correct,
            total=self.total,
            reference_correct=self.reference_correct,
            agreeing=self.agreeing,
            per_class={
                name: (count.target_correct, count.total) for name, count in self.per_class.items()
            },
            digest=self.digest,
            subset=self.subset,
        )

    def to_json(self) -> dict[str, Any]:
        """All fields, and what is computed from them."""
        return asdict(self) | {
            "accuracy": self.accuracy,
            "interval": self.interval,
            "reference_accuracy": self.reference_accuracy,
            "agreement": self.agreement,
            "drop": self.drop,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Verification:
        """Read what ``to_json`` wrote."""
        return _converter.structure(value, cls)


def known(
    model: Path,
    *,
    normalize: str | None = None,
    labels: Sequence[str] | None = None,
    resize: Resize | None = None,
) -> ModelCard:
    """What the ``.tflite`` at ``model`` says about itself, changed by what a user says about it.

    Raises ``UsageError`` that names what is missing where neither says how to feed it.
    """
    runtime = Interpreter(model)
    if labels is not None and [len(labels)] != [tensor.shape[-1] for tensor in runtime.outputs]:
        shapes = [list(tensor.shape) for tensor in runtime.outputs]
        raise UsageError(f"{len(labels)} labels, but {model} has outputs of the shapes {shapes}.")
    card = runtime.card if normalize is None else _said(runtime, normalize)
    if card is None:
        raise UsageError(
            f"{model} does not say how pixels become its input.",
            hint=f"Say how: --normalize {', '.join(normalization.NAMED)} or MEAN,STD.",
        )
    return replace(
        card,
        labels=card.labels if labels is None else tuple(labels),
        resize=resize or card.resize,
    )


def _said(runtime: Interpreter, normalize: str) -> ModelCard:
    chosen = normalization.parse(normalize)
    if runtime.card is not None:
        return replace(runtime.card, normalization=chosen)
    return ModelCard(
        model=runtime.path.stem,
        labels=(),
        input_shape=runtime.picture_shape,
        normalization=chosen,
    )


def verify(
    reference: Path,
    target: Path,
    dataset: Dataset,
    *,
    card: ModelCard | None = None,
    reference_scores: NDArray[np.float32] | None = None,
    custom_objects: Path | None = None,
) -> Verification:
    """Compare two model files over the test split of ``dataset``.

    ``card`` says how to feed the target and what its outputs mean, by default the file does
    (``known``); the reference is fed by its own card, if it has one, else by the same.
    ``reference_scores`` spares the reference's run where they were kept (``reference_logits``).
    Raises ``UsageError`` if a model does not fit the data.
    """
    images, card = dataset.test.images, card or _card(target)
    if reference_scores is None:
        reference_scores = reference_logits(
            reference, images, card=card, custom_objects=custom_objects
        )
    scores = Interpreter(target, card=card).predict(images)
    outputs = _outputs(card, dataset)
    return compare(
        _in_order(reference_scores, reference, _card(reference) or card, outputs, dataset),
        _in_order(scores, target, card, outputs, dataset),
        _numbered(dataset.test, dataset.classes, outputs),
        classes=outputs,
        names=(reference.name, target.name),
        dataset=dataset.name,
        digest=dataset.digest,
        subset=dataset.subset,
    )


def reference_logits(
    model: Path,
    images: NDArray[np.uint8],
    *,
    card: ModelCard | None = None,
    custom_objects: Path | None = None,
) -> NDArray[np.float32]:
    """Scores float32 ``[n, classes]`` of the reference for ``[n, height, width, channels]`` pixels.

    A ``.tflite`` runs in LiteRT; anything else needs TensorFlow. ``card`` says how pixels become
    inputs where the model itself does not.
    """
    described = _card(model) or card
    if model.suffix == ".tflite":
        return Interpreter(model, card=described).predict(images)
    if described is None:
        raise UsageError(
            f"{model} does not say how pixels become its input.",
            hint="Convert it with tflconv and --normalize; the target then carries the answer.",
        )
    source = open_model(model, custom_objects=custom_objects)
    if len(source.inputs) != 1:
        raise UsageError(
            f"{model} has {len(source.inputs)} inputs; accuracy needs a classifier with one"
            " picture in and one row of scores out."
        )
    scores = source.predict(described.normalization.apply(images))
    return scores.reshape(len(images), -1)


def compare(
    reference: NDArray[np.float32],
    target: NDArray[np.float32],
    split: Split,
    *,
    classes: Sequence[str],
    names: tuple[str, str] = ("reference", "target"),
    dataset: str = "test",
    digest: str | None = None,
    subset: bool = False,
) -> Verification:
    """Compare the scores ``[n, classes]`` of two models for the pictures of ``split``."""
    _check_finite(reference, names[0])
    _check_finite(target, names[1])
    labels = split.labels
    says, said = reference.argmax(axis=1), target.argmax(axis=1)
    return Verification(
        reference=names[0],
        target=names[1],
        dataset=dataset,
        total=len(labels),
        reference_correct=int((says == labels).sum()),
        target_correct=int((said == labels).sum()),
        agreeing=int((says == said).sum()),
        per_class=_per_class(says, said, labels, classes),
        worst=_worst(reference, said, split, classes),
        largest_difference=float(np.abs(reference - target).max()),
        digest=digest,
        subset=subset,
    )


def parse_share(text: str) -> float:
    """Read ``0.5pt`` (percentage points), ``99%`` or a share such as ``0.99``."""
    for suffix in ("pt", "pp", "%"):
        if text.endswith(suffix):
            return _number(text.removesuffix(suffix), text) / 100
    share = _number(text, text)
    if not -1 <= share <= 1:
        raise UsageError(f"'{text}' is not a share.", hint=f"Did you mean {text}pt?")
    return share


def _number(digits: str, text: str) -> float:
    try:
        return float(digits)
    except ValueError:
        raise UsageError(f"'{text}' is not like 0.5pt, 99% or 0.99.") from None


def _card(model: Path) -> ModelCard | None:
    return model_card.read(model) if model.is_file() else None


def _outputs(card: ModelCard | None, dataset: Dataset) -> tuple[str, ...]:
    """What scores stand for, in their order: the classes, or all labels if there are others."""
    labels = () if card is None else card.labels
    return labels if set(dataset.classes) < set(labels) else dataset.classes


def _in_order(
    scores: NDArray[np.float32],
    model: Path,
    card: ModelCard | None,
    outputs: Sequence[str],
    dataset: Dataset,
) -> NDArray[np.float32]:
    """``scores`` with their columns in the order of ``outputs``."""
    if scores.shape[1] != len(outputs):
        raise UsageError(
            f"{model} has {scores.shape[1]} outputs, but {dataset.name} has"
            f" {len(dataset.classes)} classes.",
            hint="If they are some of its labels: --labels FILE names all outputs, one a line.",
        )
    labels = card.labels if card is not None else ()
    if not labels:
        warnings.warn(
            f"{model.name} does not name its outputs; taken to be {', '.join(outputs[:5])}"
            f"{', …' if len(outputs) > 5 else ''} in this order (--labels FILE says another).",
            stacklevel=3,
        )
    if tuple(labels) == tuple(outputs) or sorted(labels) != sorted(outputs):
        return scores
    return scores[:, [labels.index(name) for name in outputs]]


def _numbered(split: Split, classes: Sequence[str], outputs: Sequence[str]) -> Split:
    """``split`` with labels that count in ``outputs``."""
    numbers = np.array([outputs.index(name) for name in classes], np.int64)
    return replace(split, labels=numbers[split.labels])


def _per_class(
    says: NDArray[np.int64],
    said: NDArray[np.int64],
    labels: NDArray[np.int64],
    classes: Sequence[str],
) -> dict[str, ClassCount]:
    counts = {}
    for index, name in enumerate(classes):
        members = labels == index
        if members.any():
            counts[name] = ClassCount(
                total=int(members.sum()),
                reference_correct=int((says[members] == index).sum()),
                target_correct=int((said[members] == index).sum()),
            )
    return counts


def _worst(
    reference: NDArray[np.float32], said: NDArray[np.int64], split: Split, classes: Sequence[str]
) -> tuple[Disagreement, ...]:
    says, rows = reference.argmax(axis=1), np.arange(len(said))
    margins = reference[rows, says] - reference[rows, said]
    differing = np.flatnonzero(says != said)
    ranked = differing[np.argsort(-margins[differing], kind="stable")][:WORST]
    return tuple(
        Disagreement(
            id=split.ids[i],
            label=classes[split.labels[i]],
            reference=classes[says[i]],
            target=classes[said[i]],
            margin=float(margins[i]),
        )
        for i in ranked
    )


def _check_finite(scores: NDArray[np.float32], name: str) -> None:
    if not np.isfinite(scores).all():
        raise TflconvError(f"{name} gives NaN or infinite scores.")


def _points(share: float) -> str:
    return f"{100 * share:.2f} points"


_ROUNDING = 1e-9
_converter = cattrs.Converter()
