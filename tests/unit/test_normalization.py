import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tflconv.errors import UsageError
from tflconv.model.normalization import NAMED, Normalization, parse, used

PIXELS = np.array([[[0, 127, 255]]], np.uint8)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("0..1", [0, 127 / 255, 1]),
        ("-1..1", [-1, -0.5 / 127.5, 1]),
        ("in-model", [0, 127, 255]),
        ("caffe", [255 - 103.939, 127 - 116.779, 0 - 123.68]),
        ("100,50", [-2, 0.54, 3.1]),
        ("0,127,250,1,2,5", [0, 0, 1]),
    ],
)
def test_named_and_numeric_normalizations(name: str, expected: list[float]) -> None:
    values = parse(name).apply(PIXELS)
    assert values.dtype == np.float32
    np.testing.assert_allclose(values[0, 0], expected, atol=1e-5)


@given(
    st.lists(st.integers(0, 255), min_size=3, max_size=3),
    st.floats(-500, 500),
    st.floats(0.01, 500),
)
def test_the_formula_can_be_undone(pixel: list[int], mean: float, std: float) -> None:
    normalization = Normalization(mean=(mean,), std=(std,))
    values = normalization.apply(np.array(pixel, np.uint8)).astype(float)
    np.testing.assert_allclose(values * std + mean, pixel, atol=0.01)


def test_caffe_is_the_only_one_that_swaps_channels() -> None:
    assert {name for name, found in NAMED.items() if found.channel_order == "bgr"} == {"caffe"}


@pytest.mark.parametrize("text", ["", "0..2", "1", "1,2,3", "a,b", "1,2,3,4,5,6,7"])
def test_what_is_no_normalization_lists_what_is(text: str) -> None:
    with pytest.raises(UsageError, match=r"is not one of 0\.\.1, -1\.\.1, caffe, in-model"):
        parse(text)


@pytest.mark.parametrize("text", ["0,0", "0,-1", "nan,1", "1,inf", "1,2,3,4,0,6"])
def test_numbers_that_make_no_sense_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match="Received"):
        parse(text)


def test_means_of_three_channels_do_not_fit_grey_pictures() -> None:
    with pytest.raises(UsageError, match="for 3 channels; the pictures have 1"):
        parse("1,2,3,4,5,6").apply(np.zeros((2, 2, 1), np.uint8))


def test_limits_are_what_black_and_white_become() -> None:
    assert NAMED["-1..1"].limits == (-1.0, 1.0)
    assert NAMED["in-model"].limits == (0.0, 255.0)
    assert Normalization(mean=(0.0, 50.0, 100.0), std=(1.0,)).limits == (-100.0, 255.0)


def test_numbers_for_pixels_from_0_to_1_are_told_with_those_that_are_meant() -> None:
    with pytest.warns(UserWarning, match=r"makes pixels -1 to 509: .* say 127\.5,127\.5\."):
        assert used("0.5,0.5") == parse("0.5,0.5")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for text in (*NAMED, "0,1", "123.7,116.3,103.5,58.4,57.1,57.4"):
            assert used(text) == parse(text)
