"""Learning from the features of a teacher: what its inner layers say about the same pictures.

    fitnets:    mean of (teacher - projection(student))^2, over that of teacher^2
    attention:  |A(teacher) - A(student)|^2, A the mean square over channels, of length 1

FitNets (Romero et al. 2015, https://arxiv.org/abs/1412.6550) projects where widths differ:
a 1x1 convolution of the student's features, trained with it and thrown away afterwards. Attention
transfer (Zagoruyko and Komodakis 2017, https://arxiv.org/abs/1612.03928) compares where both look,
whatever their widths. Features of a teacher are brought to the student's height and width.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from tflconv.core.jsonvalue import JsonValue
from tflconv.core.nesting import leaves
from tflconv.core.tensorflow import keras2, keras3, tf
from tflconv.core.typing import KerasModel, Tensor, Variable
from tflconv.errors import UsageError, unknown
from tflconv.training.config import DistillConfig, FeatureLoss

AUTO = "auto"

_LEAST = 1e-12


@dataclass(frozen=True, kw_only=True)
class LayerPair:
    """A layer of the teacher, and the layer of the student that learns from it."""

    teacher: str
    student: str


class Features:
    """What a student learns from inner layers of its teacher.

    Args:
        teacher: The Keras model that teaches.
        student: The Keras model that learns; it is left as it is.
        pairs: Which layers.
        kind: ``fitnets`` or ``attention``.
        beta: What the loss is multiplied by.
        adapted: Turns inputs of the student into those of the teacher.
        seed: Seed of the projections.

    Attributes:
        watched: The student, whose outputs are followed by the features of its layers.
        variables: What is trained besides the student, and is no part of it.
    """

    def __init__(
        self,
        teacher: KerasModel,
        student: KerasModel,
        pairs: Sequence[LayerPair],
        kind: FeatureLoss = "fitnets",
        *,
        beta: float = 1.0,
        adapted: Callable[[Tensor], Tensor] = lambda inputs: inputs,
        seed: int = 0,
    ) -> None:
        self.pairs, self.kind, self._beta, self._adapted = tuple(pairs), kind, beta, adapted
        self._teacher = _watching(teacher, [pair.teacher for pair in pairs])
        self.watched = _watching(student, [pair.student for pair in pairs], with_outputs=True)
        values = leaves(self._teacher.outputs), leaves(self.watched.outputs)[1:]
        shapes = [[tuple(value.shape) for value in each] for each in values]
        for pair, teacher_shape, student_shape in zip(self.pairs, *shapes, strict=True):
            _check(pair, teacher_shape, student_shape)
        widths = [[shape[-1] for shape in each] for each in shapes]
        self._projections = [
            _projection(width, wanted, seed + number) if kind == "fitnets" else None
            for number, (wanted, width) in enumerate(zip(*widths, strict=True))
        ]

    @classmethod
    def named(
        cls,
        config: DistillConfig,
        teacher: KerasModel,
        student: KerasModel,
        *,
        adapted: Callable[[Tensor], Tensor],
        seed: int,
    ) -> Features:
        """Return what ``student`` learns from the layers that ``config`` names.

        Raises:
            UsageError: A layer is not there, or two do not fit each other.
        """
        layer_pairs = pairs(config.features, teacher, student)
        kind, beta = config.feature_loss, config.beta
        return cls(teacher, student, layer_pairs, kind, beta=beta, adapted=adapted, seed=seed)

    @property
    def variables(self) -> list[Variable]:
        """The projections that widths need."""
        return [each for each in self._projections if each is not None]

    def loss(self, inputs: Tensor, features: Sequence[Tensor]) -> Tensor:
        """Return the mean loss of ``features`` on what the teacher makes of ``inputs``.

        Args:
            inputs: Inputs of the student.
            features: What its layers make of them, as ``watched`` returns it behind the scores.
        """
        teacher_features = leaves(self._teacher(self._adapted(inputs), training=False))
        layers = zip(teacher_features, features, self._projections, strict=True)
        losses = [
            self._pair_loss(tf.stop_gradient(_resized(teacher, student)), student, projection)
            for teacher, student, projection in layers
        ]
        mean: Tensor = self._beta * tf.add_n(losses) / len(losses)
        return mean

    def to_json(self) -> list[dict[str, JsonValue]]:
        """Return what a card says about the layers."""
        return [
            {"teacher": pair.teacher, "student": pair.student, "projected": each is not None}
            for pair, each in zip(self.pairs, self._projections, strict=True)
        ]

    def _pair_loss(self, teacher: Tensor, student: Tensor, projection: Variable | None) -> Tensor:
        if self.kind == "attention":
            apart = _attention(teacher) - _attention(student)
            return tf.reduce_mean(tf.reduce_sum(tf.square(apart), -1))
        projected = student if projection is None else tf.tensordot(student, projection, 1)
        scale = tf.reduce_mean(tf.square(teacher)) + _LEAST
        return tf.reduce_mean(tf.square(teacher - projected)) / scale


def pairs(wanted: str, teacher: KerasModel, student: KerasModel) -> list[LayerPair]:
    """Return the layers that ``wanted`` names.

    Args:
        wanted: ``TEACHER=STUDENT,...`` by the names of layers; or ``auto`` for the last layers of
            each size of picture (or number of tokens) that both have.
        teacher: The model that teaches.
        student: The model that learns.

    Raises:
        UsageError: Nothing fits.
    """
    if wanted != AUTO:
        named = [part.partition("=") for part in wanted.split(",")]
        return [LayerPair(teacher=first.strip(), student=last.strip()) for first, _, last in named]
    teacher_ends, student_ends = _stage_ends(teacher), _stage_ends(student)
    matched = [
        LayerPair(teacher=teacher_ends[size], student=student_ends[size])
        for size in student_ends
        if size in teacher_ends
    ]
    if not matched:
        raise UsageError(
            "teacher and student have no stages of the same size:"
            f" {', '.join(map(_shown, teacher_ends)) or 'none'} and"
            f" {', '.join(map(_shown, student_ends))}.",
            hint="Name layers in place of auto: TEACHER_LAYER=STUDENT_LAYER,...",
        )
    return matched


def _stage_ends(model: KerasModel) -> dict[tuple[int, ...], str]:
    """The last layer of each size of its features, before pooling to one vector."""
    ends: dict[tuple[int, ...], str] = {}
    for layer in model.layers:
        shape = _shape(layer)
        if len(shape) in (3, 4) and None not in shape[1:-1] and max(shape[1:-1]) > 1:
            ends[shape[1:-1]] = layer.name
    inputs = {tuple(value.shape)[1:-1] for value in leaves(model.inputs)}
    return {size: name for size, name in ends.items() if size not in inputs} or ends


def _shape(layer: Any) -> tuple[Any, ...]:
    """The shape of the only output of ``layer``; nothing for an input and for several."""
    if type(layer).__name__ == "InputLayer":
        return ()
    outputs = leaves(layer.output)
    return tuple(outputs[0].shape) if len(outputs) == 1 else ()


def _watching(model: KerasModel, names: Sequence[str], *, with_outputs: bool = False) -> KerasModel:
    """A model of the same layers whose outputs are those of the layers called ``names``."""
    known = {layer.name: layer for layer in model.layers}
    for name in names:
        if name not in known:
            raise unknown("layer", name, known)
    outputs = [*(leaves(model.outputs) if with_outputs else ()), *(known[n].output for n in names)]
    keras = keras2 if isinstance(model, keras2.Model) else keras3()
    watching: KerasModel = keras.Model(model.inputs, outputs)
    return watching


def _check(
    pair: LayerPair, teacher_shape: Sequence[int | None], student_shape: Sequence[int | None]
) -> None:
    tokens = len(student_shape) == 3 and teacher_shape[1] != student_shape[1]
    if len(teacher_shape) != len(student_shape) or len(student_shape) < 2 or tokens:
        raise UsageError(
            f"layer {pair.student} makes {_shown(student_shape[1:])}, and {pair.teacher} of the"
            f" teacher {_shown(teacher_shape[1:])}.",
            hint="Pictures of channels learn from such pictures, tokens from as many tokens.",
        )


def _projection(width: int, wanted: int, seed: int) -> Variable | None:
    """A 1x1 convolution from ``width`` to ``wanted`` channels; None where they are equal."""
    if width == wanted:
        return None
    start = keras2.initializers.GlorotUniform(seed)((width, wanted))
    projection: Variable = tf.Variable(start, name="feature_projection")
    return projection


def _resized(features: Tensor, like: Tensor) -> Tensor:
    sides = like.shape[1:3]
    if len(like.shape) != 4 or features.shape[1:3] == sides:
        return features
    brought: Tensor = tf.image.resize(features, sides, method="area")
    return brought


def _attention(features: Tensor) -> Tensor:
    """Where features are large: one number per position, of length 1 over all positions."""
    squares = tf.reduce_mean(tf.square(features), -1)
    flat = tf.reshape(squares, (tf.shape(squares)[0], -1))
    shares: Tensor = flat / (tf.norm(flat, axis=-1, keepdims=True) + _LEAST)
    return shares


def _shown(sides: Sequence[int | None]) -> str:
    return " x ".join(map(str, sides))
