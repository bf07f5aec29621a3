"""Small pieces of HTML that several sections of a report use."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from tflconv.core.text import to_html as escape


def definitions(entries: Mapping[str, str]) -> str:
    """Return names and values as a list of definitions; nothing if there are none."""
    items = (f"<div><dt>{escape(k)}</dt><dd>{escape(v)}</dd></div>" for k, v in entries.items())
    return f"<dl>{''.join(items)}</dl>" if entries else ""


_UNIT = re.compile(r"(?<=\d) (?=(?:%|[KMG]B|ms|µs|points|times)(?!\w))")


def prose(text: str) -> str:
    """Return escaped text in which no line ends between a number and its unit."""
    return _UNIT.sub("\u00a0", escape(text))


def marked(text: str) -> str:
    """Return text as ``prose`` does, with code in place of backquotes."""
    parts: Iterable[str] = prose(text).split("`")
    return "".join(f"<code>{p}</code>" if i % 2 else p for i, p in enumerate(parts))


def section(title: str, *parts: str, anchor: str = "") -> str:
    """Return a section with its heading; nothing if all ``parts`` are empty."""
    body = "\n".join(part for part in parts if part)
    named = f' id="{anchor}"' if anchor else ""
    return f"<section{named}>\n<h2>{escape(title)}</h2>\n{body}\n</section>" if body else ""


def table(
    heads: Sequence[str], rows: Iterable[str], *, kind: str, caption: str, sortable: bool = True
) -> str:
    """Return a table.

    Args:
        heads: Titles of the columns, not yet escaped.
        rows: The rows, as HTML.
        kind: Its CSS class.
        caption: What it shows, not yet escaped.
        sortable: Whether a reader may sort it by a column.
    """
    titles = "".join(f'<th scope="col">{escape(head)}</th>' for head in heads)
    body = "\n".join(rows)
    classes = f"{kind} sortable" if sortable else kind
    return (
        f'<div class="wide" tabindex="0" role="region" aria-label="{escape(caption)}">'
        f'<table class="{classes}">\n<caption>{escape(caption)}</caption>\n'
        f"<thead><tr>{titles}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table></div>"
    )


def data(text: str, value: float | int | str | None = None, *, label: str = "") -> str:
    """Return a cell; it is sorted by ``value``, and ``label`` stands before it on a phone."""
    sort = "" if value is None else f' data-value="{escape(f"{value}")}"'
    named = f' data-label="{escape(label)}"' if label else ""
    return f"<td{named}{sort}>{escape(text)}</td>"


def head(text: str, value: float | int | str | None = None) -> str:
    """Return the head of a row."""
    sort = "" if value is None else f' data-value="{escape(f"{value}")}"'
    return f'<th scope="row"{sort}>{escape(text)}</th>'


def bar(share: float, text: str, *, color: str, label: str = "", value: float = 0.0) -> str:
    """Return a cell with a bar below its text.

    Args:
        share: Length of the bar as a share of the cell, 0 to 1; beyond, it is cut off.
        text: What stands above it.
        color: Colour of the bar, as CSS says it.
        label: Head of the column, which a narrow page shows in the cell.
        value: What the column is sorted by.
    """
    width = f"{100 * min(max(share, 0.0), 1.0):.1f}"
    named = f' data-label="{escape(label)}"' if label else ""
    return (
        f'<td{named} data-value="{value:.9g}"><span>{escape(text)}</span>'
        f'<i class="bar" style="width:{width}%;background:{color}"></i></td>'
    )
