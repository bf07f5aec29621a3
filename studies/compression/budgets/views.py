"""Augmented views of pictures, drawn on the device inside the training step.

A view is a random shift (by up to ``shift`` pixels), perhaps mirrored, with a square of ``cutout``
pixels left out (DeVries and Taylor 2017). What is beyond the edge or left out has one value. Pixels
become -1..1, as in the project's cards.
"""

from __future__ import annotations

import torch
import torch.nn.functional as functions
from torch import Tensor


def pad(pictures: Tensor, shift: int, fill: int) -> Tensor:
    """Put a border of ``shift`` pixels around uint8 pictures ``[n, height, width, channels]``."""
    return functions.pad(pictures, (0, 0, shift, shift, shift, shift), value=fill)


def normalized(pixels: Tensor) -> Tensor:
    """Take pixels 0..255 to -1..1."""
    return pixels.float() / 127.5 - 1


def draw(
    padded: Tensor, chosen: Tensor, shift: int, cutout: int, mirror: bool, fill: int
) -> Tensor:
    """Return a view of each chosen picture, ``[len(chosen), height, width, channels]`` in -1..1.

    Args:
        padded: uint8 pictures with a border of ``shift`` pixels.
        chosen: Indices into ``padded``.
        shift: Largest shift, in pixels.
        cutout: Side of the square that is left out, in pixels.
        mirror: Whether half of the views are mirrored.
        fill: Pixel of the square that is left out.
    """
    count, side, device = len(chosen), padded.shape[1] - 2 * shift, padded.device
    steps = torch.arange(side, device=device)
    corner = torch.randint(0, 2 * shift + 1, (count, 2, 1), device=device)
    rows, columns = corner[:, 0] + steps, corner[:, 1] + steps
    if mirror:
        mirrored = torch.randint(0, 2, (count, 1), device=device)
        columns = torch.where(mirrored > 0, columns.flip(1), columns)
    view = normalized(padded[chosen[:, None, None], rows[:, :, None], columns[:, None, :]])
    if not cutout:
        return view
    centre = torch.randint(0, side, (count, 2, 1), device=device)
    near = (steps - centre).abs() < cutout // 2
    hole = near[:, 0, :, None] & near[:, 1, None, :]
    return torch.where(hole[..., None], fill / 127.5 - 1, view)
