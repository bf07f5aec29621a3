"""The staircase of a recipe: what each of its steps costs and brings, from baseline to final file.

``channels50_qat_static_wi8_ai8`` goes from ``fp32`` over ``channels50_fp32`` to itself. A stair is
there if its file was measured, so a plan that lists the recipes between gets a whole staircase.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass

from tflconv import recipe as recipes
from tflconv.core.jsonvalue import JsonObject
from tflconv.errors import TflconvError
from tflconv.recipe import Recipe
from tflconv.report import columns
from tflconv.report.columns import Cell, DeviceRuns
from tflconv.results import Results

FEWEST = 3
"""Stairs from which on it is a staircase and no comparison of two files."""

MOST = 6
"""Staircases of a device that a report draws, those with most stairs."""


@dataclass(frozen=True, kw_only=True)
class Stair:
    """One file on the way.

    Attributes:
        step: What was done last: ``fp32``, ``channels50``, ``qat``, ``static_wi8_ai8``.
        slug: The file.
        recipe: Its recipe.
        bytes: Its size.
        accuracy: Top-1, as a share; None where it was not measured.
        accuracy_interval: Wilson's 95 % interval of it.
        latency_ms: Median latency; None on an emulator and where it was not measured.
        latency_interval_ms: 95 % interval of the median.
        instructions: Per inference; None where they were not counted. Counting is exact.
    """

    step: str
    slug: str
    recipe: str
    bytes: int
    accuracy: float | None = None
    accuracy_interval: tuple[float, float] | None = None
    latency_ms: float | None = None
    latency_interval_ms: tuple[float, float] | None = None
    instructions: float | None = None


@dataclass(frozen=True, kw_only=True)
class Staircase:
    """The stairs to one file on one device, the baseline first."""

    model: str
    dataset: str | None
    device: str
    stairs: tuple[Stair, ...]

    @property
    def final(self) -> Stair:
        """The file that it leads to."""
        return self.stairs[-1]


def of(results: Results) -> list[Staircase]:
    """Return the staircases of all devices."""
    return [each for group in columns.groups(results) for each in of_group(group)]


def of_group(group: DeviceRuns) -> list[Staircase]:
    """Return the staircases of a device, of which none is the beginning of another."""
    families: dict[tuple[str, str | None], dict[str, Cell]] = {}
    for cell in group.cells:
        model = cell.run.model
        families.setdefault((model.name, model.dataset), {})[model.recipe] = cell
    return [
        Staircase(model=name, dataset=dataset, device=group.device.id, stairs=stairs)
        for (name, dataset), cells in families.items()
        for stairs in _of_family(cells)
    ]


def to_json(staircase: Staircase) -> JsonObject:
    """Return a staircase as a JSON object."""
    return asdict(staircase)


def _of_family(cells: dict[str, Cell]) -> Iterator[tuple[Stair, ...]]:
    by_name = {name: parsed for name in cells if (parsed := _parsed(name)) is not None}
    chains = [_chain(name, by_name) for name, parsed in by_name.items() if parsed.steps]
    for chain in chains:
        longer = any(chain == other[: len(chain)] for other in chains if other != chain)
        if len(chain) >= FEWEST and not longer:
            yield tuple(_stair(step, cells[name]) for step, name in chain)


def _parsed(name: str) -> Recipe | None:
    try:
        return recipes.get(name)
    except TflconvError:
        return None  # of another version, or not ours


def _chain(final: str, by_name: dict[str, Recipe]) -> list[tuple[str, str]]:
    """Return step and recipe of each stair to ``final``: what is float, with ever more steps."""
    last, floats = by_name[final], {r.steps: n for n, r in by_name.items() if _is_plain(r)}
    chain, done = list[tuple[str, str]](), 0
    for count in range(len(last.steps) + 1):
        name = floats.get(last.steps[:count])
        if name is not None:
            chain.append((_steps(last, done, count) or by_name[name].scheme, name))
            done = count
    if not last.is_float:
        step = " and ".join(filter(None, (_steps(last, done, len(last.steps)), last.scheme)))
        chain.append((step, final))
    return chain


def _is_plain(recipe: Recipe) -> bool:
    return recipe.is_float and not recipe.unfused


def _steps(recipe: Recipe, start: int, end: int) -> str:
    return ", ".join(map(str, recipe.steps[start:end]))


def _stair(step: str, cell: Cell) -> Stair:
    run, accuracy = cell.run, cell.run.accuracy
    summary = cell.latency.summary if cell.latency else None
    return Stair(
        step=step,
        slug=run.model.slug,
        recipe=run.model.recipe,
        bytes=run.model.bytes,
        accuracy=accuracy.top1 if accuracy else None,
        accuracy_interval=accuracy.interval if accuracy else None,
        latency_ms=summary["median"] if summary else None,
        latency_interval_ms=_pair(summary["median_ci95"]) if summary else None,
        instructions=run.instructions.total if run.instructions else None,
    )


def _pair(values: Sequence[float]) -> tuple[float, float]:
    low, high = values
    return low, high


def drawn(staircases: Sequence[Staircase]) -> list[Staircase]:
    """Return those that a report draws."""
    ranked = sorted(staircases, key=lambda each: -len(each.stairs))[:MOST]
    return [each for each in staircases if each in ranked]
