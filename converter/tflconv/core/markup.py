"""Small pieces of HTML that values show themselves by in a notebook."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence

from tflconv.core.text import to_html as escape

_MOST_DOTS = 2000
_MOST = 200
"""Rows of a table that a notebook shows."""


def table(rows: Sequence[Mapping[str, object]], caption: str = "") -> str:
    """Return ``rows``, which have equal keys, as a table.

    Example:
        >>> table([{"model": "a<b", "ms": 1.25}])
        '<table><thead><tr><th>model</th><th>ms</th></tr></thead><tbody><tr><td>a&lt;b</td><td \
style="text-align:right">1.25</td></tr></tbody></table>'
    """
    names = list(rows[0]) if rows else []
    head = "".join(f"<th>{escape(name)}</th>" for name in names)
    body = "".join(f"<tr>{''.join(map(_cell, row.values()))}</tr>" for row in list(rows)[:_MOST])
    text = f"{caption} (the first {_MOST} of {len(rows)} rows)" if len(rows) > _MOST else caption
    title = f"<caption>{escape(text)}</caption>" if text else ""
    return f"<table>{title}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def series(values: Sequence[float], unit: str) -> str:
    """Return ``values`` in the order in which they came as a small SVG, with median and ends.

    Example:
        >>> "median 2 ms" in series([1.0, 2.0, 9.0], "ms")
        True
    """
    low, high, middle = min(values), max(values), statistics.median(values)
    width, height, spread = 480, 90, (high - low) or 1.0

    def place(number: int, value: float) -> tuple[float, float]:
        across = width * (number + 0.5) / len(values)
        return across, height * (1 - (value - low) / spread)

    step = -(-len(values) // _MOST_DOTS)
    dots = "".join(
        '<circle cx="{:.1f}" cy="{:.1f}" r="1.6"/>'.format(*place(number, value))
        for number, value in enumerate(values)
        if number % step == 0 or value in (low, high)
    )
    level = place(0, middle)[1]
    line = f'<path d="M0 {level:.1f}H{width}" stroke="#d55e00" stroke-dasharray="4 3"/>'
    summary = f"median {middle:.4g} {unit}, {low:.4g} to {high:.4g}, {len(values)} runs in order"
    return (
        f'<figure><svg viewBox="-4 -4 {width + 8} {height + 8}" width="{width}" fill="#0072b2"'
        f' role="img" aria-label="{escape(summary)}">{line}{dots}</svg>'
        f"<figcaption>{escape(summary)}</figcaption></figure>"
    )


def _cell(value: object) -> str:
    if value is None:
        return "<td>–</td>"
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        shown = f"{value:,}" if isinstance(value, int) else f"{value:.4g}"
        return f'<td style="text-align:right">{shown}</td>'
    return f"<td>{escape(str(value))}</td>"
