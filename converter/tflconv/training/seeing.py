"""Make a view of pictures with TensorFlow, and the labels that belong to it.

Student and teacher are both fed by ``seen``, which computes each picture for itself, so that both
get the same numbers.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tflconv.core.tensorflow import tf
from tflconv.core.typing import Tensor
from tflconv.model.normalization import Normalization
from tflconv.training.views import Batch


def seen(batch: Batch) -> Tensor:
    """Return the pictures of ``batch`` as a model sees them: float32 pixels, not normalized."""
    pictures = augmented(batch.pixels, batch.maps)
    if batch.partners is not None:
        pixels, _, maps = batch.partners
        pictures = _mixed(pictures, augmented(pixels, maps), batch)
    if batch.erased is not None:
        mean = tf.reduce_mean(pictures, (1, 2), keepdims=True)
        pictures = tf.where(_inside(batch.erased, pictures), mean, pictures)
    return pictures


def augmented(pixels: Tensor, maps: Tensor) -> Tensor:
    """Send pictures through their affine maps; beyond its edge a picture repeats it."""
    moved: Tensor = tf.raw_ops.ImageProjectiveTransformV3(
        images=tf.cast(pixels, tf.float32),
        transforms=maps,
        output_shape=tf.shape(pixels)[1:3],
        fill_value=0.0,
        interpolation="BILINEAR",
        fill_mode="NEAREST",
    )
    return moved


def targets(batch: Batch, classes: int, smoothing: float = 0.0) -> Tensor:
    """Return the probabilities of the classes ``[n, classes]`` that the labels stand for.

    Args:
        batch: Pictures with labels, mixed or not.
        classes: Number of classes.
        smoothing: Share of each label that is spread over all classes (Szegedy et al. 2016).
    """
    wanted = tf.one_hot(batch.labels, classes)
    if batch.partners is not None:
        share = tf.reshape(batch.share, (-1, 1))
        wanted = share * wanted + (1 - share) * tf.one_hot(batch.partners[1], classes)
    smoothed: Tensor = wanted * (1 - smoothing) + smoothing / classes
    return smoothed


def between(first: Normalization, other: Normalization) -> Callable[[Tensor], Tensor]:
    """Return what turns inputs by the normalization ``first`` into those by ``other``."""
    if first == other:
        return lambda inputs: inputs
    mean, std, other_mean, other_std = (
        np.asarray(each, np.float32)
        for normalization in (first, other)
        for each in (normalization.mean, normalization.std)
    )
    turned = first.channel_order != other.channel_order

    def adapted(inputs: Tensor) -> Tensor:
        pixels = inputs * std + mean
        result: Tensor = ((tf.reverse(pixels, [-1]) if turned else pixels) - other_mean) / other_std
        return result

    return adapted


def _mixed(pictures: Tensor, partners: Tensor, batch: Batch) -> Tensor:
    share = tf.reshape(batch.share, (-1, 1, 1, 1))
    cut = tf.reshape(batch.boxes[:, 2] > batch.boxes[:, 0], (-1, 1, 1, 1))
    blended = tf.where(cut, pictures, share * pictures + (1 - share) * partners)
    mixed: Tensor = tf.where(_inside(batch.boxes, pictures), partners, blended)
    return mixed


def _inside(boxes: Tensor, pictures: Tensor) -> Tensor:
    """Whether each pixel ``[n, height, width, 1]`` is in the box of its picture."""
    rows = tf.range(tf.shape(pictures)[1])[tf.newaxis, :, tf.newaxis, tf.newaxis]
    columns = tf.range(tf.shape(pictures)[2])[tf.newaxis, tf.newaxis, :, tf.newaxis]
    top, left, bottom, right = (
        tf.reshape(edge, (-1, 1, 1, 1)) for edge in tf.unstack(tf.cast(boxes, tf.int32), axis=1)
    )
    inside: Tensor = (rows >= top) & (rows < bottom) & (columns >= left) & (columns < right)
    return inside
