"""What speaks against a run, and that a phone is put right whatever happens."""

from __future__ import annotations

import contextlib
import re
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from tflconv.device import parse, watching
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


REMOTE = """\
Exception occurred while executing 'put':
java.lang.SecurityException: Permission denial: writing to settings
\tat com.android.providers.settings.SettingsProvider.enforceException(SettingsProvider.java:2190)
Caused by: android.os.RemoteException: Remote stack trace:
\tat com.android.server.SecurityException.enforce(Service.java:40)
\t... 4 more
exit code 255
"""
WRAPPED = """\
java.lang.reflect.InvocationTargetException
\tat java.lang.reflect.Method.invoke(Native Method)
Caused by: java.lang.SecurityException: uid 2000 may not
Caused by: android.os.RemoteException: Remote stack trace:
"""


class RecordingPhone:
    """A phone that records its scripts and answers from a table."""

    folder = "/data/local/tmp/tflconv"

    def __init__(self, answers: dict[str, str]) -> None:
        self.answers = answers
        self.scripts: list[str] = []

    def script(self, text: str, *arguments: str) -> str:
        self.scripts.append(" ".join([text, *arguments]))
        return next((answer for word, answer in self.answers.items() if word in text), "")

    @contextlib.contextmanager
    def background(self, text: str) -> Iterator[list[str]]:
        printed: list[str] = []
        yield printed
        printed.append(f"=== sample\n/cpu0/cpufreq/scaling_cur_freq:{len(self.scripts)}000\n")


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
    ((word, reason),) = watching.reasons(replace(CALM, **change))
    assert word == verdict
    assert words in reason


def test_a_phone_that_tells_nothing_is_not_suspected() -> None:
    look = watching.read_snapshot("")
    silent = watching.with_observations(Conditions(), look, [], look)
    assert watching.reasons(silent) == []
    assert silent.battery_percent is None
    assert silent.mhz_first is None


def look(number: int) -> watching.Snapshot:
    """A look at a phone of which every value holds ``number``."""
    return watching.Snapshot(
        battery=parse.Battery(level=number, charging=number == 1, temperature=number + 0.1),
        thermal=parse.Thermal(status=number, temperatures={"CPU0": number + 0.2}),
        awake=number == 1,
        clocks={1: number + 0.4, 0: number + 0.3},
        limits={0: number + 0.5},
        governor=f"governor {number}",
        online=f"0-{number}",
        allowed=f"1-{number}",
    )


def test_what_was_before_the_run_and_what_was_after_it() -> None:
    """Halves overlap in the middle one of an odd number of samples."""
    samples = [{0: 10.0, 1: 1.0}, {0: 20.0}, {0: 40.0}]
    assert watching.with_observations(
        Conditions(granted=("x",)), look(1), samples, look(2)
    ) == Conditions(
        granted=("x",),
        battery_percent=1,
        charging=True,
        battery_celsius=(1.1, 2.1),
        thermal_status=(1, 2),
        celsius={"CPU0": 2.2},
        screen_on=(True, False),
        governor="governor 1",
        cpus_online="0-1",
        cpus_allowed="1-1",
        mhz_limit=(1.5,),
        mhz_before=(1.3, 1.4),
        mhz_first=(15.0, 1.0),
        mhz_last=(30.0,),
        mhz_after=(2.3, 2.4),
    )


def test_requests_are_undone() -> None:
    phone = RecordingPhone({"settings get": "=== fixed performance\n=== stay awake\n"})
    with watching.observe(phone) as watch:
        assert watch.conditions.granted == ("fixed performance", "stay awake")
        assert watch.conditions.refused == {}
    assert "sh restore" in phone.scripts[-1]


@pytest.mark.parametrize(
    ("output", "reason"),
    [
        ("Unknown command: x\r\nexit code 255\r\n", "Unknown command: x"),
        (
            "Exception occurred:\nSecurityException: no\n",
            "SecurityException: no",
        ),
        ("something else\nexit code 1\n", "exit code 1"),
        ("Failed: no answer\n", "Failed: no answer"),
        (
            "Security exception: Permission Denial: 2000\n",
            "Security exception: Permission Denial: 2000",
        ),
        (
            f"Failed: {REMOTE}",
            "java.lang.SecurityException: Permission denial: writing to settings",
        ),
        (REMOTE, "java.lang.SecurityException: Permission denial: writing to settings"),
        (WRAPPED, "java.lang.SecurityException: uid 2000 may not"),
        (
            "java.lang.NullPointerException\n\tat a.Exception.b(C:1)\n",
            "java.lang.NullPointerException",
        ),
    ],
)
def test_refusals_are_written_down(output: str, reason: str) -> None:
    phone = RecordingPhone(
        {"settings get": f"=== fixed performance\n{output}=== stay awake\n{output}"}
    )
    with watching.observe(phone) as watch:
        pass
    assert watch.conditions.granted == ()
    assert watch.conditions.refused == {"fixed performance": reason, "stay awake": reason}


def test_the_whole_of_what_dumpsys_says_is_read() -> None:
    """A reader that closes the pipe early makes dumpsys log a stack trace every time."""
    phone = RecordingPhone({})
    with watching.observe(phone):
        pass
    asked = [script for script in phone.scripts if "dumpsys power" in script]
    assert len(asked) == 2
    command = re.search(r"dumpsys power \| (.*)", asked[0])
    assert command
    text = "  mDirty=0x0\n  getWakefullnessLocked()=Asleep\n" + "  mMore=1\n" * 100_000
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", f'printf %s "$(cat)" | {command[1]}'],
        input=text,
        capture_output=True,
        text=True,
        check=True,
    )
    assert parse.awake(done.stdout) is False


def test_a_phone_is_put_right_when_the_run_fails() -> None:
    phone = RecordingPhone({})
    with pytest.raises(DeviceError, match="lost"), watching.observe(phone):
        raise DeviceError("lost")
    assert "sh restore" in phone.scripts[-1]
