"""Augmentation: each picture goes through a random affine map in each epoch.

It is shifted, rotated, zoomed and mirrored as far as the card of its dataset allows. A digit or a
sign is never mirrored, because that would change what it means. The maps are drawn by NumPy from
(seed, epoch), so an epoch can be repeated alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tflconv.errors import UsageError


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """The limits of augmentation.

    Attributes:
        shift: Largest shift in pixels, in each direction.
        rotate: Largest rotation in degrees, either way.
        zoom: Largest change of size as a share, up or down.
        flip: Whether half of the pictures are mirrored left to right.
    """

    shift: float = 0.0
    rotate: float = 0.0
    zoom: float = 0.0
    flip: bool = False

    @classmethod
    def of(cls, allowed: Mapping[str, Any]) -> Augmentation:
        """Return what the ``augmentation`` of a dataset card allows.

        Raises ``UsageError`` for an entry that is no field of this class.
        """
        try:
            return cls(**allowed)
        except TypeError as error:
            raise UsageError(
                f"the dataset card's augmentation is not understood: {error}"
            ) from None

    @classmethod
    def none(cls) -> Augmentation:
        """Return limits that leave every picture as it is."""
        return cls()

    def maps(
        self, count: int, size: tuple[int, int], random: np.random.Generator
    ) -> NDArray[np.float32]:
        """Draw affine maps about the middle of a picture.

        Args:
            count: Number of maps.
            size: Height and width of the pictures in pixels.
            random: Source of the numbers.

        Returns:
            float32 ``[count, 8]``. A row ``[a0, a1, a2, b0, b1, b2, 0, 0]`` takes the position
            (x, y) in the new picture to (a0 x + a1 y + a2, b0 x + b1 y + b2) in the old one.

        Example:
            >>> Augmentation.none().maps(1, (28, 28), np.random.default_rng(0)).shape
            (1, 8)
        """
        angle = np.radians(random.uniform(-self.rotate, self.rotate, count))
        scale = 1 / (1 + random.uniform(-self.zoom, self.zoom, count))
        mirror = np.where(random.random(count) < 0.5 * self.flip, -1.0, 1.0)
        shift_x, shift_y = random.uniform(-self.shift, self.shift, (2, count))
        cos, sin = scale * np.cos(angle), scale * np.sin(angle)
        linear = np.array([[cos * mirror, -sin], [sin * mirror, cos]])
        centre = (np.array(size[::-1]) - 1) / 2
        moved = centre + np.stack([shift_x, shift_y], axis=1)
        offset = moved - np.einsum("ijn,j->ni", linear, centre)
        zero = np.zeros(count)
        rows = [*linear[0], offset[:, 0], *linear[1], offset[:, 1], zero, zero]
        return np.stack(rows, axis=1).astype(np.float32)
