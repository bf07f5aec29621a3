"""Bring pictures to a size in the ways that apps do, antialiased or not."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Box = tuple[float, float, float, float]
Pixels = NDArray[np.uint8]

_CENTRE = 224 / 256
"""Share of the shorter side that is kept where networks for ImageNet are evaluated."""

KINDS = {
    "stretch": "both sides are scaled separately",
    "crop": "the middle is cut out and scaled",
    "pad": "borders are added so that all of the picture is seen",
    "centre": "the middle 7/8 of the shorter side are cut out",
}
"""How a picture is brought to a size, and what an app that does so does."""


def place(image: Image.Image, size: tuple[int, int], *, kind: str, scale: str | None) -> Pixels:
    """Return ``image`` at ``size`` (height and width).

    Args:
        image: In mode L or RGB.
        size: Height and width in pixels.
        kind: One of ``KINDS``.
        scale: One of ``SCALES``; by default bilinear with antialiasing.
    """
    height, width = size
    scaled = SCALES[scale] if scale is not None else _filtered(Image.Resampling.BILINEAR)
    box, inner = _source(image, width, height, kind)
    content = scaled(image, inner, box)
    content = content.reshape(inner[1], inner[0], -1)
    if inner == (width, height):
        return content
    canvas = np.zeros((height, width, content.shape[2]), np.uint8)
    left, top = round((width - inner[0]) * 0.5), round((height - inner[1]) * 0.5)
    canvas[top : top + inner[1], left : left + inner[0]] = content
    return canvas


def _source(image: Image.Image, width: int, height: int, kind: str) -> tuple[Box, tuple[int, int]]:
    """Return which part of ``image`` is scaled, and to which width and height."""
    w, h = image.size
    if kind == "stretch":
        return (0, 0, w, h), (width, height)
    if kind == "pad":
        ratio = min(width / w, height / h)
        inner = max(1, round(w * ratio)), max(1, round(h * ratio))
        return (0, 0, w, h), (min(inner[0], width), min(inner[1], height))
    ratio = min(w / width, h / height) * (_CENTRE if kind == "centre" else 1.0)
    across, down = ratio * width, ratio * height
    left, top = (w - across) / 2, (h - down) / 2
    return (left, top, left + across, top + down), (width, height)


def _filtered(
    method: Image.Resampling,
) -> Callable[[Image.Image, tuple[int, int], Box], Pixels]:
    return lambda image, size, box: np.asarray(image.resize(size, method, box), np.uint8)


def _bilinear(image: Image.Image, size: tuple[int, int], box: Box) -> Pixels:
    """Mix the four nearest pixels only, as ``Bitmap.createScaledBitmap`` does."""
    values = np.asarray(image, np.float32).reshape(image.height, image.width, -1)
    columns = _positions(box[0], box[2], size[0], image.width)
    rows = _positions(box[1], box[3], size[1], image.height)
    mixed = _mixed(_mixed(values, rows, 0), columns, 1)
    return np.rint(mixed).astype(np.uint8)


def _nearest(image: Image.Image, size: tuple[int, int], box: Box) -> Pixels:
    values = np.asarray(image, np.uint8).reshape(image.height, image.width, -1)
    columns = np.rint(_positions(box[0], box[2], size[0], image.width)).astype(int)
    rows = np.rint(_positions(box[1], box[3], size[1], image.height)).astype(int)
    return np.asarray(values[rows][:, columns], np.uint8)


def _positions(start: float, end: float, count: int, most: int) -> NDArray[np.float64]:
    """Where the centres of ``count`` pixels lie between two places of a side."""
    centres = start + (np.arange(count) + 0.5) * (end - start) / count - 0.5
    return np.clip(centres, 0, most - 1)


def _mixed(
    values: NDArray[np.float32], positions: NDArray[np.float64], axis: int
) -> NDArray[np.float32]:
    low = np.floor(positions).astype(int)
    high = np.minimum(low + 1, values.shape[axis] - 1)
    share = (positions - low).astype(np.float32)
    shape = [1] * values.ndim
    shape[axis] = len(share)
    weight = share.reshape(shape)
    first, second = np.take(values, low, axis), np.take(values, high, axis)
    return np.asarray(first * (1 - weight) + second * weight, np.float32)


SCALES: dict[str, Callable[[Image.Image, tuple[int, int], Box], Pixels]] = {
    "bilinearly without antialiasing": _bilinear,
    "by the nearest pixel": _nearest,
    "bicubically": _filtered(Image.Resampling.BICUBIC),
    "by the mean of an area": _filtered(Image.Resampling.BOX),
}
