"""The style of all plots: one colour per recipe, one marker per model.

Colours are those of Okabe and Ito (2008), which people with any common colour blindness can tell
apart. No meaning depends on colour alone: marks have labels.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from matplotlib import rc_context
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from tflconv.core.text import to_plot

INK, MUTED, RULE, PAPER = "#1b1f24", "#66707a", "#dfe3e7", "#ffffff"
NEUTRAL = "#8a939c"

OKABE_ITO = {
    "orange": "#e69f00",
    "sky": "#56b4e9",
    "green": "#009e73",
    "yellow": "#f0e442",
    "blue": "#0072b2",
    "vermilion": "#d55e00",
    "purple": "#cc79a7",
}
_RECIPES = {
    "fp32": NEUTRAL,
    "fp16": OKABE_ITO["sky"],
    "dynamic_wi8_afp32": OKABE_ITO["green"],
    "weight_only_wi8_afp32": OKABE_ITO["purple"],
    "static_wi8_ai8": OKABE_ITO["vermilion"],
    "static_wi8_ai16": OKABE_ITO["yellow"],
    "selective_wi8_ai8": OKABE_ITO["blue"],
}
_MARKERS = "osD^vPX*"
WIDTH = 4.3
"""Width in inches, at which text of 9 points stays readable on the screen of a phone."""
_LETTERS = 54
"""Letters of two labels that fit below a figure side by side, beside their marks."""
_LEGEND_ROW = 0.18
"""Height of a row of a legend in inches."""
_FONTS = "system-ui, -apple-system, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif"
_FONT = re.compile(r"(<text [^>]*)'DejaVu Sans'[^;\"<>]*")
_SETTINGS = {
    "font.size": 9,
    "svg.fonttype": "none",
    "svg.hashsalt": "tflconv",
    "text.color": INK,
    "text.parse_math": False,  # a name with two dollar signs is no formula
    "axes.edgecolor": RULE,
    "axes.labelcolor": MUTED,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "axes.axisbelow": True,
    "axes.titlelocation": "left",
    "axes.titlesize": 10.5,
    "axes.titleweight": "bold",
    "axes.titlepad": 10,
    "grid.color": RULE,
    "grid.linewidth": 0.8,
    "xtick.color": RULE,
    "xtick.labelcolor": MUTED,
    "ytick.color": RULE,
    "ytick.labelcolor": INK,
    "xtick.labelsize": 8,
    "legend.frameon": False,
    "legend.fontsize": 8,
}

settled = rc_context(_SETTINGS)  # type: ignore[arg-type]
"""Decorator: draw with the settings of this project, without a change to those of matplotlib."""


def recipe_color(recipe: str) -> str:
    """Return the colour of a recipe; ``qat_static_wi8_ai8`` has that of ``static_wi8_ai8``.

    Example:
        >>> recipe_color("qat_static_wi8_ai8") == recipe_color("static_wi8_ai8")
        True
    """
    for name in sorted(_RECIPES, key=len, reverse=True):
        if recipe == name or recipe.endswith(f"_{name}"):
            return _RECIPES[name]
    return OKABE_ITO["orange"]


def markers(models: Sequence[str]) -> Mapping[str, str]:
    """Return one marker per model."""
    return {model: _MARKERS[index % len(_MARKERS)] for index, model in enumerate(models)}


def figure(height: float) -> tuple[Figure, Axes]:
    """Return a figure of standard width, ``height`` in inches, and its axes; no global state."""
    blank = empty_figure(height)
    axes = blank.add_subplot()
    axes.set_facecolor("none")
    axes.tick_params(length=0)
    return blank, axes


def empty_figure(height: float) -> Figure:
    """Return an empty figure of standard width, ``height`` in inches."""
    layout = ConstrainedLayoutEngine(w_pad=0.02, h_pad=0.04)
    return Figure(figsize=(WIDTH, height), layout=layout, facecolor=PAPER)


def legend(drawn: Figure, handles: Sequence[Artist], *, closer: bool = False) -> None:
    """Draw a legend below: two columns, or one where two labels are too long for the width."""
    labels = sorted((len(str(each.get_label())) for each in handles), reverse=True)
    columns = 2 if sum(labels[:2]) <= _LETTERS else 1
    if columns == 1:
        drawn.set_figheight(drawn.get_figheight() + _LEGEND_ROW * len(labels) / 2)
    pad = 0.2 if closer else None
    drawn.legend(handles=handles, loc="outside lower left", ncols=columns, handletextpad=pad)


def svg(drawn: Figure) -> str:
    """Return a figure as a standalone SVG file; equal figures give equal text."""
    stream = io.StringIO()
    with _saving():
        drawn.savefig(stream, format="svg", metadata={"Date": None, "Creator": "tflconv"})
    return _FONT.sub(rf"\1{_FONTS}", stream.getvalue())


def inline_svg(drawn: Figure, description: str) -> str:
    """Return a figure as an SVG element for a page, in the colours of the page."""
    text = svg(drawn)
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r'<g id="[^"]*">', "<g>", text)
    opening = _opening(description)
    text = re.sub(r'<svg [^>]*viewBox="([^"]*)"[^>]*>', lambda m: opening % m[1], text, count=1)
    for color, name in ((INK, "ink"), (MUTED, "muted"), (RULE, "rule"), (PAPER, "paper")):
        text = text.replace(color, f"var(--{name})")
    return text.strip()


def png(drawn: Figure) -> bytes:
    """Return a figure as PNG, at 200 dots per inch."""
    stream = io.BytesIO()
    with _saving():
        drawn.savefig(stream, format="png", dpi=200, metadata={"Software": "tflconv"})
    return stream.getvalue()


@contextmanager
def _saving() -> Iterator[None]:
    """Apply the settings, and say nothing of names that are too long or not in the font."""
    with rc_context(_SETTINGS), warnings.catch_warnings():  # type: ignore[arg-type]
        warnings.filterwarnings("ignore", "Glyph .* missing from|constrained_layout not applied")
        yield


def _opening(description: str) -> str:
    described = description.replace("%", "%%")
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
        f' viewBox="%s" role="img" aria-label="{described}">'
    )


_FAR, _BEYOND = 30, 1.1
"""Times the value before it, from which one is far; and where lines are cut off, of the latter."""


def edge(values: Iterable[float]) -> float:
    """Return where lines that begin at 0 are cut off, so that a few do not hide all others.

    Args:
        values: Where they end, in the unit of the axis.

    Returns:
        The largest of the values, or of those before a gap of ``_FAR`` times that most lie below.

    Example:
        >>> edge([1.0, 2.0, 4.0]), edge([1.0, 2.0, 4.0, 1000.0])
        (4.0, 4.4)
    """
    ordered = sorted(values)
    for place in range(len(ordered) // 2 + 1, len(ordered)):
        if ordered[place] > _FAR * ordered[place - 1] > 0:
            return _BEYOND * ordered[place - 1]
    return ordered[-1] if ordered else 0.0


LETTERS = 53
"""Letters of a heading or a legend that fit into the width."""


def fitted(name: str, letters: int = LETTERS) -> str:
    """Return ``name`` for a plot, without its middle if it has more than so many ``letters``.

    Example:
        >>> fitted("mobilenet_v3_large_2026", 12)
        'mobile…_2026'
    """
    if len(name) > letters:
        end = (letters - 1) // 2
        name = f"{name[: letters - 1 - end]}…{name[len(name) - end :]}"
    return to_plot(name)


def arrow(axes: Axes, edge: float, height: float, number: str, color: str) -> None:
    """End a line that is cut off in an arrow, with the number where it really ends.

    Args:
        axes: Where to draw.
        edge: Where the line is cut off, in the unit of the axis.
        height: The row of the line.
        number: Where it ends, in words.
        color: Colour of both.
    """
    axes.plot(edge, height, ">", color=color, markersize=5.5)
    axes.text(
        edge * 0.985, height + 0.3, number, ha="right", va="center", fontsize=6.5, color=color
    )
