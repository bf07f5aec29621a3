"""Which graph a file is made of, and which recipe ``auto`` stands for.

Candidates are made and priced by the cost table that comes with the package, so that every machine
chooses alike, whatever tools it has. The cheapest that is close to the float model is taken; the
graph as it came, where rewriting saves nothing that the table could tell. Recipes that keep
activations in float are chosen for being faithful, so with them a rewritten graph must be as
faithful as the other.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, NamedTuple

from tflconv.conversion import Rewrite
from tflconv.conversion.clipping import CalibrationMethod
from tflconv.core import telling
from tflconv.core.jsonvalue import JsonValue
from tflconv.core.plural import plural
from tflconv.errors import TflconvError, UsageError
from tflconv.inspection import cost, delegation
from tflconv.pipeline.fidelity import Fidelity
from tflconv.pipeline.limits import FidelityLimits
from tflconv.pipeline.mixing import CurvePoint, Mixture, Precisions
from tflconv.pipeline.relieving import Relieved
from tflconv.recipe import Precision, Recipe, TensorType, get

DEFAULT = FidelityLimits().or_close
"""What is close where nothing is asked for."""

SAVES = 0.005
"""Share of the instructions that rewriting must save; the table tells no smaller difference."""

LOSES = 1.25
"""Distance from the float model, over that of the graph as it came, that is rounding: 1 dB."""

_LEAST = 1e-6
"""Distance below which none is told from another."""

MIXED = "mixed_wi8_ai8"
"""What ``auto`` tries, too, where limits are said that int8 alone does not keep."""

RECIPES = ("static_wi8_ai8", "selective_wi8_ai8", "dynamic_wi8_afp32")
"""What the recipe ``auto`` chooses from."""

NARROWER: CalibrationMethod = "mse"
"""The ranges that ``auto`` tries where those of all values are cheap and not close."""

Candidate = tuple[Recipe, Rewrite]

_GRAPHS: tuple[Rewrite, ...] = ("as-is", "optimized")


@dataclass(frozen=True, kw_only=True)
class Choice:
    """How a file is made.

    Attributes:
        recipe: The recipe; never ``auto``.
        rewrite: The graph; never ``auto``.
        instructions: Estimated instructions of an inference, by the candidates that could be made.
        fidelity: How close it is to the float model, if that had to be known.
        curve: The files on the way to that of a mixed recipe; each differs in the precision of
            one activation or of one layer's weights.
        precisions: What operators compute in that do not compute in 8 bits, by their results, in
            a mixed recipe or a selective one.
        method: Which ranges activations get, if others than those that were asked for.
    """

    recipe: Recipe
    rewrite: Rewrite
    instructions: Mapping[str, float]
    fidelity: Fidelity | None = None
    curve: tuple[CurvePoint, ...] = ()
    precisions: Precisions = field(default_factory=dict)
    method: CalibrationMethod | None = None

    def to_json(self) -> dict[str, JsonValue]:
        """Return what ``from_json`` reads, as a JSON object."""
        return {
            "scheme": self.recipe.scheme,
            "rewrite": self.rewrite,
            "instructions": dict(self.instructions),
            "fidelity": None if self.fidelity is None else self.fidelity.to_json(),
            "curve": [asdict(point) for point in self.curve],
            "precisions": dict(self.precisions),
            "method": self.method,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any], recipes: Sequence[Recipe]) -> Choice:
        """Read what ``to_json`` wrote, of a choice from ``recipes``."""
        measured = value["fidelity"]
        return cls(
            recipe=next(each for each in recipes if each.scheme == value["scheme"]),
            rewrite=value["rewrite"],
            instructions=value["instructions"],
            fidelity=None if measured is None else Fidelity.from_json(measured),
            curve=tuple(CurvePoint(**point) for point in value["curve"]),
            precisions=value["precisions"],
            method=value["method"],
        )

    @property
    def spared(self) -> tuple[str, ...]:
        """Results of the operators that compute in float where others do in 8 bits."""
        return tuple(name for name, each in self.precisions.items() if each in _FLOATS)

    @property
    def table(self) -> str | None:
        """The cost table that decided, if one did."""
        return cost.TABLE if self.instructions else None

    def __str__(self) -> str:
        graph = {"as-is": "as it came", "optimized": "rewritten"}.get(self.rewrite, self.rewrite)
        counts = Counter(self.precisions.values())
        clauses = [
            f", {plural(counts[each], noun)} {words}"
            for each, (noun, words) in _WORDS.items()
            if counts[each]
        ]
        ranges = "" if self.method is None else f", ranges by {self.method}"
        return f"{self.recipe.name}, {graph}{''.join(clauses)}{ranges}"


_FLOATS: tuple[Precision, ...] = ("float32", "float16")

_WORDS: Mapping[Precision, tuple[str, str]] = {
    "float32": ("operator", "in float"),
    "float16": ("operator", "in half precision"),
    "int16": ("operator", "in int16"),
    "int4": ("layer", "with int4 weights"),
}


def title(recipe: Recipe, rewrite: Rewrite) -> str:
    """Return what a candidate is called among ``instructions``."""
    return f"{recipe.name} {rewrite}"


def settled(recipe: Recipe, rewrite: Rewrite) -> Choice:
    """What was said, where there is nothing to choose."""
    return Choice(recipe=recipe, rewrite=rewrite, instructions={})


def mixed(recipe: Recipe, rewrite: Rewrite, mixture: Mixture) -> Choice:
    """What was found for a mixed recipe."""
    return Choice(
        recipe=recipe,
        rewrite=rewrite,
        instructions={f"{recipe.name} {rewrite}": round(mixture.curve[-1].instructions)},
        fidelity=mixture.fidelity,
        curve=mixture.curve,
        precisions=mixture.precisions,
    )


def cheaper_with_ranges(best: Choice, recipes: Collection[Recipe], below: float) -> list[Candidate]:
    """Return the candidates with measured ranges that are cheaper than a file, cheapest first.

    Args:
        best: What was chosen, with the instructions of all candidates.
        recipes: What it was chosen from.
        below: Instructions of the file.
    """
    prices = {
        (recipe, rewrite): price
        for recipe in recipes
        for rewrite in _GRAPHS
        if recipe.needs_ranges
        and (price := best.instructions.get(title(recipe, rewrite))) is not None
        and price < below
    }
    return sorted(prices, key=lambda each: _price(each, prices))


def narrowed(best: Choice, recipe: Recipe, rewrite: Rewrite, fidelity: Fidelity) -> Choice:
    """What was found in place of ``best``: a file with ``NARROWER`` ranges."""
    return replace(best, recipe=recipe, rewrite=rewrite, fidelity=fidelity, method=NARROWER)


def relieved(best: Choice, recipe: Recipe, rewrite: Rewrite, relief: Relieved) -> Choice:
    """What was found in place of ``best``: a file with some operators in float."""
    name = f"{title(recipe, rewrite)}, {plural(len(relief.names), 'operator')} in float"
    return Choice(
        recipe=recipe,
        rewrite=rewrite,
        instructions={**best.instructions, name: round(relief.instructions)},
        fidelity=relief.fidelity,
        precisions=dict.fromkeys(relief.names, "float32"),
    )


class Draft(NamedTuple):
    """A choice, and the file that is made by it."""

    choice: Choice
    content: bytes

    def to_beat(self, limits: FidelityLimits) -> float:
        """Return the instructions below which another file is better, if it keeps ``limits``."""
        fidelity = self.choice.fidelity
        is_close = fidelity is None or limits.hold(fidelity)
        return delegation.estimate(self.content) if is_close else math.inf


def cheaper(chosen: Draft, mixture: Draft, limits: FidelityLimits) -> Draft:
    """Return the cheaper of two files that keep ``limits``, else the one that does.

    Args:
        chosen: What was chosen.
        mixture: What a mixed recipe came to.
        limits: What a file may differ from the float model.
    """
    close = [draft for draft in (chosen, mixture) if _keeps(draft.choice, limits)]
    cheapest = min(close or [chosen], key=lambda draft: delegation.estimate(draft.content))
    instructions = {**chosen.choice.instructions, **mixture.choice.instructions}
    return Draft(replace(cheapest.choice, instructions=instructions), cheapest.content)


def _keeps(choice: Choice, limits: FidelityLimits) -> bool:
    return choice.fidelity is not None and limits.hold(choice.fidelity)


def recipes(recipe: Recipe, io: TensorType | None, *, has_samples: bool) -> list[Recipe]:
    """Return what ``recipe`` may stand for.

    Args:
        recipe: The recipe.
        io: Type of inputs and outputs; by default float. Others leave out recipes without ranges.
        has_samples: Whether there are samples for ranges.

    Raises:
        UsageError: Integer inputs and outputs are asked for, and there are no samples.
    """
    if not recipe.is_auto:
        return [recipe]
    candidates = [with_ends(get(name), io or "float32") for name in RECIPES]
    if io not in (None, "float32"):
        candidates = [each for each in candidates if each.takes_integers]
    usable = [each for each in candidates if has_samples or not each.needs_ranges]
    if not usable:
        raise UsageError(
            f"{io} inputs and outputs need samples of the data for their ranges.",
            hint="Add --calibration DATASET, DIR or FILE.npy.",
        )
    return usable


def with_ends(recipe: Recipe, io: TensorType | None) -> Recipe:
    """Return ``recipe`` with inputs and outputs of type ``io``, if it says one and can have it."""
    return recipe if io is None or not recipe.takes_integers else recipe.with_io(io)


def choose(
    chosen: Sequence[Recipe],
    rewrites: Iterable[Rewrite],
    make: Callable[[Recipe, Rewrite], bytes],
    measure: Callable[[bytes], Fidelity],
    limits: FidelityLimits = DEFAULT,
) -> Draft:
    """Return the cheapest candidate that is close to the float model, and its file.

    Args:
        chosen: The recipes, at least one.
        rewrites: The graphs, at least one; the first is the one that came. Another is asked for
            when all recipes were tried with it.
        make: Makes the file of a recipe from a graph.
        measure: Compares a file with the float model.
        limits: What is close to it.

    Raises:
        UsageError: Something is missing, such as samples.
        TflconvError: No candidate can be made.
    """
    files = _make_all(chosen, rewrites, make)
    prices = {each: delegation.estimate(file.content) for each, file in files.items()}
    instructions = {title(*each): round(prices[each]) for each in prices}
    fidelities: dict[Candidate, Fidelity] = {}

    def fidelity(candidate: Candidate) -> Fidelity:
        if candidate not in fidelities:
            fidelities[candidate] = measure(files[candidate].content)
        return fidelities[candidate]

    best: tuple[Choice, _File] | None = None
    for candidate in sorted(files, key=lambda each: _price(each, prices)):
        recipe, rewrite = candidate
        choice = Choice(recipe=recipe, rewrite=rewrite, instructions=instructions)
        plain = len(chosen) == 1 and rewrite == "as-is"
        if len(files) == 1 or (best is None and plain):
            best = replace(choice, fidelity=fidelities.get(candidate)), files[candidate]
            break
        if _loses(candidate, files, fidelity):
            continue
        choice = replace(choice, fidelity=fidelity(candidate))
        if best is None or _cosine(choice) > _cosine(best[0]):
            best = choice, files[candidate]
        if limits.hold(fidelity(candidate)):
            best = choice, files[candidate]
            break
    assert best is not None  # something was made
    for text in best[1].warnings:
        telling.warn(text)
    return Draft(best[0], best[1].content)


def _loses(
    candidate: Candidate,
    candidates: Collection[Candidate],
    fidelity: Callable[[Candidate], Fidelity],
) -> bool:
    """Whether rewriting made a file with float activations less faithful than the other graph."""
    recipe, rewrite = candidate
    came: Candidate = (recipe, "as-is")
    if rewrite == "as-is" or recipe.needs_ranges or came not in candidates:
        return False
    far = _distance(fidelity(candidate))
    return far > _LEAST and far > LOSES * _distance(fidelity(came)) + _LEAST


@dataclass(frozen=True, kw_only=True)
class _File:
    """The file of a candidate, and what was warned of while it was made."""

    content: bytes
    warnings: tuple[str, ...]


def _make_all(
    chosen: Sequence[Recipe], rewrites: Iterable[Rewrite], make: Callable[[Recipe, Rewrite], bytes]
) -> dict[Candidate, _File]:
    files: dict[Candidate, _File] = {}
    first: TflconvError | None = None
    for rewrite, recipe in ((rewrite, recipe) for rewrite in rewrites for recipe in chosen):
        with telling.collecting() as warned:
            try:
                content = make(recipe, rewrite)
            except UsageError:
                raise
            except TflconvError as error:
                first = first or error
                continue
        files[recipe, rewrite] = _File(content=content, warnings=warned.texts)
    if first is not None and not files:
        raise first
    return files


def _price(candidate: Candidate, prices: Mapping[Candidate, float]) -> float:
    """Its price, a little dearer for a graph that did not come so."""
    return prices[candidate] * (1 + SAVES if candidate[1] == "optimized" else 1)


def _distance(fidelity: Fidelity) -> float:
    return 1.0 if fidelity.cosine is None else 1.0 - fidelity.cosine


def _cosine(choice: Choice) -> float:
    assert choice.fidelity is not None
    return -1.0 if choice.fidelity.cosine is None else choice.fidelity.cosine
