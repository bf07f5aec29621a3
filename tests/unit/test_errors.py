"""Exit codes as documented, and names that are nearly right find their neighbours."""

from __future__ import annotations

import pickle

import pytest

from tflconv import errors, recipe
from tflconv.conversion.quantization import LeftInFloat
from tflconv.core.downloads import DownloadError

KINDS = (
    errors.TflconvError,
    errors.UsageError,
    errors.DeviceError,
    errors.VerificationFailed,
    errors.RegressionFound,
)


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


@pytest.mark.parametrize(
    ("codes", "code"),
    [
        ([3, 1], 3),
        ([1, 3], 3),
        ([4, 1], 1),
        ([2, 1], 1),
        ([4, 3, 1, 2], 3),
        ([5, 4], 4),
        ([4, 2], 2),
    ],
)
def test_the_gravest_of_several_failures_ends_a_command(codes: list[int], code: int) -> None:
    kinds = {kind.exit_code: kind for kind in KINDS}
    assert errors.gravest([kinds[number]("x") for number in codes]).exit_code == code


def test_of_equally_grave_failures_the_last_one_counts() -> None:
    assert errors.gravest([errors.DeviceError("a"), errors.DeviceError("b")]).message == "b"


def test_hint_stands_on_its_own_line() -> None:
    assert str(errors.UsageError("What.", hint="Do.")) == "What.\nDo."


def test_a_near_name_is_suggested() -> None:
    with pytest.raises(errors.UsageError, match="Did you mean static_wi8_ai8"):
        recipe.get("static_w8_ai8")


def test_a_far_name_lists_what_is_known() -> None:
    assert "Known: a, b." in str(errors.unknown("thing", "zzz", ["b", "a"]))


@pytest.mark.parametrize("kind", [*KINDS, LeftInFloat, DownloadError])
def test_an_error_goes_whole_from_one_process_to_another(kind: type[errors.TflconvError]) -> None:
    """Workers send theirs through a pipe; one that cannot be read there ends the whole study."""
    sent = (
        LeftInFloat("3 in float", ["ADD"], instead="selective_wi8_ai8")
        if kind is LeftInFloat
        else kind("lost", hint="Look.")
    )
    received = pickle.loads(pickle.dumps(sent))
    assert type(received) is kind
    assert (str(received), received.args, vars(received)) == (str(sent), sent.args, vars(sent))
