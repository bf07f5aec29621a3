"""Texts of strangers in tables on a terminal: cleaned, and never taken for markup."""

from __future__ import annotations

from rich.text import Text

from tflconv.core.text import clean


def cell(text: object, style: str = "") -> Text:
    r"""Return ``text`` as Rich shows it: as it stands, and nothing in it acts on the terminal.

    Example:
        >>> cell("[bold]\x1b[2J").plain == "[bold]\ufffd[2J"
        True
    """
    return Text(clean(str(text)), style)
