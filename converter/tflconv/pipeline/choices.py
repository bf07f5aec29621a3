"""What each file of a model is made by; it is chosen once, and kept in the store.

``choosing`` knows how; here is what it chooses from, and what a model has for it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from tflconv.conversion import Rewrite
from tflconv.core.files import write_json
from tflconv.core.versions import versions
from tflconv.errors import TflconvError
from tflconv.inspection import cost, delegation
from tflconv.network.nodes import CannotRewrite
from tflconv.pipeline import choosing, mixing, relieving
from tflconv.pipeline.choosing import Choice
from tflconv.pipeline.fidelity import Fidelity
from tflconv.pipeline.limits import Limits
from tflconv.pipeline.mixing import Levers, Tools
from tflconv.recipe import Recipe, get

if TYPE_CHECKING:
    from tflconv.pipeline.comparisons import Comparisons
    from tflconv.pipeline.line import Line

FACTS = "facts.json"
MAKERS = ("tflconv", "tensorflow", "litert-quantizer", "ai-edge-litert")


class _Drafts:
    """Files that are compared before one of them is chosen.

    Args:
        comparisons: What compares them.
        recipe: The recipe that a file is chosen for.
        path: Where each lies while it is compared.
    """

    def __init__(self, comparisons: Comparisons, recipe: Recipe, path: Path) -> None:
        self._comparisons, self._recipe, self._path = comparisons, recipe, path

    def measured(self, content: bytes) -> Fidelity:
        """Compare a file on calibration samples."""
        return self._with(content, self._comparisons.measured)

    def judged(self, content: bytes) -> Fidelity:
        """Compare a file by all that there are limits of."""
        return self._with(content, self._comparisons.judged)

    def _with(self, content: bytes, compare: Callable[[Recipe, Path], Fidelity]) -> Fidelity:
        self._path.write_bytes(content)
        try:
            return compare(self._recipe, self._path)
        finally:
            self._path.unlink()


class Choices:
    """The choices of one model.

    Args:
        line: The way of the model to its files.
    """

    def __init__(self, line: Line) -> None:
        self.line = line
        self._known: dict[Recipe, Choice] = {}
        self._drafts: dict[Recipe, bytes] = {}
        self._possible: dict[Rewrite, bool] = {}

    def of(self, recipe: Recipe) -> Choice:
        """Return the recipe and the graph that the file of ``recipe`` is made by."""
        if recipe not in self._known:
            graphs = self.graphs(recipe)
            if len(graphs) == 1 and not (recipe.is_auto or recipe.is_mixed):
                self._known[recipe] = choosing.settled(recipe, graphs[0])
            else:
                self._known[recipe] = self._chosen(recipe, graphs)
        return self._known[recipe]

    def content(self, recipe: Recipe) -> bytes:
        """Return what is made by the choice for ``recipe``."""
        choice = self.of(recipe)
        draft = self._drafts.pop(recipe, None)
        if draft is not None:
            return draft
        return self.line.make(choice.recipe, choice.rewrite, choice.precisions, choice.method)

    def graphs(self, recipe: Recipe) -> list[Rewrite]:
        """What may be chosen; the graph that came is the first."""
        line = self.line
        if recipe.unfused:
            return [self._made(recipe, "unfused")]
        if line.request.rewrite != "auto":
            return [self._made(recipe, line.request.rewrite)]
        return ["as-is"] if recipe.steps or line.has_own_ranges else ["as-is", "optimized"]

    def _made(self, recipe: Recipe, rewrite: Rewrite) -> Rewrite:
        """``rewrite``, unless the graph had to stay as it came; kept, for it costs a trace."""
        line = self.line
        if rewrite == "as-is":
            return rewrite

        def build(folder: Path) -> None:
            write_json(folder / FACTS, {"rewrite": line.model(rewrite, recipe).rewrite})

        steps = line.workshop.inputs(line.todo(recipe).steps)
        inputs = {**line.origin.key, "rewrite": rewrite, "steps": steps}
        facts = line.store.fetch("graph", inputs, build).path / FACTS
        made: Rewrite = json.loads(facts.read_text())["rewrite"]
        return made

    def _chosen(self, recipe: Recipe, graphs: list[Rewrite]) -> Choice:
        line = self.line
        samples = recipe.is_auto and line.samples_at_hand is not None
        recipes = choosing.recipes(recipe, line.request.io, has_samples=samples)
        limits = line.request.limits
        inputs = {
            **line.origin.key,
            "recipes": [asdict(each) for each in recipes],
            "graphs": graphs,
            "samples": line.comparisons.samples_seen,
            "normalization": None if line.card is None else asdict(line.card.normalization),
            "limits": asdict(limits),
            "labelled": line.comparisons.pictures_seen,
            "table": cost.TABLE,
            "versions": versions(*MAKERS),
        }

        def build(folder: Path) -> None:
            drafts = _Drafts(line.comparisons, recipe, folder / line.file_name(recipe))
            if recipe.is_mixed:
                choice, content = self._mixed(recipe, graphs[0], drafts)
            else:
                possible = self._all_possible(graphs)
                choice, content = choosing.choose(
                    recipes, possible, line.make, drafts.judged, limits.or_close
                )
                choice, content = self._or_narrower(choice, content, recipes, drafts)
                choice, content = self._or_relieved(choice, content, recipes, drafts)
                if samples and limits.are_said and choice.recipe != recipes[0]:
                    choice, content = self._or_mixed(choice, content, drafts)
            self._drafts[recipe] = content
            write_json(folder / FACTS, choice.to_json())

        entry = line.store.fetch("choice", inputs, build)
        possible = (*recipes, self._mixed_recipe)
        choice = Choice.from_json(json.loads((entry.path / FACTS).read_text()), possible)
        line.origin.note("choose", f"{recipe.name}: {choice}")
        return choice

    def _mixed(
        self, recipe: Recipe, graph: Rewrite, drafts: _Drafts, below: float | None = None
    ) -> tuple[Choice, bytes]:
        line = self.line
        model = line.model(graph, recipe)
        levers = Levers(
            activations=model.activations,
            finer=recipe.finer,
            layers=model.four_bit_layers if recipe.weights == "int4" else (),
            plain=model.content,
        )
        tools = Tools(
            make=lambda precisions: line.make(recipe, graph, precisions),
            rank=drafts.measured,
            judge=drafts.judged,
        )
        found = mixing.mix(levers, tools, line.request.limits.or_close, below=below)
        for point in found.curve:
            line.origin.note("choose", f"{recipe.name}: {point}")
        return choosing.mixed(recipe, graph, found), found.content

    def _or_narrower(
        self, best: Choice, content: bytes, recipes: Sequence[Recipe], drafts: _Drafts
    ) -> tuple[Choice, bytes]:
        """``best``, or a cheaper file of ``auto`` that is close where ranges cover less."""
        if not self._may_narrow(recipes):
            return best, content
        limits = self.line.request.limits.or_close
        below = self._to_beat(best, content, limits)
        for recipe, rewrite in choosing.cheaper_with_ranges(best, recipes, below):
            try:
                made = self.line.make(recipe, rewrite, method=choosing.NARROWER)
            except TflconvError:
                continue  # made by the TFLite converter, which has no such ranges
            if delegation.estimate(made) < below and limits.hold(found := drafts.judged(made)):
                return choosing.narrowed(best, recipe, rewrite, found), made
        return best, content

    def _may_narrow(self, recipes: Sequence[Recipe]) -> bool:
        """Whether recipe and ranges are left to ``auto``."""
        samples = self.line.samples_at_hand
        return len(recipes) > 1 and samples is not None and samples.method == "min-max"

    def _or_relieved(
        self, best: Choice, content: bytes, recipes: Sequence[Recipe], drafts: _Drafts
    ) -> tuple[Choice, bytes]:
        """``best``, or a cheaper file that is not close but for some operators in float."""
        line, limits = self.line, self.line.request.limits.or_close
        for recipe, rewrite, title in self._to_relieve(recipes, best.instructions):
            price, below = best.instructions.get(title), self._to_beat(best, content, limits)
            if price is None or price >= below:
                continue
            names, make = line.reliefs(recipe, rewrite), partial(self._in_float, recipe, rewrite)
            found = relieving.relieve(names, make, drafts.judged, limits, below)
            if found is not None:
                best = choosing.relieved(best, recipe, rewrite, found)
                content = found.content
        return best, content

    def _to_beat(self, best: Choice, content: bytes, limits: Limits) -> float:
        """The instructions below which another file is better, if it keeps ``limits``."""
        kept = best.fidelity is None or limits.hold(best.fidelity)
        return delegation.estimate(content) if kept else math.inf

    def _to_relieve(
        self, recipes: Sequence[Recipe], made: Collection[str]
    ) -> Iterator[tuple[Recipe, Rewrite, str]]:
        """Recipe and graph of what may get operators in float, and the file that has none yet."""
        for recipe in recipes:
            rewritten = choosing.title(recipe, "optimized")
            graph: Rewrite = "optimized" if rewritten in made else "as-is"
            yield recipe, graph, choosing.title(recipe, graph)
            if recipe.is_integer and len(recipes) > 1:
                yield self._mixed_recipe, "as-is", choosing.title(recipe, "as-is")

    def _in_float(self, recipe: Recipe, rewrite: Rewrite, names: Sequence[str]) -> bytes:
        return self.line.make(recipe, rewrite, dict.fromkeys(names, "float32"))

    def _or_mixed(self, best: Choice, content: bytes, drafts: _Drafts) -> tuple[Choice, bytes]:
        """``best``, or a mixed file where that is cheaper, or the only one to keep the limits."""
        recipe, below = self._mixed_recipe, self._to_beat(best, content, self.line.request.limits)
        try:
            choice, other = self._mixed(recipe, self.graphs(recipe)[0], drafts, below)
        except TflconvError:
            return best, content  # some operator has no integer form
        return choosing.cheaper((best, content), (choice, other), self.line.request.limits)

    @property
    def _mixed_recipe(self) -> Recipe:
        """What ``auto`` tries besides the recipes that it chooses from."""
        return choosing.with_ends(get(choosing.MIXED), self.line.request.io)

    def _all_possible(self, graphs: list[Rewrite]) -> Iterator[Rewrite]:
        """Those of ``graphs`` that can be made of the model, each when it is asked for."""
        yield graphs[0]
        for graph in graphs[1:]:
            if graph not in self._possible:
                self._possible[graph] = self._is_possible(graph)
            if self._possible[graph]:
                yield graph

    def _is_possible(self, graph: Rewrite) -> bool:
        """Whether the model can be rewritten so; recipes share the answer, for it costs a trace."""
        try:
            self.line.model(graph)
        except CannotRewrite as error:
            self.line.origin.note("rewrite", f"the graph stays as it came: {error.message}")
            return False
        return True
