"""Samples for ranges: each array at the input that its name says, and how many tell anything."""

from __future__ import annotations

import numpy as np
import pytest

from tflconv.conversion import Calibration
from tflconv.errors import UsageError

VALUES = np.arange(3 * 20 * 4, dtype=np.float32).reshape(3, 20, 4)


def samples(*names: str) -> Calibration:
    return Calibration.of_values("own", *VALUES[: len(names)], names=names)


def firsts(calibration: Calibration) -> list[float]:
    return [float(values[0, 0]) for values in calibration.inputs]


@pytest.mark.parametrize(
    ("names", "order"),
    [
        (("a", "b"), (0, 1)),
        (("b", "a"), (1, 0)),
        (("b", "x"), (1, 0)),
        (("x", "a"), (1, 0)),
        (("x", "b"), (0, 1)),
        (("x", "y"), (0, 1)),
        (("x", "b", "a"), (2, 1)),
    ],
)
def test_arrays_go_to_the_inputs_that_they_are_called_as(
    names: tuple[str, ...], order: tuple[int, int]
) -> None:
    assert firsts(samples(*names).for_inputs(["a", "b"])) == [80.0 * place for place in order]


def test_several_names_that_do_not_fit_are_told() -> None:
    with pytest.raises(UsageError, match=r"own has no samples called b, c, .* Received: x, a, y"):
        samples("x", "a", "y").for_inputs(["a", "b", "c"])


@pytest.mark.parametrize(("count", "expected"), [(20, 8), (5, 5), (1, 1)])
def test_samples_that_are_alike_count_once(count: int, expected: int) -> None:
    values = np.tile(VALUES[0, :count], (20, 1))
    assert Calibration.of_values("own", values).different(8) == expected
