"""What a report comes to, in words: of each model the smallest file that is still right, and the
fastest one where that is another.

A file is still right if its accuracy is within half a percentage point of its baseline's, by the
share of right pictures; the interval of the difference stands beside it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tflconv.comparison import effects
from tflconv.report import units
from tflconv.report.columns import Cell, DeviceRuns
from tflconv.results import BenchmarkRun

WITHIN = 0.005
"""Loss of accuracy, as a share, that is still right."""

MOST = 6
"""Models that have a sentence of their own."""

_ORDER = ("phone", "emulator", "host")
_SAME = 0.02
_CONFIDENCE = 0.95

Family = tuple[str, str | None]
"""A model and the dataset that it was trained for."""


@dataclass(frozen=True, kw_only=True)
class Headline:
    """One model in a sentence.

    Attributes:
        model: Its name.
        recipe: The recipe of the file that the sentence is about.
        slug: The slug of that file.
        text: The sentence, from after the name of the model on.
    """

    model: str
    recipe: str
    slug: str
    text: str


def of(groups: Sequence[DeviceRuns]) -> list[Headline]:
    """Return a sentence for each of the first models that have a baseline to be held against."""
    ordered = sorted(groups, key=lambda group: _ORDER.index(group.device.kind))
    headlines = []
    for family, cells in list(_families(ordered).items())[:MOST]:
        sentence = _of_family(family, cells)
        if sentence is not None:
            headlines.append(sentence)
    return headlines


def _families(groups: Sequence[DeviceRuns]) -> dict[Family, list[Cell]]:
    families: dict[Family, list[Cell]] = {}
    for group in groups:
        for cell in group.cells:
            model = cell.run.model
            families.setdefault((model.name, model.dataset), []).append(cell)
    return families


def _of_family(family: Family, cells: Sequence[Cell]) -> Headline | None:
    rivals = {c.run.model.slug: c for c in reversed(cells) if c.size_change is not None}
    smaller = [cell for cell in rivals.values() if (cell.size_change or 0) < 0]
    if not smaller:
        return None
    losses = {cell.run.model.slug: loss for cell in smaller if (loss := _loss(cell)) is not None}
    right = [cell for cell in smaller if losses.get(cell.run.model.slug, 1.0) <= WITHIN]
    if losses and not right:
        return _none_is_right(family, smaller, losses)
    best = min(right or smaller, key=lambda cell: cell.run.model.bytes)
    assert best.baseline is not None
    base, recipe = best.baseline.model.recipe, best.run.model.recipe
    lead = f"smallest within {WITHIN * 100:g} points of {base}: " if losses else "smallest: "
    same = [cell for cell in cells if cell.run.model.slug == best.run.model.slug]
    facts = [_size(best), *_speeds(same), _accuracy(best)]
    return Headline(
        model=family[0],
        recipe=recipe,
        slug=best.run.model.slug,
        text=f"{lead}{recipe}, {', '.join(facts)}.{_fastest(best, right or smaller, cells)}",
    )


def _fastest(best: Cell, right: Sequence[Cell], cells: Sequence[Cell]) -> str:
    """Return a sentence about the fastest file on the first device that tells, if not ``best``."""
    slugs = {cell.run.model.slug for cell in right}
    timed = [cell for cell in cells if cell.speedup is not None and cell.run.model.slug in slugs]
    if not timed:
        return ""
    on_device = [cell for cell in timed if cell.run.device.id == timed[0].run.device.id]
    first = max(on_device, key=lambda cell: cell.speedup or 0.0)
    best_speed = max(
        (c.speedup or 0 for c in on_device if c.run.model.slug == best.run.model.slug), default=0
    )
    if (first.speedup or 0.0) <= best_speed * (1 + _SAME):
        return ""
    facts = (_speed(first), _size(first), _accuracy(first))
    return f" The fastest is {first.run.model.recipe}: {', '.join(facts)}."


def _none_is_right(family: Family, smaller: Sequence[Cell], losses: dict[str, float]) -> Headline:
    nearest = min(
        (cell for cell in smaller if cell.run.model.slug in losses),
        key=lambda cell: losses[cell.run.model.slug],
    )
    assert nearest.baseline is not None
    lost = units.significant(100 * losses[nearest.run.model.slug], 2)
    return Headline(
        model=family[0],
        recipe=nearest.run.model.recipe,
        slug=nearest.run.model.slug,
        text=f"no smaller file is within {WITHIN * 100:g} points of"
        f" {nearest.baseline.model.recipe}; the nearest is {nearest.run.model.recipe},"
        f" {lost} points below, {_size(nearest)}.",
    )


def _loss(cell: Cell) -> float | None:
    """Return by how much the accuracy of the baseline is above that of ``cell``."""
    before = cell.baseline.accuracy if cell.baseline else None
    after = cell.run.accuracy
    return None if before is None or after is None else before.top1 - after.top1


def _size(cell: Cell) -> str:
    return f"{units.change(cell.size_change or 0)} bytes ({units.size(cell.run.model.bytes)})"


def _speeds(cells: Sequence[Cell]) -> Iterator[str]:
    """Yield how fast one file is on the first two devices that tell it."""
    texts = [text for cell in cells if (text := _speed(cell))]
    yield from texts[:2]


def _speed(cell: Cell) -> str:
    if cell.speedup is None:
        return ""
    where, times = cell.run.device.name, max(cell.speedup, 1 / cell.speedup)
    if cell.latency is None:
        if times < 1 + _SAME:
            return f"as many instructions ({where})"
        word = "fewer" if cell.speedup > 1 else "more"
        return f"{times:.1f} times {word} instructions ({where})"
    doubt = f", {cell.run.verdict}" if cell.run.verdict not in (None, "clean") else ""
    if times < 1 + _SAME:
        return f"as fast (on {where}{doubt})"
    word = "faster" if cell.speedup > 1 else "slower"
    return f"{times:.1f} times {word} (on {where}{doubt})"


def _accuracy(cell: Cell) -> str:
    accuracy, loss = cell.run.accuracy, _loss(cell)
    if accuracy is None:
        return "accuracy not measured"
    text = f"accuracy {units.percent(accuracy.top1)}"
    if loss is None or cell.baseline is None:
        return text
    low, high = _interval(cell.baseline, cell.run)
    return (
        f"{text}, {_points(-loss)} points [{_points(-high)} to {_points(-low)}]"
        f" on {accuracy.total} pictures"
    )


def _interval(baseline: BenchmarkRun, contender: BenchmarkRun) -> tuple[float, float]:
    """Return the 95 % interval of the loss of accuracy."""
    pair = (_only_accuracy(baseline), _only_accuracy(contender))
    (effect,) = (e for e in effects.of(*pair, confidence=_CONFIDENCE) if e.metric == "accuracy")
    assert effect.interval is not None
    return effect.interval


def _only_accuracy(run: BenchmarkRun) -> BenchmarkRun:
    """Return the run without what else could be compared, which takes time."""
    return BenchmarkRun(model=run.model, device=run.device, accuracy=run.accuracy)


def _points(share: float) -> str:
    rounded = round(100 * share, 1)
    return f"{rounded:+.1f}".replace("-", "−") if rounded else "±0"
