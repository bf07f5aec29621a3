"""Learning curves: accuracy and loss on the validation split by epoch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from tflconv.core.jsonvalue import JsonObject, JsonValue
from tflconv.core.text import to_html as escape
from tflconv.core.text import to_plot
from tflconv.report import markup, style, units

MOST = 8
"""Models that are drawn, the first ones."""

_COLORS = tuple(style.OKABE_ITO.values())
_FIGURES = {"validation_accuracy": "% top-1, validation", "validation_loss": "loss, validation"}

Curve = list[tuple[float, float]]
"""Epoch and figure."""


def html(context: JsonObject) -> str:
    """Return the section; nothing where no training was recorded."""
    figures = [_figure(name, title, curves(context, name)) for name, title in _FIGURES.items()]
    drawn = "\n".join(filter(None, figures))
    return markup.section(
        "Training", f'<div class="plots">{drawn}</div>' if drawn else "", anchor="training"
    )


def curves(context: JsonObject, figure: str) -> dict[str, Curve]:
    """Return the course of a figure by model; whatever is no curve is left out."""
    recorded = context.get("training")
    if not isinstance(recorded, Mapping):
        return {}
    by_model = {str(title): _curve(rows, figure) for title, rows in list(recorded.items())[:MOST]}
    return {title: curve for title, curve in by_model.items() if curve}


def _curve(rows: JsonValue, figure: str) -> Curve:
    pairs = [(row.get("epoch"), row.get(figure)) for row in _objects(rows)]
    return [(float(x), float(y)) for x, y in pairs if _is_number(x) and _is_number(y)]  # type: ignore[arg-type]


def _objects(rows: JsonValue) -> list[JsonObject]:
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e12


def _figure(name: str, title: str, by_model: Mapping[str, Curve]) -> str:
    if not by_model:
        return ""
    share = name.endswith("accuracy")
    described = f"Learning curves, {title}: " + "; ".join(
        f"{model} ends at {_value_text(curve[-1][1], share)}" for model, curve in by_model.items()
    )
    drawn = style.inline_svg(_drawn(title, by_model, share), escape(described))
    return f"<figure>{drawn}</figure>"


def _value_text(value: float, share: bool) -> str:
    return units.percent(value) if share else units.significant(value)


@style.settled
def _drawn(title: str, by_model: Mapping[str, Curve], share: bool) -> Figure:
    drawn, axes = style.figure(3.0)
    for (model, curve), color in zip(by_model.items(), _COLORS * 2, strict=False):
        epochs, values = _columns(curve, 100 if share else 1)
        axes.plot(epochs, values, color=color, label=to_plot(model), marker=".", markersize=4)
    axes.set_xlabel("epoch")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_title(title)
    axes.grid()
    drawn.legend(loc="outside lower left", ncols=2)
    return drawn


def _columns(curve: Curve, factor: float) -> tuple[Sequence[float], Sequence[float]]:
    return [x for x, _ in curve], [factor * y for _, y in curve]
