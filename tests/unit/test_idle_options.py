"""Options that would change nothing are refused, and every option is known to be used somewhere.

``test_options_of_recipes.py`` holds the same of what recipes use.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
from tiny_conversions import FLOAT

import tflconv
from tflconv.benchmark import BenchmarkConfig
from tflconv.benchmark.config import ComparisonConfig
from tflconv.comparison import Limit, Settings
from tflconv.compression.config import (
    ChannelsConfig,
    DepthConfig,
    EqualizeConfig,
    FinetuneConfig,
    QatConfig,
    StepConfig,
)
from tflconv.compression.technique import TECHNIQUES
from tflconv.compression.weight_config import ClusterConfig, DistillStepConfig, PruneConfig
from tflconv.errors import UsageError
from tflconv.model.card import ModelCard
from tflconv.model.normalization import parse
from tflconv.pipeline import idle_options
from tflconv.pipeline.comparison_request import ComparisonRequest
from tflconv.pipeline.requests import BenchRequest, CompressionRequest, TrainingRequest
from tflconv.pipeline.verification_request import VerificationRequest
from tflconv.training.config import DistillConfig, TrainConfig

NO_TRAINING: Mapping[str, Any] = {
    "batch_size": 7, "learning_rate": 0.5, "warmup_ratio": 0.7, "weight_decay": 0.7,
    "label_smoothing": 0.7, "augment": False, "precision": "bfloat16",
}  # fmt: skip
UNTRAINED = ({"epochs": 0}, {"epochs": 2}, NO_TRAINING)

CONFIGS: Mapping[type, list[tuple[Mapping[str, Any], Mapping[str, Any], Mapping[str, Any]]]] = {
    FinetuneConfig: [],
    DepthConfig: [UNTRAINED],
    ClusterConfig: [UNTRAINED],
    EqualizeConfig: [],
    QatConfig: [],
    TrainConfig: [],
    PruneConfig: [UNTRAINED, ({"schedule": "constant"}, {}, {"ramp": 0.9})],
    ChannelsConfig: [
        UNTRAINED,
        ({"epochs": 0, "rounds": 2, "round_epochs": 0}, {"epochs": 0, "rounds": 2}, NO_TRAINING),
        ({}, {"rounds": 2}, {"round_epochs": 3}),
        ({}, {"criterion": "taylor"}, {"examples": 7}),
        ({}, {"scope": "global"}, {"alike": "layers"}),
    ],
    DistillConfig: [
        ({"targets": "hard"}, {}, {"temperature": 4.0}),
        ({"alpha": 0}, {}, {"temperature": 4.0, "targets": "hard"}),
    ],
    DistillStepConfig: [
        ({"targets": "hard"}, {}, {"temperature": 4.0}),
        ({}, {"features": "auto"}, {"beta": 2.0, "feature_loss": "attention"}),
        ({"alpha": 1.0}, {}, {"label_smoothing": 0.2}),
    ],
    BenchmarkConfig: [
        ({}, {"sustained_secs": 5, "duty_cycle": 0.3}, {"duty_cycle": 0.5, "burst_secs": 2}),
        ({"sustained_secs": 5}, {"sustained_secs": 5, "duty_cycle": 0.5}, {"burst_secs": 2}),
        ({"rate_hz": 0}, {}, {"rate_secs": 7}),
    ],
}
"""Of each kind of settings: what makes others idle, what makes the same ones used, and those."""

ROWS = [
    (config, idle_beside, used_beside, {name: value})
    for config, rows in CONFIGS.items()
    for idle_beside, used_beside, said in rows
    for name, value in said.items()
]


def test_the_settings_of_every_technique_were_thought_about() -> None:
    assert {row.config for row in TECHNIQUES.values()} <= CONFIGS.keys()
    assert all(issubclass(kind, StepConfig) or kind in CONFIGS for kind in CONFIGS)


@pytest.mark.parametrize(("config", "idle_beside", "used_beside", "said"), ROWS)
def test_a_setting_that_changes_nothing_is_refused(
    config: type,
    idle_beside: Mapping[str, Any],
    used_beside: Mapping[str, Any],
    said: Mapping[str, Any],
) -> None:
    (name,) = said
    with pytest.raises(UsageError, match=f"{name} would change nothing: ") as caught:
        config(**idle_beside, **said)
    assert caught.value.hint == f"Leave {name} out."
    config(**{**used_beside, **said})
    config(**idle_beside)


T, K = Path("a.tflite"), Path("a.keras")
CHANGED: Mapping[str, Any] = {
    "devices": ("arm64:cortex-a76",), "dataset": "mnist", "pictures": 5, "normalize": "0..1",
    "resize": "crop", "labels": ("a", "b"), "adb": "adb", "adb_servers": ("localhost:5037",),
    "runtime": Path("x.aar"), "max_blocks": 40, "custom_objects": Path("code.py"),
    "signature": "serve", "teacher_normalize": "0..1",
}  # fmt: skip
"""A value of each option that is idle in some request."""

PICTURES, PHONE = ("pictures", "normalize", "resize", "labels"), ("adb", "adb_servers", "runtime")


def comparing(measured: bool) -> Callable[[ComparisonRequest], None]:
    return lambda request: idle_options.comparison(request, measured=measured)


LIMITED = Settings(limits=(Limit.parse("latency:5%"),), inconclusive="extend")
SIDES: Mapping[str, Any] = {"baseline": T, "contender": T}
BENCH = BenchRequest(files=(T,))
COMPARE, RESULTS = ComparisonRequest(**SIDES), ComparisonRequest(baseline="a", contender="b")
PAIR = VerificationRequest(reference=T, target=T)
TRAINING: Mapping[str, Any] = {"model": "vit", "dataset": "mnist"}

REQUESTS: list[tuple[Callable[[Any], None], Any, Any, tuple[str, ...]]] = [
    (idle_options.bench, BENCH, replace(BENCH, dataset="mnist"), PICTURES),
    (idle_options.bench, BENCH, replace(BENCH, reference=K), PICTURES),
    (idle_options.bench, BENCH, replace(BENCH, devices=("host", "adb:a")), PHONE),
    (comparing(True), COMPARE, replace(COMPARE, dataset="mnist"), PICTURES),
    (comparing(True), COMPARE, replace(COMPARE, devices=("adb:a",)), PHONE),
    (comparing(True), COMPARE, replace(COMPARE, settings=LIMITED), ("max_blocks",)),
    (comparing(False), RESULTS, None, ("devices", "dataset", "max_blocks", *PICTURES, *PHONE)),
    (idle_options.verification, PAIR, replace(PAIR, reference=K), ("custom_objects", "signature")),
]


@pytest.mark.parametrize(
    ("check", "bare", "used", "option"),
    [(check, bare, used, name) for check, bare, used, names in REQUESTS for name in names],
)
def test_an_option_that_changes_nothing_is_refused(
    check: Callable[[Any], None], bare: Any, used: Any, option: str
) -> None:
    check(bare)
    flag = option.removesuffix("s") if option in ("devices", "adb_servers") else option
    with pytest.raises(UsageError, match=f"--{flag.replace('_', '-')} would change nothing: "):
        check(replace(bare, **{option: CHANGED[option]}))
    if used is not None:
        check(replace(used, **{option: CHANGED[option]}))


@pytest.mark.parametrize("name", [each.name for each in fields(ComparisonConfig)])
def test_no_setting_of_a_measurement_is_for_results_that_are_there(name: str) -> None:
    if name in ("accelerator", "memory", "weight_cache", "precision", "duty_cycle", "burst_secs"):
        return  # the command has no such option
    others = {"cpu_mask": "all", "input_file": "x"}
    value = others.get(name, getattr(ComparisonConfig(), name, 0) or 3)
    value = value if name in others else value + 1
    extra = {"rate_hz": 5.0} if name == "rate_secs" else {}
    config = replace(ComparisonConfig(), **{name: value}, **extra)
    with pytest.raises(UsageError, match="would change nothing: results are compared"):
        idle_options.comparison(replace(RESULTS, config=config), measured=False)
    idle_options.comparison(replace(COMPARE, config=config), measured=True)


def test_open_limits_need_limits() -> None:
    for inconclusive in ("fail", "extend"):
        said = replace(COMPARE, settings=Settings(inconclusive=inconclusive))
        with pytest.raises(UsageError, match=f"--inconclusive {inconclusive} would change nothing"):
            idle_options.comparison(said, measured=True)
    idle_options.comparison(replace(COMPARE, settings=LIMITED), measured=True)


def test_a_training_opens_no_file_for_nothing() -> None:
    code = Path("code.py")
    with pytest.raises(UsageError, match="--custom-objects would change nothing: no model file"):
        TrainingRequest(**TRAINING, custom_objects=code)
    TrainingRequest(**TRAINING, custom_objects=code, weights="a.keras")
    TrainingRequest(**TRAINING, custom_objects=code, teacher=K, teacher_normalize="0..1")
    with pytest.raises(UsageError, match="--teacher-normalize would change nothing: the teacher"):
        TrainingRequest(**TRAINING, teacher=Path("a.npy"), teacher_normalize="0..1")


def test_a_compression_that_learns_nothing_has_no_pictures() -> None:
    untrained = CompressionRequest(
        model=K, recipe="prune50", settings=(PruneConfig(epochs=0),), dataset="mnist"
    )
    card = ModelCard(
        model="vit", labels=("a", "b"), input_shape=(28, 28, 1), normalization=parse("0..1")
    )
    said = "--dataset would change nothing: prune50 learns from no pictures"
    with pytest.raises(UsageError, match=said):
        idle_options.compression(untrained, card)
    with pytest.raises(UsageError, match=said):
        idle_options.compression(replace(untrained, labels=("a", "b")), None)
    idle_options.compression(untrained, None)  # its classes may name the outputs
    idle_options.compression(untrained, replace(card, labels=()))
    idle_options.compression(replace(untrained, settings=()), card)
    idle_options.compression(replace(untrained, dataset=None), card)


def test_python_names_parameters(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"^adb_servers would change nothing: no phone"):
        tflconv.bench(FLOAT, adb_servers="localhost:1")
    with pytest.raises(UsageError, match="no results are kept"):
        tflconv.bench(FLOAT, again=True)


def test_logits_of_a_model_that_gives_them_are_told_to_change_nothing(tmp_path: Path) -> None:
    (plain,) = tflconv.convert(FLOAT, ["fp32"], tmp_path, logits=True, rewrite="as-is")
    with pytest.warns(UserWarning, match="logits=True changes nothing: .* ends in no softmax"):
        tflconv.convert(plain, ["fp32"], tmp_path / "again", logits=True, rewrite="as-is")
