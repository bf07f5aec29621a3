"""The quick run of a plan: the same line, with less to learn, to make and to measure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from tflconv import recipe
from tflconv.compression.settings import of_tables
from tflconv.errors import UsageError, unknown
from tflconv.pipeline.plan import Plan
from tflconv.pipeline.plan_parts import ModelPlan, QuickPlan

Tables = Mapping[str, Mapping[str, Any]]
"""Settings of steps: a table for each technique."""

_FEW = 16
"""Pictures for the ranges of static recipes, at most."""


def of(plan: Plan) -> Plan:
    """Return ``plan`` as its table ``quick`` changes it.

    Limits of accuracy are left out: so little training says nothing about them.

    Raises:
        UsageError: The table keeps a model that the plan does not have, or drops a teacher.
    """
    quick = plan.quick
    titles = [model.title for model in plan.models]
    for title in quick.models:
        if title not in titles:
            raise unknown("model of this plan", title, titles)
    models = tuple(
        _small(model, quick)
        for model in plan.models
        if not quick.models or model.title in quick.models
    )
    dropped = set(titles) - {model.title for model in models}
    for model in models:
        for what, needed in (("teacher", model.teacher), ("start", model.weights)):
            if needed in dropped:
                raise UsageError(
                    f"the quick run keeps '{model.title}', but not its {what} '{needed}'.",
                    hint="Name both in 'quick.models'.",
                )
    recipes = quick.recipes or plan.recipes
    options = replace(
        plan.options,
        calibration_count=min(plan.calibration.count, _FEW),
        qat=replace(plan.qat, epochs=min(plan.qat.epochs, quick.epochs)),
    ).used_by([recipe.get(name) for model in models for name in model.recipes or recipes])
    return replace(
        plan,
        name=f"{plan.name}, quick",
        models=models,
        recipes=recipes,
        dataset=quick.dataset or plan.dataset,
        devices=quick.devices or plan.devices,
        max_drop=None,
        min_agreement=None,
        min_cosine=None,
        io=options.io,
        logits=options.logits,
        calibration=replace(
            plan.calibration, count=options.calibration_count, method=options.calibration_method
        ),
        qat=options.qat,
        settings=_short(plan.settings, _steps(models, recipes), quick.epochs),
    )


def _small(model: ModelPlan, quick: QuickPlan) -> ModelPlan:
    """The model with less to learn; one that is known by its hash knows other pictures."""
    small = replace(model, recipes=() if quick.recipes else model.recipes)
    if quick.dataset is not None:
        small = replace(small, dataset=None, resolution=None)
    if small.is_file:
        return small
    training = replace(small.training, epochs=min(small.training.epochs, quick.epochs))
    return replace(small, training=training, sha256=None if quick.dataset else small.sha256)


def _steps(models: Sequence[ModelPlan], recipes: Sequence[str]) -> frozenset[str]:
    """Names of the techniques that these recipes use."""
    named = {name for model in models for name in model.recipes or recipes}
    return frozenset(step.technique for name in named for step in recipe.get(name).steps)


def _short(settings: Tables, steps: frozenset[str], most: int) -> Tables:
    """Settings of ``steps``, each with at most this many epochs."""
    tables = {name: dict(settings.get(name, {})) for name in sorted(steps - {"qat"})}
    for table, config in zip(tables.values(), of_tables(tables), strict=True):
        if hasattr(config, "epochs"):
            table["epochs"] = min(config.epochs, most)
    return tables
