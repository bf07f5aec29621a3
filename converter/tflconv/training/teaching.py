"""The loss of a student: labels, and what a teacher says about the same pictures.

    loss = (1 - alpha) CE(labels, student) + alpha taught
    soft:  taught = T^2 KL(softmax(teacher / T), softmax(student / T))    Hinton et al. 2015
    hard:  taught = CE(the class that the teacher chooses, student)       DeiT, Touvron et al. 2021

``T`` is the temperature; ``T^2`` keeps the gradients of the soft part of the same size.
"""

from __future__ import annotations

from tflconv.core.tensorflow import tf
from tflconv.core.typing import Tensor
from tflconv.training.config import DistillConfig


def loss(labelled: Tensor, taught: Tensor, config: DistillConfig) -> Tensor:
    """Return the loss of a student.

    Args:
        labelled: Its loss on labels, a number.
        taught: Its loss on what the teacher says (``taught_loss``), a number.
        config: ``alpha`` weighs them.
    """
    mixed: Tensor = (1 - config.alpha) * labelled + config.alpha * taught
    return mixed


def taught_loss(teacher: Tensor, student: Tensor, config: DistillConfig) -> Tensor:
    """Return the mean loss of the ``student`` on what its ``teacher`` says, both logits ``[n, c]``.

    Args:
        teacher: Logits of the teacher.
        student: Logits of the student for the same pictures.
        config: Hard or soft targets, and the temperature of soft ones.
    """
    if config.targets == "hard":
        chosen = tf.argmax(teacher, -1)
        return tf.reduce_mean(
            tf.nn.sparse_softmax_cross_entropy_with_logits(labels=chosen, logits=student)
        )
    warm, soft = config.temperature, tf.nn.softmax(teacher / config.temperature)
    differences = tf.nn.log_softmax(teacher / warm) - tf.nn.log_softmax(student / warm)
    divergence: Tensor = tf.reduce_mean(tf.reduce_sum(soft * differences, -1))
    return warm**2 * divergence
