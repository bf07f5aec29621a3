"""Numbers as people read them: three significant digits, the unit beside them, a true minus."""

from __future__ import annotations

import math

MISSING = "–"


def significant(value: float, digits: int = 3) -> str:
    """``value`` to so many significant digits, without exponent: 0.0213, 1.20, 486, 12300."""
    if value == 0:
        return "0"
    magnitude = math.floor(math.log10(abs(value)))
    rounded = round(value, digits - 1 - magnitude)
    magnitude = math.floor(math.log10(abs(rounded)))
    return f"{rounded:.{max(0, digits - 1 - magnitude)}f}".replace("-", "−")


def size(count: float) -> str:
    """Bytes in decimal units, as phones and shops count them: 631 KB, 1.64 MB."""
    return _scaled(count, (("GB", 1e9), ("MB", 1e6), ("KB", 1e3)), "B")


def amount(count: float) -> str:
    """A large count: 402 k, 1.32 M, 4.2 G."""
    return _scaled(count, (("G", 1e9), ("M", 1e6), ("k", 1e3)), "")


def milliseconds(value: float) -> str:
    """``1.24 ms``; three digits are as many as a latency is worth."""
    return f"{significant(value)} ms"


def percent(share: float, decimals: int = 1) -> str:
    """A share of one as ``97.3 %``."""
    return f"{share * 100:.{decimals}f} %"


def change(share: float) -> str:
    """A relative change with its sign: ``−66 %``, ``+4 %``, ``±0 %``."""
    rounded = round(share * 100)
    sign = "±" if rounded == 0 else "+" if rounded > 0 else "−"
    return f"{sign}{abs(rounded)} %"


def factor(value: float) -> str:
    """A speed-up as ``2.10×``."""
    return f"{value:.2f}×"


def _scaled(count: float, steps: tuple[tuple[str, float], ...], unit: str) -> str:
    for name, step in steps:
        if abs(count) >= step * 0.9995:
            return f"{significant(count / step)} {name}"
    return f"{count:g} {unit}".strip()
