"""Exit codes as documented, and names that are nearly right find their neighbours."""

from __future__ import annotations

import pytest

from tflconv import errors, recipe


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (errors.TflconvError, 1),
        (errors.UsageError, 2),
        (errors.DeviceError, 3),
        (errors.VerificationFailed, 4),
        (errors.RegressionFound, 5),
    ],
)
def test_exit_codes(kind: type[errors.TflconvError], code: int) -> None:
    assert kind("x").exit_code == code


def test_hint_stands_on_its_own_line() -> None:
    assert str(errors.UsageError("What.", hint="Do.")) == "What.\nDo."


def test_a_near_name_is_suggested() -> None:
    with pytest.raises(errors.UsageError, match="Did you mean static_wi8_ai8"):
        recipe.get("static_w8_ai8")


def test_a_far_name_lists_what_is_known() -> None:
    assert "Known: a, b." in str(errors.unknown("thing", "zzz", ["b", "a"]))
