"""Record the conditions of a phone during a measurement, and request steady ones.

Before a run the phone is asked to hold its clocks at a level that it can sustain (Android's
fixed-performance mode) and to leave its screen on, because a phone with a dark screen may use its
small cores only. A vendor may refuse either; the refusal is recorded and the run goes on. The
command that undoes a request is left on the phone before the request is made, so a phone whose
cable was pulled is restored when it is next connected.
"""

from __future__ import annotations

import contextlib
import re
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from tflconv.device import parse
from tflconv.device.interface import Heat, RunsScripts, Watch
from tflconv.errors import DeviceError
from tflconv.results import Conditions, Reason

REQUESTS = ("fixed performance", "stay awake")

SAMPLE_SECONDS = 1
HELD = 0.9
"""A clock that falls below this share of its first value counts as throttled."""

_CPU = "/sys/devices/system/cpu"
_CLOCKS = f"grep . {_CPU}/cpu[0-9]*/cpufreq/scaling_cur_freq /dev/null"

_FIXED = "cmd power set-fixed-performance-mode-enabled"
_STAY_ON = "global stay_on_while_plugged_in"
_EVERY_SOURCE = 7  # mains, USB and wireless

_REQUEST = f"""
cd "$0" || exit 1
echo "=== fixed performance"
echo "{_FIXED} false" >>restore
{_FIXED} true 2>&1 || echo "exit code $?"
echo "=== stay awake"
old=$(settings get {_STAY_ON} 2>&1)
case $old in
null) echo "settings delete {_STAY_ON}" >>restore ;;
""|*[!0-9]*) echo "Failed: ${{old:-no answer}}"; old= ;;
*) echo "settings put {_STAY_ON} $old" >>restore ;;
esac
if [ "$old" ]; then
  settings put {_STAY_ON} {_EVERY_SOURCE} 2>&1 || echo "exit code $?"
  input keyevent KEYCODE_WAKEUP >/dev/null 2>&1
fi
"""

RESTORE = "if [ -f restore ]; then sh restore; rm -f restore; fi"
"""Undoes, in the phone's folder, the requests of this session or of an interrupted one."""

_SNAPSHOT = f"""
echo "=== battery"; dumpsys battery
echo "=== thermal"; dumpsys thermalservice
echo "=== power"; dumpsys power | grep -i wakefu
echo "=== saver"; settings get global low_power 2>/dev/null
echo "=== clocks"; {_CLOCKS}
echo "=== limits"; grep . {_CPU}/cpu[0-9]*/cpufreq/cpuinfo_max_freq /dev/null
echo "=== governor"; cat {_CPU}/cpu0/cpufreq/scaling_governor
echo "=== online"; cat {_CPU}/online
echo "=== allowed"; grep Cpus_allowed_list /proc/self/status
true
"""

_HEAT = f"""
echo "=== thermal"; dumpsys thermalservice
echo "=== limits"; grep . {_CPU}/cpu[0-9]*/cpufreq/scaling_max_freq /dev/null
true
"""

_SAMPLE = f'while :; do echo "=== sample"; {_CLOCKS}; sleep {SAMPLE_SECONDS}; done'

_STATUS = ("none", "light", "moderate", "severe", "critical", "emergency", "shutdown")

_SAVER = {"0": False, "1": True}
LOW_BATTERY = 15
"""Percent at which Android warns and many phones hold their clocks back."""

_REFUSALS = ("exception", "unknown command", "failed", "denied", "denial", "can't find service")

_CAUSED_BY = "Caused by: "
_SAYS_NOTHING = re.compile(r".*Exception occurred.*:|.*Remote stack trace:|[\w.$]*Exception")


class Observable(RunsScripts, Protocol):
    """What this module needs of a phone."""

    def background(self, text: str) -> contextlib.AbstractContextManager[list[str]]:
        """Run shell lines until the block ends; their output is then in the list."""
        ...


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """The state of a phone at one moment. Clocks are in MHz by CPU, temperatures in °C."""

    battery: parse.Battery
    thermal: parse.Thermal
    awake: bool | None = None
    saver: bool | None = None
    clocks: Mapping[int, float] = field(default_factory=dict)
    limits: Mapping[int, float] = field(default_factory=dict)
    governor: str | None = None
    online: str | None = None
    allowed: str | None = None


def read_snapshot(text: str) -> Snapshot:
    """Parse the output of ``_SNAPSHOT``; what the phone did not report is None or empty."""
    sections = parse.sections(text)
    return Snapshot(
        battery=parse.battery(sections.get("battery", "")),
        thermal=parse.thermal(sections.get("thermal", "")),
        awake=parse.awake(sections.get("power", "")),
        saver=_SAVER.get(sections.get("saver", "").strip()),
        clocks=parse.clocks(sections.get("clocks", "")),
        limits=parse.clocks(sections.get("limits", "")),
        governor=sections.get("governor") or None,
        online=sections.get("online") or None,
        allowed=sections.get("allowed", "").rpartition(":")[2].strip() or None,
    )


@contextlib.contextmanager
def observe(phone: Observable) -> Iterator[Watch]:
    """Request steady conditions for the block and record those that the phone reports.

    The phone is restored even if the block fails.

    Raises:
        DeviceError: The phone was lost.

    """
    watch = Watch()
    try:
        output = phone.script(f"{_REQUEST}\n{_SNAPSHOT}", phone.folder)
        watch.conditions = request_outcomes(parse.sections(output))
        with phone.background(_SAMPLE) as printed:
            yield watch
        after = read_snapshot(phone.script(_SNAPSHOT))
        samples = parse.clock_samples("".join(printed))
        before = read_snapshot(output)
        watch.conditions = with_observations(watch.conditions, before, samples, after)
    finally:
        with contextlib.suppress(DeviceError):
            phone.script(f'cd "$0" || exit 0\n{RESTORE}', phone.folder)


