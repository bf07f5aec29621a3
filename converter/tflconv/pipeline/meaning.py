"""Which options of a conversion mean something for which recipe.

What would change nothing is refused, so that nobody takes a file for what it is not: an option that
no recipe uses, and one that a recipe would have to follow and cannot.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace

from tflconv.compression import QatConfig, technique
from tflconv.compression.settings import Settings, idle
from tflconv.compression.technique import technique_of
from tflconv.conversion.clipping import METHODS, CalibrationMethod
from tflconv.errors import UsageError, unknown
from tflconv.recipe import Recipe, TensorType

SAMPLES = 200
"""Number of samples that are drawn for calibration where nothing is said."""


@dataclass(frozen=True, kw_only=True)
class RecipeOptions:
    """Options that only some recipes use; a request and a plan have them in common.

    Attributes:
        io: Type of inputs and outputs.
        logits: Whether a last softmax or sigmoid is left out.
        calibration_count: Number of samples for ranges.
        calibration_method: Which range an int8 activation gets of its values.
        qat: Settings of the step ``qat``.
        settings: Settings of other steps.
    """

    io: TensorType | None = None
    logits: bool = False
    calibration_count: int = SAMPLES
    calibration_method: CalibrationMethod = "min-max"
    qat: QatConfig = field(default_factory=QatConfig)
    settings: Settings = ()

    def __post_init__(self) -> None:
        if self.calibration_method not in METHODS:
            raise unknown("calibration method", self.calibration_method, METHODS)

    def check(self, recipes: Sequence[Recipe], *, in_plan: bool = False) -> None:
        """Hold what is said against the ``recipes`` that are made.

        Args:
            recipes: All of them.
            in_plan: Whether it is said in a plan, which has keys in place of options.

        Raises:
            UsageError: Something said means nothing for all of them, or cannot be done for one.
        """
        for name, use in _USES.items():
            if not self._says(name):
                continue
            deaf = [recipe for recipe in recipes if not use.by(recipe)]
            if len(deaf) == len(recipes) or (use.by_all and deaf):
                names = ", ".join(dict.fromkeys(recipe.name for recipe in deaf))
                option = use.key if in_plan else use.flag
                message = f"{option} would change nothing in {names}: {use.why}."
                raise UsageError(message, hint=f"Leave {option} out{use.instead}.")
        stuck = [each for each in recipes if self._wants_integers and _has_only_float_ends(each)]
        if stuck:
            option = "io" if in_plan else "--io"
            setting = f'io = "{self.io}"' if in_plan else f"--io {self.io}"
            raise UsageError(
                f"{setting}: {stuck[0].name} computes in integers, but has float inputs and"
                " outputs.",
                hint=f"Leave {option} out, or use static_wi8_ai8, with the same steps before it.",
            )
        idle(self.settings, [step for recipe in recipes for step in recipe.steps])

    def used_by(self, recipes: Sequence[Recipe]) -> RecipeOptions:
        """Return these options without those that mean nothing for all of ``recipes``."""
        unused = {
            each.name: getattr(DEFAULT, each.name)
            for each in fields(self)
            if each.name in _USES and not any(map(_USES[each.name].by, recipes))
        }
        used = {technique_of(step).config for recipe in recipes for step in recipe.steps}
        return replace(
            self, **unused, settings=tuple(each for each in self.settings if type(each) in used)
        )

    def left_in_float(self, recipes: Sequence[Recipe]) -> list[str]:
        """Return the names of quantized ``recipes`` that keep float inputs and outputs."""
        in_float = [each for each in recipes if not (each.is_float or _USES["io"].by(each))]
        return [each.name for each in in_float] if self._wants_integers else []

    @property
    def _wants_integers(self) -> bool:
        return self.io not in (None, "float32")

    def _says(self, name: str) -> bool:
        if name == "io":
            return self._wants_integers
        if name == "qat":
            return replace(self.qat, seed=DEFAULT.qat.seed) != DEFAULT.qat
        return bool(getattr(self, name) != getattr(DEFAULT, name))


@dataclass(frozen=True, kw_only=True)
class _Use:
    """What recipes do with an option.

    Attributes:
        flag: The option.
        key: The same in a plan.
        by: Whether a recipe uses it.
        why: Why others do not.
        instead: What to do besides leaving it out.
        by_all: Whether each recipe must use it.
    """

    flag: str
    key: str
    by: Callable[[Recipe], bool]
    why: str
    instead: str = ""
    by_all: bool = False


def _is_calibrated(recipe: Recipe) -> bool:
    return recipe.is_auto or (recipe.needs_ranges and not technique.trains_ranges(recipe))


def _is_clipped(recipe: Recipe) -> bool:
    return _is_calibrated(recipe) and recipe.activations != "int16"


def _has_qat(recipe: Recipe) -> bool:
    return any(step.technique == "qat" for step in recipe.steps)


def _has_only_float_ends(recipe: Recipe) -> bool:
    """Whether a recipe has ranges, but none of its inputs and outputs."""
    trained = technique.trains_ranges(recipe) and not recipe.is_integer
    return recipe.needs_ranges and (trained or not recipe.takes_integers)


_CALIBRATED = ", or name a recipe with calibrated ranges, such as static_wi8_ai8"

_USES: Mapping[str, _Use] = {
    "io": _Use(
        flag="--io",
        key="io",
        by=lambda recipe: recipe.is_auto or recipe.takes_integers,
        why="inputs and outputs stay float",
        instead=", or name a static, selective or mixed recipe, such as static_wi8_ai8",
    ),
    "logits": _Use(
        flag="--logits",
        key="logits",
        by=lambda recipe: not (recipe.steps or recipe.unfused),
        why="a last softmax or sigmoid stays as it is",
        instead=" for it",
        by_all=True,
    ),
    "calibration_count": _Use(
        flag="--calibration-count",
        key="calibration.count",
        by=_is_calibrated,
        why="no ranges are taken from samples",
        instead=_CALIBRATED,
    ),
    "calibration_method": _Use(
        flag="--calibration-method",
        key="calibration.method",
        by=_is_clipped,
        why="no int8 ranges are taken from samples",
        instead=_CALIBRATED,
    ),
    "qat": _Use(
        flag="what is said about qat",
        key="qat",
        by=_has_qat,
        why="there is no step qat",
        instead=", or name a recipe such as qat_static_wi8_ai8",
    ),
}

DEFAULT = RecipeOptions()
"""What is done where nothing is said."""
