"""What each file of a model is made by; it is chosen once, and kept in the store.

``choosing`` knows how; here is what it chooses from, and what a model has for it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path

from tflconv.conversion import Rewrite
from tflconv.core.files import write_json
from tflconv.core.versions import versions
from tflconv.errors import TflconvError
from tflconv.inspection import cost, delegation
from tflconv.network.nodes import CannotRewrite
from tflconv.pipeline import choosing, mixing, relieving
from tflconv.pipeline.choosing import Choice, Draft
from tflconv.pipeline.comparisons import Comparisons
from tflconv.pipeline.fidelity import Fidelity
from tflconv.pipeline.maker import FACTS, MAKERS, Maker
from tflconv.pipeline.mixing import Levers, Tools
from tflconv.recipe import Recipe, get


class _Judge:
    """Compares files with the float model before one of them is chosen.

    Args:
        comparisons: What compares them.
        recipe: The recipe that a file is chosen for.
        path: Where each lies while it is compared.
    """

    def __init__(self, comparisons: Comparisons, recipe: Recipe, path: Path) -> None:
        self._comparisons, self._recipe, self._path = comparisons, recipe, path

    def rank(self, content: bytes) -> Fidelity:
        """Compare a file on calibration samples."""
        return self._compared(content, self._comparisons.measured)

    def judge(self, content: bytes) -> Fidelity:
        """Compare a file by all that there are limits of."""
        return self._compared(content, self._comparisons.judged)

    def _compared(self, content: bytes, compare: Callable[[Recipe, Path], Fidelity]) -> Fidelity:
        self._path.write_bytes(content)
        try:
            return compare(self._recipe, self._path)
        finally:
            self._path.unlink()


class Choices:
    """The choices of one model.

    Args:
        maker: Makes the files.
        comparisons: What compares them.
    """

    def __init__(self, maker: Maker, comparisons: Comparisons) -> None:
        self._maker, self._comparisons = maker, comparisons
        self._choices: dict[Recipe, Choice] = {}
        self._contents: dict[Recipe, bytes] = {}
        self._possible: dict[Rewrite, bool] = {}

    def of(self, recipe: Recipe) -> Choice:
        """Return the recipe and the graph that the file of ``recipe`` is made by."""
        if recipe not in self._choices:
            graphs = self._maker.graphs(recipe)
            if len(graphs) == 1 and not (recipe.is_auto or recipe.is_mixed):
                self._choices[recipe] = choosing.settled(recipe, graphs[0])
            else:
                self._choices[recipe] = self._chosen(recipe, graphs)
        return self._choices[recipe]

    def content(self, recipe: Recipe) -> bytes:
        """Return what is made by the choice for ``recipe``."""
        choice = self.of(recipe)
        content = self._contents.pop(recipe, None)
        if content is not None:
            return content
        return self._maker.make(choice.recipe, choice.rewrite, choice.precisions, choice.method)

    def _chosen(self, recipe: Recipe, graphs: list[Rewrite]) -> Choice:
        maker = self._maker
        samples = recipe.is_auto and maker.samples_at_hand is not None
        recipes = choosing.recipes(recipe, maker.request.io, has_samples=samples)
        limits = maker.request.limits
        inputs = {
            **maker.origin.key,
            "recipes": [asdict(each) for each in recipes],
            "graphs": graphs,
            "samples": self._comparisons.samples_seen,
            "normalization": maker.origin.normalization,
            "limits": asdict(limits),
            "labelled": self._comparisons.pictures_seen,
            "table": cost.TABLE,
            "versions": versions(*MAKERS),
        }

        def build(folder: Path) -> None:
            judge = _Judge(self._comparisons, recipe, folder / f"{recipe.name}.tflite")
            if recipe.is_mixed:
                draft = self._mixed(recipe, graphs[0], judge)
            else:
                possible = self._all_possible(graphs)
                draft = choosing.choose(recipes, possible, maker.make, judge.judge, limits.or_close)
                draft = self._or_narrower(draft, recipes, judge)
                draft = self._or_relieved(draft, recipes, judge)
                if samples and limits.are_said and draft.choice.recipe != recipes[0]:
                    draft = self._or_mixed(draft, judge)
            self._contents[recipe] = draft.content
            write_json(folder / FACTS, draft.choice.to_json())

        entry = maker.store.fetch("choice", inputs, build)
        possible = (*recipes, self._mixed_recipe)
        choice = Choice.from_json(json.loads((entry.path / FACTS).read_text()), possible)
        maker.origin.note("choose", f"{recipe.name}: {choice}")
        return choice

    def _mixed(
        self, recipe: Recipe, graph: Rewrite, judge: _Judge, below: float | None = None
    ) -> Draft:
        maker = self._maker
        model = maker.model(graph, recipe)
        levers = Levers(
            activations=model.activations,
            finer=recipe.finer,
            layers=model.four_bit_layers if recipe.weights == "int4" else (),
            plain=model.content,
        )
        tools = Tools(
            make=lambda precisions: maker.make(recipe, graph, precisions),
            rank=judge.rank,
            judge=judge.judge,
        )
        mixture = mixing.mix(levers, tools, maker.request.limits.or_close, below=below)
        for point in mixture.curve:
            maker.origin.note("choose", f"{recipe.name}: {point}")
        return Draft(choosing.mixed(recipe, graph, mixture), mixture.content)

    def _or_narrower(self, best: Draft, recipes: Sequence[Recipe], judge: _Judge) -> Draft:
        """``best``, or a cheaper file of ``auto`` that is close where ranges cover less."""
        if not self._may_narrow(recipes):
            return best
        limits = self._maker.request.limits.or_close
        below = best.to_beat(limits)
        for recipe, rewrite in choosing.cheaper_with_ranges(best.choice, recipes, below):
            try:
                content = self._maker.make(recipe, rewrite, method=choosing.NARROWER)
            except TflconvError:
                continue  # made by the TFLite converter, which has no such ranges
            if delegation.estimate(content) >= below:
                continue
            fidelity = judge.judge(content)
            if limits.hold(fidelity):
                return Draft(choosing.narrowed(best.choice, recipe, rewrite, fidelity), content)
        return best

    def _may_narrow(self, recipes: Sequence[Recipe]) -> bool:
        """Whether recipe and ranges are left to ``auto``."""
        samples = self._maker.samples_at_hand
        return len(recipes) > 1 and samples is not None and samples.method == "min-max"

    def _or_relieved(self, best: Draft, recipes: Sequence[Recipe], judge: _Judge) -> Draft:
        """``best``, or a cheaper file that is not close but for some operators in float."""
        maker, limits = self._maker, self._maker.request.limits.or_close
        for recipe, rewrite, title in self._to_relieve(recipes, best.choice.instructions):
            price, below = best.choice.instructions.get(title), best.to_beat(limits)
            if price is None or price >= below:
                continue
            names, make = maker.reliefs(recipe, rewrite), partial(self._in_float, recipe, rewrite)
            relief = relieving.relieve(names, make, judge.judge, limits, below)
            if relief is not None:
                choice = choosing.relieved(best.choice, recipe, rewrite, relief)
                best = Draft(choice, relief.content)
        return best

    def _to_relieve(
        self, recipes: Sequence[Recipe], made_titles: Collection[str]
    ) -> Iterator[tuple[Recipe, Rewrite, str]]:
        """Recipe and graph of what may get operators in float, and the file that has none yet."""
        for recipe in recipes:
            rewritten = choosing.title(recipe, "optimized")
            graph: Rewrite = "optimized" if rewritten in made_titles else "as-is"
            yield recipe, graph, choosing.title(recipe, graph)
            if recipe.is_integer and len(recipes) > 1:
                yield self._mixed_recipe, "as-is", choosing.title(recipe, "as-is")

    def _in_float(self, recipe: Recipe, rewrite: Rewrite, names: Sequence[str]) -> bytes:
        return self._maker.make(recipe, rewrite, dict.fromkeys(names, "float32"))

    def _or_mixed(self, best: Draft, judge: _Judge) -> Draft:
        """``best``, or a mixed file where that is cheaper, or the only one to keep the limits."""
        recipe, limits = self._mixed_recipe, self._maker.request.limits
        graph = self._maker.graphs(recipe)[0]
        try:
            mixture = self._mixed(recipe, graph, judge, best.to_beat(limits))
        except TflconvError:
            return best  # some operator has no integer form
        return choosing.cheaper(best, mixture, limits)

    @property
    def _mixed_recipe(self) -> Recipe:
        """What ``auto`` tries besides the recipes that it chooses from."""
        return choosing.with_ends(get(choosing.MIXED), self._maker.request.io)

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
            self._maker.model(graph)
        except CannotRewrite as error:
            self._maker.origin.note("rewrite", f"the graph stays as it came: {error.message}")
            return False
        return True
