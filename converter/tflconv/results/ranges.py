"""Numbers are checked where results are built, so that no report divides by 0 or draws infinity."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import fields

from tflconv.errors import require

MOST = 2**63 - 1
"""The largest number in results; the harness counts in 64 bits."""


def require_counts(owner: str, value: object, *, signed: Iterable[str] = ()) -> None:
    """Check all numbers in the fields of a dataclass, also those in tuples and mappings.

    Args:
        owner: What it is called in the message.
        value: The dataclass.
        signed: Fields that may be negative, such as temperatures.

    Raises:
        UsageError: A number is not finite, negative, or larger than ``MOST``.
    """
    for field in fields(value):  # type: ignore[arg-type]
        least = -MOST if field.name in signed else 0
        numbers = _numbers(getattr(value, field.name))
        fits = all(least <= number <= MOST for number in numbers)  # NaN is not
        rule = f"finite and between {'-2^63' if least else 0} and 2^63"
        require(owner, value, **{field.name: (fits, rule)})


def require_finite(owner: str, value: object, *names: str) -> None:
    """Check that the numbers in the fields ``names`` of ``value`` are finite."""
    finite = {name: all(map(math.isfinite, _numbers(getattr(value, name)))) for name in names}
    require(owner, value, **{name: (is_finite, "finite") for name, is_finite in finite.items()})


def _numbers(value: object) -> Iterable[float]:
    if isinstance(value, int | float):
        return (value,)
    if isinstance(value, Mapping):
        return [n for item in value.values() for n in _numbers(item)]
    if isinstance(value, tuple | list):
        return [n for n in value if isinstance(n, int | float)]
    return ()
