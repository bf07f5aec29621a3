"""Amounts as people type them: shares and percentage points."""

from __future__ import annotations

import contextlib
import math

from tflconv.errors import UsageError


def parse_share(text: str) -> float:
    """Read a share from text: ``0.5pt`` (percentage points), ``99%`` or ``0.99``.

    Raises ``UsageError`` for anything else, and for a bare number beyond 1.

    Example:
        >>> parse_share("99%"), parse_share("0.5pt"), parse_share("0.99")
        (0.99, 0.005, 0.99)
    """
    if any(text.endswith(unit) for unit in _UNITS):
        return _share(text)
    share = _number(text, text)
    if not -1 <= share <= 1:
        raise UsageError(f"'{text}' is not a share.", hint=f"Did you mean {text}%?")
    return share


def parse_drop(text: str) -> float:
    """Read a loss of accuracy from text: ``0.5pt`` are 0.5 percentage points.

    Raises ``UsageError`` for a number without a unit, for 0.5 may mean half a point or one half.

    Example:
        >>> parse_drop("0.5pt"), parse_drop("1%")
        (0.005, 0.01)
    """
    if not any(text.endswith(unit) for unit in _UNITS):
        _number(text, text)
        raise UsageError(
            f"'{text}' does not say whether it is in points.",
            hint=f"Say {text}pt for {text} percentage points of accuracy.",
        )
    return _share(text)


_UNITS = ("pt", "pp", "%")


def _share(text: str) -> float:
    """Read a number of percentage points, from -100 to 100, behind which a unit stands."""
    unit = next(unit for unit in _UNITS if text.endswith(unit))
    points = _number(text.removesuffix(unit), text)
    if not -100 <= points <= 100:
        raise UsageError(f"'{text}' is beyond 100 points.", hint="Points go from -100pt to 100pt.")
    return points / 100


def _number(digits: str, text: str) -> float:
    with contextlib.suppress(ValueError):
        if math.isfinite(number := float(digits)):
            return number
    raise UsageError(f"'{text}' is not like 0.5pt, 99% or 0.99.")
