"""What speaks against a run, and that a phone is put right whatever happens."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from tflconv.device import watching
from tflconv.errors import DeviceError
from tflconv.results import Conditions

CALM = Conditions(
    thermal_status=(0, 0),
    screen_on=(True, True),
    cpus_online="0-7",
    cpus_allowed="0-7",
    mhz_first=(1800.0, 2208.0),
    mhz_last=(1800.0, 2150.0),
)


class Scripted:
    """A phone that writes down what it is told and answers from a table."""

    folder = "/data/local/tmp/tflconv"

    def __init__(self, answers: dict[str, str]) -> None:
        self.answers = answers
        self.told: list[str] = []

    def script(self, text: str, *arguments: str) -> str:
        self.told.append(" ".join([text, *arguments]))
        return next((answer for word, answer in self.answers.items() if word in text), "")

    @contextlib.contextmanager
    def background(self, text: str) -> Iterator[list[str]]:
        printed: list[str] = []
        yield printed
        printed.append(f"=== sample\n/cpu0/cpufreq/scaling_cur_freq:{len(self.told)}000\n")


def test_a_calm_phone_has_nothing_against_it() -> None:
    assert watching.reasons(CALM) == []


@pytest.mark.parametrize(
    ("change", "verdict", "words"),
    [
        ({"thermal_status": (0, 3)}, "throttled", "3 (severe)"),
        ({"thermal_status": (None, 1)}, "throttled", "1 (light)"),
        ({"mhz_last": (1800.0, 1500.0)}, "throttled", "from 2208 to 1800 MHz"),
        ({"screen_on": (True, False)}, "noisy", "screen was off"),
        ({"cpus_allowed": "0-3"}, "noisy", "only CPUs 0-3 of 0-7"),
    ],
)
def test_what_speaks_against_a_run(change: dict[str, Any], verdict: str, words: str) -> None:
    ((found, reason),) = watching.reasons(replace(CALM, **change))
    assert found == verdict
    assert words in reason


def test_a_phone_that_tells_nothing_is_not_suspected() -> None:
    look = watching.read("")
    silent = watching.told(Conditions(), look, [], look)
    assert watching.reasons(silent) == []
    assert silent.battery_percent is None
    assert silent.mhz_first is None


def test_requests_are_undone() -> None:
    phone = Scripted({"settings get": "=== fixed performance\n=== stay awake\n"})
    with watching.watched(phone) as watch:
        assert watch.conditions.granted == ("fixed performance", "stay awake")
        assert watch.conditions.refused == {}
    assert "sh restore" in phone.told[-1]


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("Unknown command: x\r\nexit code 255\r\n", "Unknown command: x"),
        (
            "Exception occurred:\nSecurityException: no\n",
            "SecurityException: no",
        ),
        ("something else\nexit code 1\n", "exit code 1"),
        ("Failed: no answer\n", "Failed: no answer"),
    ],
)
def test_refusals_are_written_down(said: str, reason: str) -> None:
    phone = Scripted({"settings get": f"=== fixed performance\n{said}=== stay awake\n{said}"})
    with watching.watched(phone) as watch:
        pass
    assert watch.conditions.granted == ()
    assert watch.conditions.refused == {"fixed performance": reason, "stay awake": reason}


def test_a_phone_is_put_right_when_the_run_fails() -> None:
    phone = Scripted({})
    with pytest.raises(DeviceError, match="lost"), watching.watched(phone):
        raise DeviceError("lost")
    assert "sh restore" in phone.told[-1]
