"""Formats numbers for readers: three significant digits, a unit, and a true minus sign."""

from __future__ import annotations

import math

MISSING = "–"


def significant(value: float, digits: int = 3) -> str:
    """Format a value with a number of significant digits, without exponent.

    Example:
        >>> significant(0.02134), significant(1.2), significant(12345)
        ('0.0213', '1.20', '12300')
    """
    if value == 0:
        return "0"
    magnitude = math.floor(math.log10(abs(value)))
    rounded = round(value, digits - 1 - magnitude)
    magnitude = math.floor(math.log10(abs(rounded)))
    return f"{rounded:.{max(0, digits - 1 - magnitude)}f}".replace("-", "−")


def size(count: float) -> str:
    """Format bytes in decimal units, such as ``631 KB`` or ``1.64 MB``."""
    return _scaled(count, (("GB", 1e9), ("MB", 1e6), ("KB", 1e3)), "B")


def amount(count: float) -> str:
    """Format a large count, such as ``402 k``, ``1.32 M`` or ``4.20 G``."""
    return _scaled(count, (("G", 1e9), ("M", 1e6), ("k", 1e3)), "")


def milliseconds(value: float) -> str:
    """Format milliseconds, such as ``1.24 ms``."""
    return f"{significant(value)} ms"


def percent(share: float, decimals: int = 1) -> str:
    """Format a share (0 to 1) as ``97.3 %``."""
    return f"{share * 100:.{decimals}f} %"


def change(share: float) -> str:
    """Format a relative change: ``−66 %``, ``+4 %``, ``±0 %``, and ``11.0×`` from ten times on."""
    if share >= 10:
        return f"{significant(share + 1)}×"
    rounded = round(share * 100)
    sign = "±" if rounded == 0 else "+" if rounded > 0 else "−"
    return f"{sign}{abs(rounded)} %"


def factor(value: float) -> str:
    """Format a speedup as ``2.10×``, a large one as ``547×``."""
    return f"{significant(value)}×" if value >= 100 else f"{value:.2f}×"


def _scaled(count: float, steps: tuple[tuple[str, float], ...], unit: str) -> str:
    for name, step in steps:
        if abs(count) >= step * 0.9995:
            return f"{significant(count / step)} {name}"
    return f"{count:g} {unit}".strip()
