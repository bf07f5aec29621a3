"""How pixels become a model's input, said once and carried with the model everywhere.

A model sees ``(pixel - mean) / std`` of RGB (or grey) pixels in 0..255. Getting this wrong ruins
a model without an error, INT8 ones most of all, so it is written into every file that we make.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tflconv.errors import UsageError


@dataclass(frozen=True, kw_only=True)
class Normalization:
    """Per-channel ``mean`` and ``std`` in pixel units; one value serves all channels."""

    mean: tuple[float, ...] = (0.0,)
    std: tuple[float, ...] = (255.0,)
    channel_order: str = "rgb"

    def __post_init__(self) -> None:
        if not self.std or not all(math.isfinite(value) and value > 0 for value in self.std):
            raise UsageError(f"normalization: std must be above 0. Received: std={self.std}.")
        if not self.mean or not all(map(math.isfinite, self.mean)):
            raise UsageError(f"normalization: mean must be finite. Received: mean={self.mean}.")
        if self.channel_order not in ("rgb", "bgr"):
            raise UsageError(
                "normalization: channel order must be rgb or bgr."
                f" Received: channel_order={self.channel_order}."
            )

    @property
    def limits(self) -> tuple[float, float]:
        """The smallest and the largest value that a pixel can become."""
        channels = max(len(self.mean), len(self.std))
        ends = self.apply(np.array([[0] * channels, [255] * channels], np.uint8))
        return float(ends.min()), float(ends.max())

    def apply(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Turn ``[..., channels]`` pixels in 0..255 into the model's float input.

        Raises ``UsageError`` where the pictures have another number of channels than the means.
        """
        needed = max(len(self.mean), len(self.std))
        if needed not in (1, pixels.shape[-1]):
            raise UsageError(
                f"the normalization is for {needed} channels; the pictures have {pixels.shape[-1]}."
            )
        values = pixels[..., ::-1] if self.channel_order == "bgr" else pixels
        mean, std = np.asarray(self.mean, np.float32), np.asarray(self.std, np.float32)
        return np.asarray((values.astype(np.float32) - mean) / std, dtype=np.float32)


NAMED = {
    "0..1": Normalization(),
    "-1..1": Normalization(mean=(127.5,), std=(127.5,)),
    "caffe": Normalization(mean=(103.939, 116.779, 123.68), std=(1.0,), channel_order="bgr"),
    "in-model": Normalization(mean=(0.0,), std=(1.0,)),
}


def parse(text: str) -> Normalization:
    """Read ``0..1``, ``-1..1``, ``caffe``, ``in-model`` (raw pixels go in) or ``MEAN,STD``.

    ``MEAN,STD`` are in pixel units; six numbers are three means, then three deviations.
    """
    if text in NAMED:
        return NAMED[text]
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) not in (2, 6):
        raise UsageError(
            f"normalization '{text}' is not one of {', '.join(NAMED)} or MEAN,STD.",
            hint="MEAN,STD are in pixel units: 127.5,127.5 is the same as -1..1.",
        )
    half = len(numbers) // 2
    return Normalization(mean=tuple(numbers[:half]), std=tuple(numbers[half:]))
