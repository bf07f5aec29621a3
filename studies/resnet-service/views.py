"""Augmented views of pictures, drawn on the accelerator inside the training step.

A view is a random shift (by up to ``shift`` pixels), perhaps mirrored, with a square of ``cutout``
pixels left out (DeVries and Taylor 2017), perhaps mixed with another view (mixup, Zhang et al.
2018). What is beyond the edge or left out has one value. Pixels become -1..1, as in the project's
cards.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
from plans import Settings


def pad(pictures: jax.Array, shift: int, fill: int) -> jax.Array:
    """Put a border of ``shift`` pixels around uint8 pictures ``[n, height, width, channels]``."""
    border = ((0, 0), (shift, shift), (shift, shift), (0, 0))
    return jnp.pad(pictures, border, constant_values=fill)


def normalized(pixels: jax.Array) -> jax.Array:
    """Take pixels 0..255 to -1..1."""
    return pixels.astype(jnp.float32) / 127.5 - 1


def draw(key: jax.Array, padded: jax.Array, chosen: jax.Array, settings: Settings) -> jax.Array:
    """Return a view of each chosen picture, ``[len(chosen), height, width, channels]`` in -1..1.

    Args:
        key: What is drawn depends on it alone.
        padded: uint8 pictures with a border of ``settings.shift`` pixels.
        chosen: Indices into ``padded``.
        settings: Largest shift and side of the square that is left out, in pixels, what fills
            it, and whether pictures are mirrored.
    """
    shift, cutout = settings.shift, settings.cutout
    count, side = len(chosen), padded.shape[1] - 2 * shift
    keys = jax.random.split(key, 3)
    corner = jax.random.randint(keys[0], (count, 2, 1), 0, 2 * shift + 1)
    rows, columns = corner[:, 0] + jnp.arange(side), corner[:, 1] + jnp.arange(side)
    mirrored = jax.random.bernoulli(keys[1], 0.5, (count, 1)) & settings.mirror
    columns = jnp.where(mirrored, columns[:, ::-1], columns)
    view = normalized(padded[chosen[:, None, None], rows[:, :, None], columns[:, None, :]])
    if not cutout:
        return view
    centre = jax.random.randint(keys[2], (count, 2, 1), 0, side)
    near = jnp.abs(jnp.arange(side) - centre) < cutout // 2
    hole = near[:, 0, :, None, None] & near[:, 1, None, :, None]
    return jnp.where(hole, normalized(jnp.float32(settings.fill)), view)


def mix(
    key: jax.Array, view: jax.Array, targets: jax.Array, strength: float
) -> tuple[jax.Array, jax.Array]:
    """Mix each view and its target with another of the batch, by a share drawn once per batch.

    Args:
        key: What is drawn depends on it alone.
        view: ``[n, height, width, channels]``.
        targets: ``[n, classes]``.
        strength: Both parameters of the beta distribution of the share; 0 mixes nothing.
    """
    if not strength:
        return view, targets
    share_key, order_key = jax.random.split(key)
    share = jax.random.beta(share_key, strength, strength)
    other = jax.random.permutation(order_key, len(view))
    return share * view + (1 - share) * view[other], share * targets + (1 - share) * targets[other]
