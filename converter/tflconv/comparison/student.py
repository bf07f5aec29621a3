"""Student's t distribution for whole degrees of freedom.

Its finite series are those of Abramowitz and Stegun, Handbook of Mathematical Functions, 26.7.3 and
26.7.4; so no library of statistics is needed.
"""

from __future__ import annotations

import math


def within(t: float, freedom: int) -> float:
    """Return the probability that a t variable lies between ``-t`` and ``t``.

    Args:
        t: At least 0.
        freedom: Degrees of freedom, at least 1.

    Example:
        >>> round(within(2.093, 19), 3)
        0.95
    """
    if math.isinf(t):
        return 1.0
    angle = math.atan(t / math.sqrt(freedom))
    sine, cosine = math.sin(angle), math.cos(angle)
    is_odd = freedom % 2 == 1
    term = total = cosine if is_odd else 1.0
    for number in range(3 if is_odd else 2, freedom - 1, 2):
        term *= cosine**2 * (number - 1) / number
        total += term
    if not is_odd:
        return sine * total
    return 2 / math.pi * (angle + (sine * total if freedom > 1 else 0))


def quantile(confidence: float, freedom: int) -> float:
    """Return the ``t`` within which a t variable lies with the probability ``confidence``.

    Example:
        >>> round(quantile(0.99, 19), 3)
        2.861
    """
    if confidence >= 1:
        return math.inf
    low, high = 0.0, 1.0
    while within(high, freedom) < confidence:
        high *= 2
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if within(middle, freedom) < confidence else (low, middle)
    return high
