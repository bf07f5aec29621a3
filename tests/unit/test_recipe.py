"""A recipe's name says what it does, and is read and printed both ways."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tflconv import recipe
from tflconv.compression import technique
from tflconv.errors import UsageError
from tflconv.recipe import SCHEMES, Recipe, Step

WORDS = st.text("abcdefghijklmnopqrstuvwxyz", min_size=1, max_size=10)
STEPS = st.builds(Step, technique=WORDS, amount=st.none() | st.integers(min_value=1, max_value=100))


@st.composite
def recipes(draw: st.DrawFn) -> Recipe:
    """A recipe whose steps are not themselves the beginning of a scheme."""
    scheme = SCHEMES[draw(st.sampled_from(sorted(SCHEMES)))]
    steps = draw(st.lists(STEPS, max_size=4))
    return Recipe(**vars(scheme), steps=tuple(steps))


@given(recipes())
def test_a_name_is_read_as_it_was_printed(made: Recipe) -> None:
    assert recipe.get(made.name) == made


@given(st.text(max_size=40))
def test_whatever_is_read_prints_itself_or_is_one_error(text: str) -> None:
    with contextlib.suppress(UsageError):
        assert recipe.get(text).name == text or text.split("_")[-1] in recipe.ALIASES


@pytest.mark.parametrize(
    ("alias", "name"),
    [
        ("int8", "static_wi8_ai8"),
        ("float16", "fp16"),
        ("float32", "fp32"),
        ("dynamic", "dynamic_wi8_afp32"),
        ("qat", "qat_static_wi8_ai8"),
        ("channels50_qat", "channels50_qat_static_wi8_ai8"),
        ("unfused_float32", "unfused_fp32"),
    ],
)
def test_an_alias_is_written_out(alias: str, name: str) -> None:
    assert recipe.get(alias) == recipe.get(name)
    assert recipe.get(alias).name == name


def test_an_alias_of_a_scheme_is_no_step() -> None:
    assert [*map(str, recipe.get_steps("finetune_qat"))] == ["finetune", "qat"]
    with pytest.raises(UsageError, match="quantizes by static_wi8_ai8"):
        recipe.get_steps("finetune_int8")


@given(st.sampled_from(sorted(SCHEMES)), st.data())
def test_a_damaged_name_is_no_other_recipe(scheme: str, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(scheme) - 1))
    damaged = scheme[:at] + data.draw(st.sampled_from("_-XÄ ")) + scheme[at + 1 :]
    if damaged != scheme:
        with pytest.raises(UsageError, match=r"unknown recipe|is not a step|float baseline"):
            recipe.get(damaged)


@pytest.mark.parametrize("name", SCHEMES)
def test_every_scheme_is_a_recipe(name: str) -> None:
    made = recipe.get(name)
    assert (made.name, made.steps, made.unfused) == (name, (), False)


def test_steps_stand_in_their_order() -> None:
    made = recipe.get("distill_channels50_qat_static_wi8_ai8_tensorwise")
    assert [*map(str, made.steps)] == ["distill", "channels50", "qat"]
    assert (made.scheme, made.granularity) == ("static_wi8_ai8_tensorwise", "tensorwise")


@pytest.mark.parametrize(
    "name", ["_fp32", "qat__static_wi8_ai8", "50_fp32", "qat05_static_wi8_ai8"]
)
def test_what_is_no_step_is_named(name: str) -> None:
    with pytest.raises(UsageError, match=rf"in recipe '{name}' is not a step"):
        recipe.get(name)


def test_an_unknown_technique_gets_the_nearest_word() -> None:
    with pytest.raises(UsageError, match=r"unknown technique 'qta'\.\nDid you mean qat"):
        technique.check(recipe.get("qta_static_wi8_ai8"))


def test_a_technique_without_amount_takes_none() -> None:
    with pytest.raises(UsageError, match=r"technique qat takes no number\. Received: qat50"):
        technique.check(recipe.get("qat50_static_wi8_ai8"))


def test_nothing_follows_what_trains_ranges() -> None:
    with pytest.raises(UsageError, match=r"qat cannot follow qat, .*\nPut qat last"):
        technique.check(recipe.get("qat_qat_static_wi8_ai8"))


@pytest.mark.parametrize("scheme", ["fp32", "fp16", "dynamic_wi8_afp32", "weight_only_wi8_afp32"])
def test_trained_ranges_need_a_scheme_that_stores_them(scheme: str) -> None:
    with pytest.raises(UsageError, match=rf"which {scheme} does not store"):
        technique.check(recipe.get(f"qat_{scheme}"))


def test_ranges_come_from_training_or_from_calibration() -> None:
    assert technique.trains_ranges(recipe.get("qat_static_wi8_ai8"))
    assert not technique.trains_ranges(recipe.get("static_wi8_ai8"))
    assert recipe.get("static_wi8_ai8").needs_ranges
    assert not recipe.get("dynamic_wi8_afp32").needs_ranges


def test_a_technique_is_described_before_the_scheme() -> None:
    text = technique.described(recipe.get("qat_static_wi8_ai8"))
    assert text.startswith("trained with its rounding first")
    assert text.endswith(SCHEMES["static_wi8_ai8"].summary)


@pytest.mark.parametrize("name", ["unfused_fp16", "unfused_qat_static_wi8_ai8", "unfused_qat_fp32"])
def test_only_plain_float_is_unfused(name: str) -> None:
    assert recipe.get("unfused_fp32").unfused
    with pytest.raises(UsageError, match=rf"float baseline\. Received: recipe {name}"):
        recipe.get(name)
