"""The step ``distill``: a model is trained further under a teacher, as after it was pruned.

The teacher is asked about the very pictures of each batch, so both see the same views. By default
it is the model as it was before all steps. Steps that follow in a recipe and train with rounding
(``qat``) learn from the same teacher.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tflconv.compression.examples import Examples
from tflconv.compression.fine_tuning import Loss, cross_entropy, fine_tune, last_activation
from tflconv.compression.kernels import copied
from tflconv.compression.technique import FACTS, Subject
from tflconv.compression.weight_config import DistillStepConfig
from tflconv.core.files import write_json
from tflconv.core.nesting import leaves
from tflconv.core.progress import Callback
from tflconv.core.tensorflow import tf
from tflconv.core.typing import KerasModel, Tensor
from tflconv.errors import UsageError
from tflconv.model.opening import keras_model
from tflconv.network.keras.opened import Opened
from tflconv.training import teaching
from tflconv.training.features import Features
from tflconv.training.seeing import between

Teacher = Callable[[Tensor], Tensor]
"""Takes inputs of the student and returns the logits of the teacher, in the student's order."""

_SURE = 1e-7
"""Least probability that is told from 0."""


def compress(
    subject: Subject[DistillStepConfig],
    examples: Examples | None,
    unfinished: Path,
    progress: Callback,
) -> KerasModel:
    """Train a copy of the model of ``subject`` under its teacher.

    Raises:
        UsageError: Teacher and student do not tell the same classes apart.
    """
    assert examples is not None  # this technique always needs pictures
    assert subject.teaching is not None  # and always has a teacher
    model, config = copied(subject.model), subject.config
    teacher = teacher_of(subject.teaching.model, subject.model)
    features = _features(subject.teaching.model, subject.model, model, config)
    if features is not None:
        unfinished.mkdir(parents=True, exist_ok=True)
        write_json(unfinished / FACTS, {"layers": features.to_json()})
    fine_tune(
        model,
        examples,
        config,
        name=str(subject.step),
        loss=taught(model, teacher, config),
        features=features,
        unfinished=unfinished,
        progress=progress,
    )
    return model


def taught(model: KerasModel, teacher: Teacher, config: DistillStepConfig) -> Loss:
    """Return the loss of ``model`` on labels and on what ``teacher`` says about the same inputs."""
    labelled, ends = cross_entropy(model, config.label_smoothing), last_activation(model)

    def loss(inputs: Tensor, scores: Tensor, labels: Tensor) -> Tensor:
        logits = in_logits(scores, ends)
        teacher_loss = teaching.taught_loss(teacher(inputs), logits, config.distillation)
        return teaching.loss(labelled(inputs, scores, labels), teacher_loss, config.distillation)

    return loss


def _features(
    teacher: Opened, came: Opened, student: KerasModel, config: DistillStepConfig
) -> Features | None:
    """What ``student``, a copy of the model that came, learns from layers of its teacher."""
    if not config.features:
        return None
    teacher_model, adapted = keras_model(teacher.source), _adapted(teacher, came)
    return Features.named(
        config.distillation, teacher_model, student, adapted=adapted, seed=config.seed
    )


def teacher_of(model: Opened, student: Opened) -> Teacher:
    """Return what asks the Keras model ``model`` about inputs of ``student``.

    Raises:
        UsageError: They do not tell the same classes apart, or take other inputs.
    """
    ends = last_activation(keras_model(model.source))
    own, other = _card_labels(model), _card_labels(student)
    if own and other and sorted(own) != sorted(other):
        raise UsageError(
            f"the teacher {model.name} tells {', '.join(own[:5])} apart, and {student.name}"
            f" {', '.join(other[:5])}.",
            hint="Both must have outputs of the same names, in any order.",
        )
    shapes = [[tuple(entry.shape) for entry in each.source.inputs] for each in (model, student)]
    scores = [_scores(each) for each in (model, student)]
    if shapes[0] != shapes[1] or scores[0] != scores[1]:
        raise UsageError(
            f"the teacher {model.name} makes {scores[0]} scores of {shapes[0]}, and {student.name}"
            f" {scores[1]} of {shapes[1]}.",
            hint="Both must take the same pictures and tell the same classes apart.",
        )
    order = tf.constant([own.index(name) for name in other]) if own and other else None
    adapted = _adapted(model, student)

    def ask(inputs: Tensor) -> Tensor:
        logits = in_logits(model.source.call(adapted(inputs))[0], ends)
        columns: Tensor = logits if order is None else tf.gather(logits, order, axis=-1)
        answer: Tensor = tf.stop_gradient(columns)
        return answer

    return ask


def in_logits(scores: Tensor, ends: str) -> Tensor:
    """Return ``scores`` as logits of all classes.

    Args:
        scores: What a model says ``[n, classes]``, or ``[n, 1]`` for the second of two.
        ends: The function that the model ends with: ``softmax``, ``sigmoid`` or none.
    """
    logits = scores
    if ends in ("softmax", "sigmoid"):
        logits = tf.math.log(tf.maximum(scores, _SURE))
    if ends == "sigmoid":
        logits = logits - tf.math.log(tf.maximum(1 - scores, _SURE))
    if int(scores.shape[-1]) == 1:
        logits = tf.concat([tf.zeros_like(logits), logits], -1)
    return logits


def _adapted(model: Opened, student: Opened) -> Callable[[Tensor], Tensor]:
    """Turns inputs of ``student`` into those of ``model``, which may be normalized otherwise."""
    if model.card is None or student.card is None:
        return lambda inputs: inputs
    return between(student.card.normalization, model.card.normalization)


def _scores(model: Opened) -> int:
    outputs = leaves(getattr(model.source.model, "outputs", None) or ())
    return int(outputs[0].shape[-1] or 0) if outputs else 0


def _card_labels(model: Opened) -> tuple[str, ...]:
    return () if model.card is None else model.card.labels
