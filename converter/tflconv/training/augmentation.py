"""Pictures moved a little before each look at them, as far as their dataset allows.

Each picture goes through one random affine map: shifted, turned, zoomed and mirrored, as far
as the card of the set says. A digit or a sign is never mirrored, it would mean something else.
The maps are drawn by NumPy from (seed, epoch), so an epoch can be repeated alone.
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
    """The most that a picture is changed: ``shift`` in pixels either way, ``rotate`` in degrees
    either way, ``zoom`` as a share either way, ``flip`` left to right for one picture in two.
    """

    shift: float = 0.0
    rotate: float = 0.0
    zoom: float = 0.0
    flip: bool = False

    @classmethod
    def of(cls, allowed: Mapping[str, Any]) -> Augmentation:
        """What the ``augmentation`` of a dataset card allows."""
        try:
            return cls(**allowed)
        except TypeError as error:
            raise UsageError(
                f"the dataset card's augmentation is not understood: {error}"
            ) from None

    @classmethod
    def none(cls) -> Augmentation:
        """Pictures as they are."""
        return cls()

    def maps(
        self, count: int, size: tuple[int, int], random: np.random.Generator
    ) -> NDArray[np.float32]:
        """``count`` maps ``[a0, a1, a2, b0, b1, b2, 0, 0]`` about the middle of a picture.

        A map takes the place (x, y) in the new picture to (a0 x + a1 y + a2, b0 x + b1 y + b2) in
        the old one.
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
