"""A process that takes too long: the model's fault where the device still answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from tflconv.benchmark.harness import Harness
from tflconv.errors import TflconvError, TimeUp


class Slow:
    """A device on which nothing ends, but for the commands that are named."""

    def __init__(self, *quick: str) -> None:
        self.quick = quick

    def shell(self, argv: Sequence[str], *, timeout: float | None = None) -> None:
        if argv[0] not in self.quick:
            raise TimeUp("device '1' did not answer 'adb shell'.", hint="Unlock it.")


def run_on(device: Any) -> TflconvError:
    harness = Harness(device=device, runtime=None, path="h", software=None)  # type: ignore[arg-type]
    with pytest.raises(TflconvError, match="did not") as caught:
        harness.run(["h"], subject="m.tflite on adb:1", timeout=80)
    return caught.value


def test_a_device_that_answers_is_not_lost() -> None:
    error = run_on(Slow("true"))
    assert error.exit_code == 1
    assert str(error).startswith("m.tflite on adb:1: it did not end within 80 s.\n")
    assert "--timeout SECONDS" in str(error)


def test_a_device_that_does_not_is() -> None:
    error = run_on(Slow())
    assert error.exit_code == 3
    assert str(error) == "device '1' did not answer 'adb shell'.\nUnlock it."
