"""Settings of steps as they are told: ``channels.epochs=3`` in a command, a table in a plan.

In Python they are the configurations themselves, at most one for each technique. Those of ``qat``
have options of their own and come apart from these.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, replace
from typing import Any

from tflconv.compression.config import QatConfig, StepConfig
from tflconv.compression.technique import TECHNIQUES, Technique, technique_of
from tflconv.core import strict
from tflconv.core.structuring import Structure, faults, leaves
from tflconv.errors import TflconvError, UsageError, unknown
from tflconv.recipe import Step

Settings = tuple[StepConfig, ...]


def parse(texts: Iterable[str]) -> Settings:
    """Read settings from texts of the form ``STEP.NAME=VALUE``.

    Raises:
        UsageError: A text has another form, or names or values are not known.

    Example:
        >>> parse(["finetune.epochs=5", "finetune.augment=false"])[0].epochs
        5
    """
    tables: dict[str, dict[str, Any]] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        technique, dot, name = key.partition(".")
        if not (equals and dot):
            raise UsageError(
                f"setting '{text}' is not of the form STEP.NAME=VALUE.",
                hint="For example: --setting finetune.epochs=5",
            )
        tables.setdefault(technique, {})[name] = _value(value)
    return of_tables(tables)


def of_tables(tables: Mapping[str, Mapping[str, Any]]) -> Settings:
    """Read settings from one table per technique.

    Raises:
        UsageError: A technique or a setting is not known, or a value does not fit.
    """
    return check(tuple(_config(name, table) for name, table in tables.items()))


def check(settings: Sequence[StepConfig]) -> Settings:
    """Return ``settings`` if there is at most one for each technique.

    Raises:
        UsageError: There are more, or one belongs to no technique, or to ``qat``.
    """
    for config in settings:
        if isinstance(config, QatConfig):
            raise UsageError(
                "the settings of qat are said apart from those of other steps.",
                hint="Say --qat-epochs, --qat-bits and so on, or [qat] in a plan.",
            )
        if type(config) not in {row.config for row in TECHNIQUES.values()}:
            raise UsageError(f"settings of no technique: {type(config).__name__}.")
        if sum(type(other) is type(config) for other in settings) > 1:
            raise UsageError(f"{type(config).__name__} is given twice.")
    return tuple(settings)


def chosen(settings: Settings, step: Step) -> StepConfig:
    """Return the settings of ``step``, by default those of its technique."""
    kind: type[StepConfig] = technique_of(step).config
    return next((config for config in settings if type(config) is kind), kind())


def idle(settings: Settings, steps: Iterable[Step]) -> None:
    """Raise ``UsageError`` for the first of ``settings`` that none of ``steps`` uses."""
    used = {technique_of(step).config for step in steps}
    names = {row.config: row.name for row in TECHNIQUES.values()}
    for config in settings:
        if type(config) not in used:
            raise UsageError(
                f"there are settings for {names[type(config)]}, which is not a step of any recipe"
                " here.",
                hint="Name it in a recipe, or leave its settings out.",
            )


def seeded(config: StepConfig, seed: int) -> StepConfig:
    """Return ``config`` with another seed."""
    return replace(config, seed=seed)


def _config(name: str, table: Mapping[str, Any]) -> StepConfig:
    if name not in TECHNIQUES:
        raise unknown("technique", name, TECHNIQUES)
    row: Technique[Any] = TECHNIQUES[name]
    known = [field.name for field in fields(row.config) if field.name != "seed"]
    for key in table:
        if key not in known:
            raise unknown(f"setting of {name}", key, known)
    try:
        config: StepConfig = _STRUCTURE.of(dict(table), row.config)
    except ValueError as error:
        raise _explained(name, error) from error
    return config


def _explained(name: str, error: ValueError) -> UsageError:
    message, _, path = faults(error)[0].partition(" @ $")
    for inner in leaves(error):
        if isinstance(inner, TflconvError):
            return UsageError(inner.message, hint=inner.hint)
        message = str(inner) if isinstance(inner, strict.Mismatch) else message
    if choices := re.search(r"not in literal .*?\[(.*)\]\)", message):
        message = f"expected one of {choices[1]}"
    return UsageError(f"setting {name}{path}: {message}.")


def _value(text: str) -> Any:
    """A number, or true or false, as TOML writes them; any other text is itself."""
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return value if isinstance(value, int | float) else text


_STRUCTURE = Structure(strict.prepare)
