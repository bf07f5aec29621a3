"""One model of a plan: what its stages are asked for."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from tflconv import data
from tflconv.core.store import Store
from tflconv.pipeline.plan import Plan
from tflconv.pipeline.plan_parts import ModelPlan
from tflconv.pipeline.requests import ConversionRequest, TrainingRequest
from tflconv.recipe import Recipe
from tflconv.verification import parse_drop, parse_share


@dataclass(frozen=True, kw_only=True)
class StudyModel:
    """One model of a plan, and the store that all models share."""

    plan: Plan
    model: ModelPlan
    store: Store

    @property
    def seed(self) -> int:
        """The seed of everything that is drawn for the model."""
        return self.plan.seed if self.model.seed is None else self.model.seed

    @property
    def pictures(self) -> tuple[str, int | None, int | None]:
        """The dataset of the model, the side of its pictures in pixels, and their channels."""
        return self.plan.pictures_of(self.model)

    @property
    def recipes(self) -> tuple[Recipe, ...]:
        """What is made of the model; the first is the baseline of the others."""
        return self.plan.recipes_of(self.model)

    @property
    def teacher(self) -> StudyModel | None:
        """The model of the plan that teaches this one; None if a file does, or nobody."""
        model = self.plan.teacher_of(self.model)
        return None if model is None else replace(self, model=model)

    @property
    def start(self) -> StudyModel | None:
        """The model of the plan whose weights this one starts from; None if it is a file."""
        model = self.plan.start_of(self.model)
        return None if model is None else replace(self, model=model)

    def training(self, taught_by: Path | None, weights: str | None) -> TrainingRequest:
        """How the model is trained, by the file of a teacher and from weights."""
        dataset, resolution, channels = self.pictures
        return TrainingRequest(
            model=self.model.model,
            dataset=dataset,
            options=self.model.options,
            resolution=resolution,
            channels=channels,
            config=replace(self.model.training, seed=self.seed),
            teacher=taught_by,
            teacher_normalize=self.model.teacher_normalize,
            custom_objects=self._code,
            distill=self.model.distill,
            weights=weights,
            weights_sha256=self.model.weights_sha256,
        )

    @property
    def _most_lost(self) -> float | None:
        """What may be lost where a recipe chooses by it; test pictures are for the check alone."""
        plan = self.plan
        chooses = any(recipe.is_auto or recipe.is_mixed for recipe in self.recipes)
        has_limit = plan.max_drop is not None and plan.metric in (None, "top1")
        return parse_drop(str(plan.max_drop)) if chooses and has_limit else None

    @property
    def _code(self) -> Path | None:
        code = self.model.custom_objects
        return None if code is None else Path(code)

    def conversion(self, model: Path) -> ConversionRequest:
        """What is made of the file ``model``."""
        plan, model_plan = self.plan, self.model
        dataset, resolution, _ = self.pictures
        options = plan.options.used_by(self.recipes)
        return ConversionRequest(
            model=model,
            recipes=self.recipes,
            rewrite=plan.rewrite_of(model_plan),
            logits=options.logits,
            calibration=plan.calibration.source,
            calibration_count=options.calibration_count,
            calibration_method=options.calibration_method,
            dataset=dataset,
            normalize=model_plan.normalize,
            resize=model_plan.resize,
            labels=None if model_plan.labels is None else data.read_labels(Path(model_plan.labels)),
            resolution=resolution if model_plan.is_file else None,
            custom_objects=self._code if model_plan.is_file else None,
            signature=model_plan.signature,
            qat=options.qat,
            settings=options.settings,
            io=options.io,
            strip=plan.strip,
            with_card=plan.with_card,
            min_cosine=None if plan.min_cosine is None else parse_share(plan.min_cosine),
            max_drop=self._most_lost,
            golden=plan.golden,
            seed=self.seed,
        )
