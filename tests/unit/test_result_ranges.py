"""Numbers that cannot be are refused where results, plans and cards are built."""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tflconv import results
from tflconv.core.structuring import Structure, faults
from tflconv.errors import TflconvError, UsageError
from tflconv.model.card import ModelCard
from tflconv.model.normalization import Normalization
from tflconv.pipeline import plan
from tflconv.report import export
from tflconv.results import Accuracy, Cpu, Graph, Latency, Memory
from tflconv.verification import parse_share

GOLDEN = Path(__file__).parents[1] / "golden" / "report" / "results.json"
ODD: list[Any] = [math.nan, math.inf, -math.inf, -1, 1e300, 10**400]


@pytest.mark.parametrize(
    ("build", "said"),
    [
        (lambda: Accuracy(dataset="d", correct=2, total=1), "correct must be at most the total"),
        (lambda: Accuracy(dataset="d", correct=0, total=0), "total must be above 0"),
        (lambda: Accuracy(dataset="d", correct=-1, total=1), "correct must be finite and between"),
        (lambda: Accuracy(dataset="d", correct=1, total=1, agreeing=2), "agreeing must be"),
        (lambda: Accuracy(dataset="d", correct=1, total=1, per_class={"a": (2, 1)}), "per_class"),
        (lambda: Latency(samples_ns=()), "samples_ns must be at least one, each above 0"),
        (lambda: Latency(samples_ns=(5, 0)), "samples_ns must be at least one, each above 0"),
        (lambda: Memory(peak_bytes=-1), "peak_bytes must be finite and between 0 and"),
        (lambda: Cpu(ms_per_inference=math.nan, percent_closed_loop=1), "ms_per_inference"),
        (lambda: Graph(nodes=1, delegated=2, partitions=1), "delegated must be at most all nodes"),
    ],
)  # fmt: skip
def test_a_part_that_cannot_be_is_not_built(build: Any, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        build()


def numbers(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Paths of numbers, of the items of a list only the first."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from numbers(inner, (*path, key))
    elif isinstance(value, list):
        for inner in value[:1]:
            yield from numbers(inner, (*path, 0))
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield path


def changed(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    value = copy.deepcopy(value)
    holder = value
    for key in path[:-1]:
        holder = holder[key]
    holder[path[-1]] = new
    return value


def test_an_odd_number_anywhere_is_refused_with_its_place_or_harms_nothing() -> None:
    """Fields of other versions are kept as they are, and computed ones are computed again."""
    golden = json.loads(GOLDEN.read_text())
    golden["runs"] = golden["runs"][:1]
    paths = list(numbers(golden["runs"][0]))
    assert len(paths) > 30
    messages: list[str] = []
    for path in paths:
        for odd in ODD:
            try:
                found = results.from_json(changed(golden, ("runs", 0, *path), odd), source="x.json")
            except TflconvError as error:
                messages.append(error.message)
                continue
            export.to_csv(found)
            export.to_markdown(found)
    assert len(messages) > 100
    for message in messages:
        assert message.startswith("x.json is not a tflconv results file: ")
        assert "$.runs[0]" in message
        assert len(message) < 700


def test_a_million_faults_are_three_sentences() -> None:
    golden = json.loads(GOLDEN.read_text())
    golden["runs"][0]["latency"]["samples_ns"] = [{}] * 1_000_000
    with pytest.raises(TflconvError, match=r"@ \$\.runs\[0\]\.latency\.samples_ns\[0\]") as raised:
        results.from_json(golden)
    assert len(raised.value.message) < 500


def test_a_fault_behind_many_sound_items_is_told_without_its_place() -> None:
    with pytest.raises(ValueError, match="it is not a valid list") as raised:
        Structure().of([*range(1000), {}], list[int])
    assert "expected a whole number" in faults(raised.value)[0]


@pytest.mark.parametrize("side", [0, -1, 1 << 17])
def test_a_card_has_sides_that_can_be(side: int) -> None:
    card = ModelCard(model="m", labels=(), input_shape=(8, 8, 1), normalization=Normalization())
    with pytest.raises(UsageError, match="input_shape must be sides between 1 and 65536"):
        replace(card, input_shape=(side, 8, 1))


PLAN = 'name = "p"\ndataset = "mnist-sample"\nrecipes = ["fp32"]\n'
MODEL = '[[models]]\nmodel = "vit"\n'


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("seed = -1\n" + MODEL, "seed must be at least 0"),
        ("channels = 2\n" + MODEL, "channels must be 1 or 3"),
        ("resolution = 100000\n" + MODEL, "resolution must be between 4 and 4096"),
        ('max_drop = "nan%"\n' + MODEL, "'nan%' is not a drop"),
        (MODEL + "seed = -1\n", "seed must be at least 0"),
        (MODEL + "[calibration]\ncount = 0\n", "count must be at least 1"),
        (MODEL + "[models.training]\nlearning_rate = inf\n", "learning_rate must be positive"),
        (MODEL + "[bench]\nmax_secs = nan\n", "max_secs must be"),
        ("a = " + "[" * 5000 + "]" * 5000, "not valid TOML"),
        ("x" * 300_000, "is not a plan: it is longer than 64 kB"),
    ],
)
def test_a_plan_with_numbers_that_cannot_be_is_refused(text: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        plan.parse(PLAN + text)


@pytest.mark.parametrize("text", ["inf", "nan", "nan%", "1e999pt"])
def test_a_share_is_finite(text: str) -> None:
    with pytest.raises(UsageError, match="is not like"):
        parse_share(text)
