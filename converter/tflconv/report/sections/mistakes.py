"""What the files get wrong: accuracy per class, confused classes, and pictures that changed class.

All files of a model stand in one table; the confusions and the pictures of each file unfold below
it. Only a bounded number of models, files, classes and pictures is shown.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tflconv.core.text import to_html as escape
from tflconv.report import markup, style, units
from tflconv.report.columns import Cell, DeviceRuns
from tflconv.results import Accuracy, Disagreement

MOST_MODELS, MOST_FILES = 6, 8
MOST_CLASSES = 40
"""Classes in the table, those of the least accuracy."""
MATRIX = 20
"""Classes up to which confusions are a matrix; of more, the pairs that occur most are listed."""
MOST_PAIRS = 30

_KINDS = {"iVBORw0KGgo": "image/png", "/9j/": "image/jpeg"}
_RIGHT, _WRONG = "0 114 178", "213 94 0"
_DEEPEST = 0.45
"""Opacity of the deepest colour of a matrix, on which text can still be read."""


def html(groups: Sequence[DeviceRuns]) -> str:
    """Return the section; nothing where no accuracy is known per class."""
    models = list(_models(groups).items())[:MOST_MODELS]
    parts = (_model(name, cells) for name, cells in models)
    return markup.section("What they get wrong", *parts, anchor="mistakes")


def _models(groups: Sequence[DeviceRuns]) -> dict[str, list[Cell]]:
    """Return one cell per file by model, of the first device on which its classes are known."""
    files: dict[str, Cell] = {}
    models: dict[str, list[Cell]] = {}
    for group in groups:
        for cell in group.cells:
            accuracy, slug = cell.run.accuracy, cell.run.model.slug
            has_classes = accuracy is not None and (accuracy.per_class or accuracy.disagreements)
            if has_classes and slug not in files:
                files[slug] = cell
                models.setdefault(group.title(cell), []).append(cell)
    return {name: cells[:MOST_FILES] for name, cells in models.items()}


def _model(name: str, cells: Sequence[Cell]) -> str:
    return "\n".join((_classes(name, cells), *(_file(cell) for cell in cells)))


def _classes(name: str, cells: Sequence[Cell]) -> str:
    """Return accuracy per class and file, as a table with bars."""
    counts = [_of(cell).per_class for cell in cells]
    classes = list(dict.fromkeys(c for each in counts for c in each))
    if not classes:
        return ""
    shown = set(sorted(classes, key=lambda c: _least(c, cells))[:MOST_CLASSES])
    heads = ["class", "pictures", *(cell.run.model.recipe for cell in cells)]
    rows = (_class(each, cells) for each in classes if each in shown)
    caption = f"{name}: accuracy per class, and points against {cells[0].run.model.recipe}"
    if len(shown) < len(classes):
        caption += f", the {MOST_CLASSES} lowest of {len(classes)}"
    return markup.table(heads, rows, kind="facts bars", caption=caption)


def _least(name: str, cells: Sequence[Cell]) -> float:
    pairs = (_of(cell).per_class.get(name) for cell in cells)
    return min((correct / total for correct, total in filter(None, pairs) if total), default=1.0)


def _class(name: str, cells: Sequence[Cell]) -> str:
    totals = [_of(cell).per_class.get(name, (0, 0))[1] for cell in cells]
    parts = [markup.head(name), markup.data(str(max(totals)), max(totals), label="pictures")]
    for cell in cells:
        correct, total = _of(cell).per_class.get(name, (0, 0))
        recipe = cell.run.model.recipe
        if not total:
            parts.append(markup.data(units.MISSING, label=recipe))
            continue
        share, color = correct / total, style.recipe_color(recipe)
        text = units.percent(share) + _change(share, _of(cells[0]).per_class.get(name))
        parts.append(markup.bar(share, text, color=color, label=recipe, value=share))
    return f"<tr>{''.join(parts)}</tr>"


def _change(share: float, first: tuple[int, int] | None) -> str:
    """Return by how many points ``share`` differs from that of the first file."""
    points = round(100 * (share - first[0] / first[1]), 1) if first and first[1] else 0.0
    return f" ({points:+.1f})".replace("-", "−") if points else ""


def _file(cell: Cell) -> str:
    accuracy = _of(cell)
    name = f"{cell.run.model.name} {cell.run.model.recipe}"
    inner = "\n".join(filter(None, (_confusions(name, accuracy), _pictures(accuracy))))
    if not inner:
        return ""
    wrong = accuracy.total - accuracy.correct
    summary = f"{name}: {wrong} of {accuracy.total} pictures wrong"
    if accuracy.agreeing is not None:
        summary += f", {accuracy.total - accuracy.agreeing} in another class than the reference"
    return f"<details class=print><summary>{escape(summary)}</summary>\n{inner}\n</details>"


def _confusions(name: str, accuracy: Accuracy) -> str:
    answers = {answer for row in accuracy.confusions.values() for answer in row}
    classes = list(dict.fromkeys((*accuracy.per_class, *accuracy.confusions, *sorted(answers))))
    if not accuracy.confusions:
        return ""
    if len(classes) <= MATRIX:
        return _matrix(name, accuracy, classes)
    return _pairs(name, accuracy)


def _matrix(name: str, accuracy: Accuracy, classes: Sequence[str]) -> str:
    most = max(count for row in accuracy.confusions.values() for count in row.values())
    rows = (
        f"<tr>{markup.head(label)}{''.join(_entries(accuracy, label, classes, most))}</tr>"
        for label in classes
    )
    heads = ["class is ↓, file says →", *classes]
    caption = f"Confusion matrix of {name}: pictures"
    return markup.table(heads, rows, kind="matrix", caption=caption, sortable=False)


def _entries(accuracy: Accuracy, label: str, classes: Sequence[str], most: int) -> Iterator[str]:
    correct, total = accuracy.per_class.get(label, (0, 0))
    for answer in classes:
        if answer == label:
            yield _entry(correct, _RIGHT, correct / total if total else 0.0)
        else:
            count = accuracy.confusions.get(label, {}).get(answer, 0)
            yield _entry(count, _WRONG, count / most)


def _entry(count: int, color: str, share: float) -> str:
    if not count:
        return "<td></td>"
    return f'<td style="background:rgb({color} / {_DEEPEST * share:.2f})">{count}</td>'


def _pairs(name: str, accuracy: Accuracy) -> str:
    pairs = [
        (count, label, answer)
        for label, answers in accuracy.confusions.items()
        for answer, count in answers.items()
    ]
    ranked = sorted(pairs, key=lambda pair: -pair[0])[:MOST_PAIRS]
    rows = (
        f"<tr>{markup.head(label)}{markup.data(answer)}{markup.data(str(count), count)}</tr>"
        for count, label, answer in ranked
    )
    caption = f"{name}: classes that are confused most"
    return markup.table(["class is", "file says", "pictures"], rows, kind="facts", caption=caption)


def _pictures(accuracy: Accuracy) -> str:
    figures = [figure for each in accuracy.disagreements if (figure := _picture(each))]
    if not figures:
        return ""
    return (
        "<p>Pictures that file and reference put into different classes; those first on which the"
        f' reference was the surest.</p>\n<div class="pictures">{"".join(figures)}</div>'
    )


def _picture(each: Disagreement) -> str:
    kind = next((k for start, k in _KINDS.items() if (each.picture or "").startswith(start)), None)
    if kind is None:
        return ""
    facts = [f"{each.reference} → {each.target}"]
    if each.label not in (each.reference, each.target):
        facts.append(f"is {each.label}")
    else:
        facts.append("reference is right" if each.label == each.reference else "file is right")
    described = (
        f"{each.id}: class {each.label}, reference says {each.reference}, file says {each.target}"
    )
    lines = "<br>".join(escape(line) for line in (*facts, each.id))
    return (
        f'<figure><img src="data:{kind};base64,{each.picture}" alt="{escape(described)}">'
        f"<figcaption>{lines}</figcaption></figure>"
    )


def _of(cell: Cell) -> Accuracy:
    assert cell.run.accuracy is not None
    return cell.run.accuracy
