"""What the small students were trained with, and that their README says what was recorded."""

from __future__ import annotations

import importlib.util
import json
import sys
from dataclasses import asdict
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tflconv import models

STUDIES = Path(__file__).parents[2] / "studies"
STUDY = STUDIES / "compression" / "students"
PLANS = sorted((STUDY / "plans").glob("*.json"))


def _module(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"study_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


plans = _module(STUDIES / "resnet-service" / "plans.py")


def test_a_schedule_ends_in_time_and_at_its_end() -> None:
    shares, begin, left = [], 0.0, 100.0
    while begin < 1:
        spent = 3.0 if shares else 0.0
        begin = plans.next_share(begin, 300, spent, left)
        shares.append(begin)
        left -= 3.0
    assert shares == sorted(shares)
    assert shares[-1] == 1
    assert len(shares) in (33, 34, 35)  # 100 seconds, 3 for each epoch
    assert left > -6


def test_a_schedule_with_time_to_spare_has_its_epochs() -> None:
    count, begin = 0, 0.0
    while begin < 1:
        begin, count = plans.next_share(begin, 40, 1.0, 1e9), count + 1
    assert count == 40


def test_a_target_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ValueError, match="target must be one of"):
        plans.Network(name="a", model="resnet", options={}, target="softest")


@pytest.mark.parametrize("path", PLANS, ids=lambda path: path.stem)
def test_twins_differ_in_their_target_only(path: Path) -> None:
    _, networks = plans.read_plan(path)
    by_shape: dict[str, list[dict[str, Any]]] = {}
    for network in networks:
        assert models.cost(network.model, (32, 32, 3), 10, **network.options).parameters > 0
        by_shape.setdefault(json.dumps(network.options), []).append(asdict(network))
    for alike in by_shape.values():
        assert len({one["seed"] for one in alike}) == 1
        learned = [(one["target"], one["temperature"]) for one in alike]
        assert len(learned) == len(set(learned))
