"""Amounts as people type and read them: shares, percentage points, times and sizes."""

from __future__ import annotations

import contextlib
import math

from tflconv.errors import UsageError


def parse_share(text: str) -> float:
    """Read a share from text: ``0.5pt`` (percentage points), ``99%`` or ``0.99``.

    Raises ``UsageError`` for anything else, for a bare number beyond 1 and for what is negative.

    Example:
        >>> parse_share("99%"), parse_share("0.5pt"), parse_share("0.99")
        (0.99, 0.005, 0.99)
    """
    if any(text.endswith(unit) for unit in _UNITS):
        return _share(text)
    share = _number(text, text)
    if share < 0:
        raise UsageError(f"'{text}' is not a share.", hint="Shares go from 0% to 100%.")
    if share > 1:
        raise UsageError(f"'{text}' is not a share.", hint=f"Did you mean {text}%?")
    return share


def parse_drop(text: str) -> float:
    """Read a loss of accuracy from text: ``0.5pt`` are 0.5 percentage points.

    Raises ``UsageError`` for anything else: 0.5 may mean half a point or one half, and 1% may mean
    a point or a hundredth of the accuracy.

    Example:
        >>> parse_drop("0.5pt"), parse_drop("2pp")
        (0.005, 0.02)
    """
    points = math.nan
    with contextlib.suppress(ValueError):
        if text.endswith(_POINTS):
            points = float(text[: -len("pt")])
    if not 0 <= points <= 100:
        raise UsageError(
            f"'{text}' is not a drop of accuracy: it is said in percentage points, 0pt to 100pt.",
            hint="Say 0.5pt where half a point may be lost.",
        )
    return points / 100


def clock_text(seconds: float) -> str:
    """Return a time as people read it while they wait.

    Example:
        >>> clock_text(3.14), clock_text(75.2), clock_text(7325)
        ('3.1 s', '1:15', '2:02:05')
    """
    if seconds < 10:
        return f"{max(seconds, 0):.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 1:
        return f"{rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def bytes_text(count: int) -> str:
    """Return a size in megabytes.

    Example:
        >>> bytes_text(12_345_678)
        '12.3 MB'
    """
    return f"{count / 1e6:.1f} MB"


_POINTS = ("pt", "pp")
_UNITS = (*_POINTS, "%")


def _share(text: str) -> float:
    """Read a number of percentage points, from 0 to 100, behind which a unit stands."""
    unit = next(unit for unit in _UNITS if text.endswith(unit))
    points = _number(text.removesuffix(unit), text)
    if not 0 <= points <= 100:
        raise UsageError(f"'{text}' is not a share.", hint="Shares go from 0% to 100%.")
    return points / 100


def _number(digits: str, text: str) -> float:
    with contextlib.suppress(ValueError):
        if math.isfinite(number := float(digits)):
            return number
    raise UsageError(f"'{text}' is not like 0.5pt, 99% or 0.99.")
