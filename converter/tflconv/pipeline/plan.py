"""A study as a TOML file: which models, trained on what, made by which recipes, measured where.

Every key is checked when the plan is read, so a misspelt one fails at once and with its line, not
after an hour of training. ``docs/how-it-works.md`` shows a plan; ``demo.toml`` is one.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal, NewType

import cattrs

from tflconv import recipe
from tflconv.benchmark.config import BenchmarkConfig
from tflconv.compression import QatConfig, technique
from tflconv.compression.settings import of_tables
from tflconv.conversion import Rewrite
from tflconv.core import inputs, strict
from tflconv.core.structuring import Structure
from tflconv.errors import UsageError, check_all, require
from tflconv.model.golden import MOST_SAMPLES
from tflconv.pipeline import plan_faults
from tflconv.pipeline.meaning import RecipeOptions
from tflconv.pipeline.plan_faults import PlanText
from tflconv.pipeline.plan_parts import (
    SEED,
    CalibrationPlan,
    EvaluationPlan,
    ModelPlan,
    PartsPlan,
    QuickPlan,
)
from tflconv.recipe import Recipe, TensorType
from tflconv.verification import parse_drop, parse_share

_LONGEST, _MOST_DOTS = 1 << 16, 100
"""Characters of a plan, each of which may become a table; and dots in a line, for tables in it."""

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


Amount = NewType("Amount", str)
"""A share or a drop; a plan may have it as a number or as text with a unit."""

PlanMetric = Literal["top1", "top5", "map"]
"""Metrics of pictures with classes; others compare values, and a plan has none."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Models x recipes x devices on one dataset; the first recipe is the baseline of the others.

    Attributes:
        name: Title of the study.
        dataset: Name of a dataset, or a folder or archive of pictures.
        models: What is compared.
        recipes: What is made of each model.
        staircase: Whether the float files between the baseline and each recipe with steps are
            measured, too, so that the report shows what each step changes.
        devices: Where the files are measured.
        resolution: Side of the pictures in pixels; by default what the dataset says.
        channels: 1 for grey, 3 for colour; by default what the dataset says.
        rewrite: Whether operators are rewritten before the recipes: ``auto``, ``as-is``,
            ``optimized`` or ``unfused``. The recipe ``unfused_fp32`` makes the last of these
            beside the others.
        logits: Whether a last softmax or sigmoid is left out.
        io: Type of inputs and outputs of static, selective and mixed recipes.
        strip: Whether names and TFLite metadata are left out of the files.
        with_card: Whether files carry labels, preprocessing, origin and training.
        seed: Seed of everything that is drawn at random.
        metric: What counts as right on this computer: ``top1``, ``top5`` or ``map``.
        max_drop: What a recipe may lose of it against its reference, as in ``0.5pt``.
        min_agreement: Share of pictures on which it must agree with its reference, as in ``99%``.
        min_cosine: Least cosine with the float model that a file may have, as in ``0.99``.
        golden: Number of test pictures in a golden contract beside each file; by default none.
        calibration: Which pictures static ranges are taken from.
        evaluation: Where accuracy is measured.
        qat: Settings of the step ``qat``.
        settings: Settings of other steps, a table for each technique.
        bench: Settings of the measurement.
        quick: What a quick run changes.
    """

    name: str
    dataset: str
    models: tuple[ModelPlan, ...]
    recipes: tuple[str, ...]
    staircase: bool = False
    devices: tuple[str, ...] = ("host",)
    resolution: int | None = None
    channels: int | None = None
    rewrite: Rewrite = "auto"
    logits: bool = False
    io: TensorType | None = None
    strip: bool = False
    with_card: bool = True
    seed: int = 0
    metric: PlanMetric | None = None
    max_drop: Amount | None = None
    min_agreement: Amount | None = None
    min_cosine: Amount | None = None
    golden: int | None = None
    calibration: CalibrationPlan = field(default_factory=CalibrationPlan)
    evaluation: EvaluationPlan = field(default_factory=EvaluationPlan)
    qat: QatConfig = field(default_factory=QatConfig)
    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    bench: BenchmarkConfig = field(default_factory=BenchmarkConfig)
    quick: QuickPlan = field(default_factory=QuickPlan)

    def __post_init__(self) -> None:
        check_all(
            self._check_numbers,
            *(partial(self._check_named, key) for key in ("models", "recipes", "devices")),
            *(
                partial(self._check_recipe, model, name)
                for model in self.models
                for name in model.recipes or self.recipes
            ),
            self._check_options,
            *(partial(_check_amount, *each) for each in self._amounts()),
            self._check_titles,
            self._check_learning,
        )

    def _check_numbers(self) -> None:
        require(
            "plan",
            self,
            resolution=(4 <= (self.resolution or 4) <= 4096, "between 4 and 4096"),
            channels=(self.channels in (None, 1, 3), "1 or 3"),
            seed=(0 <= self.seed < 2**32, SEED),
            golden=(
                self.golden is None or 1 <= self.golden <= MOST_SAMPLES,
                f"from 1 to {MOST_SAMPLES}",
            ),
        )

    def _check_named(self, key: str) -> None:
        if not getattr(self, key):
            raise UsageError(f"'{key}' must name at least one.")

    def _check_recipe(self, model: ModelPlan, name: str) -> None:
        """Raise ``UsageError`` for a recipe that cannot be made, or not of a rewritten graph."""
        rewrite = self.rewrite_of(model)
        for chosen in (recipe.get(name), *technique.stairs(recipe.get(name))):
            technique.check(chosen)
            replace(chosen, unfused=chosen.unfused or rewrite == "unfused")

    def _check_options(self) -> None:
        self.options.check(self.all_recipes, in_plan=True)
        if any(getattr(each, "head", "kept") == "new" for each in self.options.settings):
            raise UsageError(
                "finetune.head: a file with a new head cannot be compared with the model that came,"
                " as a plan does.",
                hint="Make it with tflconv compress, and name what that wrote as the model.",
            )

    def _amounts(self) -> Iterator[tuple[str, str | None, Callable[[str], object]]]:
        yield "max_drop", self.max_drop, parse_drop
        yield "min_agreement", self.min_agreement, parse_share
        yield "min_cosine", self.min_cosine, parse_share

    def _check_titles(self) -> None:
        titles = [model.title for model in self.models]
        for title in titles:
            if titles.count(title) > 1:
                raise UsageError(
                    f"two models are called '{title}'.", hint="Give each a 'name' of its own."
                )

    def _check_learning(self) -> None:
        done: set[str] = set()
        for model in self.models:
            self._check_order(model, (model.title,), done)

    def teacher_of(self, model: ModelPlan) -> ModelPlan | None:
        """Return the model of this plan that teaches ``model``; None if a file does, or nobody."""
        return self._called(model.teacher)

    def start_of(self, model: ModelPlan) -> ModelPlan | None:
        """Return the model of this plan whose weights ``model`` starts from; None for a file."""
        return self._called(model.weights)

    def _called(self, title: str | None) -> ModelPlan | None:
        return next((each for each in self.models if each.title == title), None)

    @property
    def all_recipes(self) -> tuple[Recipe, ...]:
        """What is made of any model."""
        return tuple(each for model in self.models for each in self.recipes_of(model))

    def recipes_of(self, model: ModelPlan) -> tuple[Recipe, ...]:
        """Return what is made of ``model``; the first is the baseline of the others."""
        named = [recipe.get(name) for name in model.recipes or self.recipes]
        stairs = [stair for each in named[1:] if self.staircase for stair in technique.stairs(each)]
        return tuple(dict.fromkeys((*named[:1], *stairs, *named[1:])))

    def pictures_of(self, model: ModelPlan) -> tuple[str, int | None, int | None]:
        """Return the dataset of ``model``, the side of its pictures in pixels, and their channels.

        None stands for what the dataset says.
        """
        if model.dataset is not None:
            return model.dataset, model.resolution, None
        return self.dataset, self.resolution, self.channels

    def rewrite_of(self, model: ModelPlan) -> Rewrite:
        """Return what is done to the operators of ``model`` before the recipes."""
        return model.rewrite or self.rewrite

    @property
    def options(self) -> RecipeOptions:
        """Those options that only some recipes use."""
        return RecipeOptions(
            io=self.io,
            logits=self.logits,
            calibration_count=self.calibration.count,
            calibration_method=self.calibration.method,
            qat=self.qat,
            settings=of_tables(self.settings),
        )

    def _check_order(self, model: ModelPlan, waiting: tuple[str, ...], done: set[str]) -> None:
        """Raise ``UsageError`` for a model that would learn from itself.

        Args:
            model: The model.
            waiting: Those that wait for it, and it.
            done: Those of which this is known; the model is added.
        """
        for needed in (self.teacher_of(model), self.start_of(model)):
            if needed is None or needed.title in done:
                continue
            if needed.title in waiting:
                circle = waiting[waiting.index(needed.title) :]
                names = " of ".join(f"'{each}'" for each in (needed.title, *reversed(circle)))
                raise UsageError(f"a model cannot learn from itself: {names}.")
            self._check_order(needed, (*waiting, needed.title), done)
        done.add(model.title)


def _check_amount(key: str, text: str | None, parse: Callable[[str], object]) -> None:
    """Raise ``UsageError`` for a share or a drop that is none."""
    if text is not None:
        try:
            parse(text)
        except UsageError as error:
            raise UsageError(f"{key}: {error.message}", hint=error.hint) from None


def load(path: Path, check: Callable[[Plan], object] | None = None) -> Plan:
    """Read the plan at ``path``; raises ``UsageError`` naming the file and the line.

    ``check`` is that of ``load_study``.
    """
    return _alone(load_study(path, check), str(path))


def load_study(path: Path, check: Callable[[Plan], object] | None = None) -> Plan | PartsPlan:
    """Read the plan at ``path``, which may have parts; raises ``UsageError`` as ``load`` does.

    Args:
        path: The file.
        check: Raises what else is wrong with a plan; asked where faults are told anyway, about what
            is left of the plan without them.
    """
    try:
        inputs.require_finite(path)
        with path.open(encoding="utf-8") as stream:
            text = stream.read(_LONGEST + 1)
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"cannot read the plan {path}: {inputs.why_unread(error)}.",
            hint="A plan is a TOML file; `tflconv study init` prints one to begin with.",
        ) from error
    return _parse(text, str(path), check)


def parse(text: str, *, source: str = "plan") -> Plan:
    """Read a plan from TOML ``text``; ``source`` names it in errors."""
    return _alone(_parse(text, source), source)


def _alone(study: Plan | PartsPlan, source: str) -> Plan:
    if isinstance(study, PartsPlan):
        raise UsageError(
            f"{source} has parts itself, and a part must be a plan of one dataset.",
            hint="Name its parts.",
        )
    return study


def _parse(
    text: str, source: str, check: Callable[[Plan], object] | None = None
) -> Plan | PartsPlan:
    if len(text) > _LONGEST:
        raise UsageError(f"{source} is not a plan: it is longer than {_LONGEST >> 10} kB.")
    if any(line.count(".") > _MOST_DOTS for line in text.splitlines()):
        raise UsageError(f"{source} is not a plan: a line has more than {_MOST_DOTS} dots.")
    try:
        value = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{source}: not valid TOML: {error}.") from error
    kind: type[Plan] | type[PartsPlan] = PartsPlan if "parts" in value else Plan
    also = check if kind is Plan else None
    return plan_faults.structured(value, kind, PlanText(text, source), _STRUCTURE, also)


def _prepare(converter: cattrs.Converter) -> None:
    strict.prepare(converter)
    converter.register_structure_hook(Amount, lambda value, _: str(value))


_STRUCTURE = Structure(_prepare)