def heat(phone: RunsScripts) -> Heat:
    """Return what a phone does about its heat. Raises ``DeviceError`` if it was lost."""
    sections = parse.sections(phone.script(_HEAT))
    limits = parse.clocks(sections.get("limits", ""))
    return Heat(
        status=parse.thermal(sections.get("thermal", "")).status,
        highest_mhz=max(limits.values(), default=0.0),
    )


def request_outcomes(sections: Mapping[str, str]) -> Conditions:
    """Return which requests were granted, and why others were refused, from their output by name.

    Example:
        >>> request_outcomes({"fixed performance": "Unknown command", "stay awake": ""}).refused
        {'fixed performance': 'Unknown command'}

    """
    refusals = {name: _refusal(sections.get(name, "")) for name in REQUESTS}
    return Conditions(
        granted=tuple(name for name, refusal in refusals.items() if refusal is None),
        refused={name: refusal for name, refusal in refusals.items() if refusal is not None},
    )


def with_observations(
    requested: Conditions,
    before: Snapshot,
    samples: Sequence[Mapping[int, float]],
    after: Snapshot,
) -> Conditions:
    """Add observations of a phone to its conditions.

    Args:
        requested: The outcomes of the requests.
        before: The phone before the run.
        samples: Clocks during the run, in MHz by CPU.
        after: The phone after the run.

    """
    return replace(
        requested,
        battery_percent=before.battery.level,
        charging=before.battery.charging,
        battery_celsius=(before.battery.temperature, after.battery.temperature),
        thermal_status=(before.thermal.status, after.thermal.status),
        celsius=dict(after.thermal.temperatures),
        screen_on=(before.awake, after.awake),
        battery_saver=before.saver,
        governor=before.governor,
        cpus_online=before.online,
        cpus_allowed=before.allowed,
        mhz_limit=_by_cpu(before.limits),
        mhz_before=_by_cpu(before.clocks),
        mhz_first=_by_cpu(_typical(samples[: (len(samples) + 1) // 2])),
        mhz_last=_by_cpu(_typical(samples[len(samples) // 2 :])),
        mhz_after=_by_cpu(after.clocks),
    )


def reasons(conditions: Conditions) -> list[Reason]:
    """Return why a run under ``conditions`` is not clean: pairs of a verdict and a sentence."""
    return [
        *_heat(conditions),
        *_clocks(conditions),
        *_power(conditions),
        *_screen(conditions),
    ]


def _heat(conditions: Conditions) -> Iterator[Reason]:
    worst = max((status or 0 for status in conditions.thermal_status or ()), default=0)
    if worst > 0:
        name = _STATUS[min(worst, len(_STATUS) - 1)]
        yield "throttled", f"Android reported thermal status {worst} ({name}): let the phone cool"


def _clocks(conditions: Conditions) -> Iterator[Reason]:
    if not conditions.mhz_first or not conditions.mhz_last:
        return
    start, end = max(conditions.mhz_first), max(conditions.mhz_last)
    if end < HELD * start:
        yield "throttled", f"the fastest clock fell from {start:.0f} to {end:.0f} MHz in the run"


def _power(conditions: Conditions) -> Iterator[Reason]:
    if conditions.battery_saver:
        yield "noisy", "the battery saver is on, which holds clocks back: turn it off"
    level = conditions.battery_percent
    if level is not None and level < LOW_BATTERY and conditions.charging is False:
        yield (
            "noisy",
            f"the battery is at {level:.0f} %, where phones hold clocks back: charge it",
        )


def _screen(conditions: Conditions) -> Iterator[Reason]:
    if False in (conditions.screen_on or ()):
        yield (
            "noisy",
            "the screen was off, so Android may not use the big cores: turn it on and unlock it",
        )
    online, allowed = conditions.cpus_online, conditions.cpus_allowed
    barred = set(parse.cpu_list(online or "")) - set(parse.cpu_list(allowed or online or ""))
    if barred:
        yield "noisy", f"Android allowed only CPUs {allowed} of {online}"


def _refusal(output: str) -> str | None:
    """Return the line of a command's output that says why it was refused, None if it was not.

    Around a Java exception stand an announcement, the calls and the causes, of which one may only
    say that the exception of another process follows.
    """
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    failed = [line for line in lines if line.startswith("exit code ")]
    refusing = [
        line.removeprefix(_CAUSED_BY)
        for line in lines
        if not line.startswith("at ") and any(word in line.lower() for word in _REFUSALS)
    ]
    complaints = [line for line in refusing if not _SAYS_NOTHING.fullmatch(line)]
    return next(iter([*complaints, *refusing, *failed]), None)


def _typical(samples: Sequence[Mapping[int, float]]) -> dict[int, float]:
    cpus = sorted({cpu for sample in samples for cpu in sample})
    return {
        cpu: statistics.median(sample[cpu] for sample in samples if cpu in sample) for cpu in cpus
    }


def _by_cpu(clocks: Mapping[int, float]) -> tuple[float, ...] | None:
    return tuple(clocks[cpu] for cpu in sorted(clocks)) or None
