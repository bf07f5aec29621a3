"""How pixels become the input of a model.

A model takes ``(pixel - mean) / std`` of RGB (or grey) pixels in 0..255. A wrong normalization
ruins a model without any error, int8 models most of all, so every file that we write contains it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tflconv.core import telling
from tflconv.errors import UsageError


@dataclass(frozen=True, kw_only=True)
class Normalization:
    """Mean and standard deviation that are taken off pixels.

    Attributes:
        mean: Mean per channel, or one for all channels, in pixel units (0..255).
        std: Standard deviation, likewise.
        channel_order: ``rgb`` or ``bgr``: the order in which the model takes the channels.

    Raises:
        UsageError: A deviation is not above 0, a mean is not finite, or the order is another.

    Example:
        >>> Normalization(mean=(127.5,), std=(127.5,)).limits
        (-1.0, 1.0)
    """

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

    def apply(self, pixels: NDArray[np.number]) -> NDArray[np.float32]:
        """Turn pixels in 0..255 into float inputs of the model.

        Args:
            pixels: ``[..., channels]`` in the order RGB, or grey.

        Raises:
            UsageError: The pixels have another number of channels than the normalization.
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
    """Read a normalization that a user wrote.

    Args:
        text: ``0..1``, ``-1..1``, ``caffe``, ``in-model`` (the model takes raw pixels) or
            ``MEAN,STD`` in pixel units. Six numbers are three means, then three deviations.

    Raises:
        UsageError: The text is none of these.

    Example:
        >>> parse("127.5,127.5") == parse("-1..1")
        True
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


def used(text: str) -> Normalization:
    """Return what ``parse`` does, and warn of numbers that are meant for pixels from 0 to 1."""
    normalization = parse(text)
    if max(normalization.std) < 1:
        low, high = normalization.limits
        pixels = ",".join(f"{255 * float(number):g}" for number in text.split(","))
        telling.warn(
            f"--normalize {text} makes pixels {low:.4g} to {high:.4g}:"
            f" MEAN,STD are for pixels from 0 to 255. Of pixels from 0 to 1 say {pixels}."
        )
    return normalization
