"""Learning curves out of trained files: ``python curves.py MODEL.tflite...``.

Every file of tflconv tells how its network was trained; this writes ``curves.json`` and the picture
``curves.svg`` beside this script.
"""

from __future__ import annotations

import sys
from pathlib import Path

from matplotlib.figure import Figure

from tflconv.core.files import write_json, write_text
from tflconv.model.card import ModelCard, require_card
from tflconv.report import style

HERE = Path(__file__).parent
COLORS = (style.OKABE_ITO["vermilion"], style.OKABE_ITO["blue"])

Curves = dict[str, list[float]]


def main(paths: list[Path]) -> None:
    """Write both files."""
    curves = {card.model: _accuracies(card) for card in map(require_card, paths)}
    write_json(HERE / "curves.json", curves)
    write_text(HERE / "curves.svg", style.svg(draw(curves)))


def _accuracies(card: ModelCard) -> list[float]:
    """Validation accuracy after each epoch; the first files of this study call it ``val``."""
    history = card.training["history"]
    return [
        row["validation_accuracy" if "validation_accuracy" in row else "val"] for row in history
    ]


@style.settled
def draw(curves: Curves) -> Figure:
    """Error on the validation split over epochs, on a logarithmic scale."""
    drawn, axes = style.figure(2.4)
    for (name, accuracies), color in zip(curves.items(), COLORS, strict=False):
        epochs, errors = range(1, len(accuracies) + 1), [100 * (1 - a) for a in accuracies]
        axes.semilogy(epochs, errors, "o-", color=color, markersize=4, linewidth=1.4)
        end = (epochs[-1], errors[-1])
        axes.annotate(name, end, (0, -14), textcoords="offset points", color=color, ha="center")
    axes.set_yticks([0.5, 1, 2, 5, 10], ["0.5", "1", "2", "5", "10"])
    axes.minorticks_off()
    axes.set_ylim(0.45, 15)
    axes.set_xticks(range(0, 17, 4))
    axes.grid(axis="y")
    axes.set_xlabel("epoch of 55 000 pictures")
    axes.set_title("Wrong on the validation pictures, %")
    return drawn


if __name__ == "__main__":
    main([Path(path) for path in sys.argv[1:]])
