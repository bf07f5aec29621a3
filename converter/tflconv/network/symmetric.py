"""Ranges whose zero point is 0."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from tflconv.core.typing import Tensor

Number = TypeVar("Number", float, Tensor)


def symmetric_ends(
    low: Number, high: Number, *, larger: Callable[[Number, Number], Number]
) -> tuple[Number, Number]:
    """Return the ends of the smallest range around ``low`` to ``high`` whose zero point is 0.

    From such a zero point int8 has 128 steps down and 127 up.

    Args:
        low: Smallest value, at most 0.
        high: Largest value, at least 0.
        larger: Returns the larger of two values: ``max`` for numbers, ``tf.maximum`` for tensors.

    Example:
        >>> symmetric_ends(-0.5, 1.27, larger=max)
        (-1.28, 1.27)
    """
    high = larger(-low * 127 / 128, high)
    return -high * 128 / 127, high
