"""A study as a TOML file: which models, trained on what, made by which recipes, measured where.

Every key is checked when the plan is read, so a misspelt one fails at once and with its line, not
after an hour of training. ``docs/how-it-works.md`` shows a plan; ``demo.toml`` is one.
"""

from __future__ import annotations

import difflib
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any

import cattrs

from tflconv import recipe
from tflconv.benchmark.config import BenchmarkConfig
from tflconv.compression.config import QatConfig
from tflconv.errors import TflconvError, UsageError, require
from tflconv.training.config import TrainConfig
from tflconv.verification import parse_share

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


@dataclass(frozen=True, kw_only=True)
class ModelPlan:
    """A model of the registry, its options and how it is trained.

    ``name`` is what the model is called in results; by default, what the registry calls it.
    ``seed`` is that of its training and ``recipes`` what is made of it; by default, those of the
    plan.
    """

    model: str
    name: str = ""
    seed: int | None = None
    recipes: tuple[str, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    training: TrainConfig = field(default_factory=TrainConfig)

    @property
    def title(self) -> str:
        """What the model is called in results."""
        return self.name or self.model


@dataclass(frozen=True, kw_only=True)
class CalibrationPlan:
    """How many pictures static ranges are taken from."""

    count: int = 200


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Models x recipes x devices on one dataset; the first recipe is the baseline of the others.

    ``resolution`` is the side of the pictures in pixels and ``channels`` 1 or 3, by default what
    the dataset says; ``rewrite`` is ``optimized`` where networks are to be rewritten before they
    are converted. ``max_drop`` is the accuracy that a recipe may lose against its reference, as in
    ``0.5pt``.
    """

    name: str
    dataset: str
    models: tuple[ModelPlan, ...]
    recipes: tuple[str, ...]
    devices: tuple[str, ...] = ("host",)
    resolution: int | None = None
    channels: int | None = None
    rewrite: str = "as-is"
    seed: int = 0
    max_drop: str | None = None
    calibration: CalibrationPlan = field(default_factory=CalibrationPlan)
    qat: QatConfig = field(default_factory=QatConfig)
    bench: BenchmarkConfig = field(default_factory=BenchmarkConfig)

    def __post_init__(self) -> None:
        for key in ("models", "recipes", "devices"):
            if not getattr(self, key):
                raise UsageError(f"'{key}' must name at least one.")
        for name in (*self.recipes, *(name for model in self.models for name in model.recipes)):
            recipe.get(name)
        graphs = ("as-is", "optimized")
        require("plan", self, rewrite=(self.rewrite in graphs, " or ".join(graphs)))
        _ = self.largest_drop
        titles = [model.title for model in self.models]
        for title in titles:
            if titles.count(title) > 1:
                raise UsageError(
                    f"two models are called '{title}'.", hint="Give each a 'name' of its own."
                )

    @property
    def largest_drop(self) -> float | None:
        """``max_drop`` as a share; raises ``UsageError`` if it is not one."""
        return None if self.max_drop is None else parse_share(self.max_drop)


def load(path: Path) -> Plan:
    """Read the plan at ``path``; raises ``UsageError`` naming the file and the line."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read the plan {path}: {error}.") from error
    return parse(text, source=str(path))


def parse(text: str, *, source: str = "plan") -> Plan:
    """Read a plan from TOML ``text``; ``source`` names it in errors."""
    try:
        value = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{source}: not valid TOML: {error}.") from error
    for name, known in _unknown_keys(value, Plan):
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"Did you mean '{near[0]}'?" if near else f"Known here: {', '.join(sorted(known))}."
        raise UsageError(f"{_place(text, name, source)}: unknown key '{name}'.", hint=hint)
    try:
        return _converter.structure(value, Plan)
    except cattrs.BaseValidationError as error:
        raise _explained(error, text, source) from error


def _unknown_keys(value: Any, kind: Any) -> Iterator[tuple[str, list[str]]]:
    """Walk ``value`` beside the dataclass it becomes; yield keys that the dataclass lacks."""
    if not is_dataclass(kind) or not isinstance(value, dict):
        return
    known = {f.name: f for f in fields(kind)}
    hints = _annotations(kind)
    for name, inner in value.items():
        if name not in known:
            yield name, list(known)
            continue
        for item in inner if isinstance(inner, list) else [inner]:
            yield from _unknown_keys(item, hints[name])


def _annotations(kind: Any) -> dict[str, Any]:
    """Types of the fields of ``kind``; of a tuple field, the type of its items."""
    from typing import get_args, get_origin, get_type_hints

    hints = get_type_hints(kind)
    return {n: get_args(h)[0] if get_origin(h) is tuple else h for n, h in hints.items()}


def _explained(error: cattrs.BaseValidationError, text: str, source: str) -> UsageError:
    """One message for the first thing that is wrong; our own validation speaks for itself."""
    for inner in _leaves(error):
        if isinstance(inner, TflconvError):
            return UsageError(f"{source}: {inner.message}", hint=inner.hint)
    first = cattrs.transform_error(error)[0]
    message, _, path = first.partition(" @ $")
    name = next(iter(re.findall(r"\w+", path)[::-1]), "")
    if found := re.search(r"required field missing", message):
        missing = path.rpartition(".")[2]
        return UsageError(f"{source}: '{missing}' is missing{found.string[len(message) :]}.")
    return UsageError(f"{_place(text, name, source)}: {message} for '{path.lstrip('.')}'.")


def _leaves(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, cattrs.BaseValidationError):
        for inner in error.exceptions:
            yield from _leaves(inner)
    else:
        yield error


def _place(text: str, key: str, source: str) -> str:
    """``FILE, line N`` of the first line that sets ``key``."""
    pattern = re.compile(rf"(^|[\s{{,.\[\"']){re.escape(key)}[\"']?\s*[=\].]")
    for number, line in enumerate(text.splitlines(), start=1):
        if pattern.search(line.partition("#")[0]):
            return f"{source}, line {number}"
    return source


_converter = cattrs.Converter()
