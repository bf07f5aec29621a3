"""What a phone was like while it was measured, and what is asked of it so that it keeps still.

Before a run the phone is asked to hold its clocks at a level that it can sustain (Android's
fixed-performance mode) and to leave its screen on, because a dark phone may use its small cores
only. A vendor may refuse either; that is written down and the run goes on. How to undo a request
is left on the phone before the request is made, so a phone whose cable was pulled is put right
when it is next connected.
"""

from __future__ import annotations

import contextlib
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from tflconv.device import parse
from tflconv.device.interface import Watch
from tflconv.errors import DeviceError
from tflconv.results import Conditions, Reason

REQUESTS = ("fixed performance", "stay awake")

SAMPLE_SECONDS = 1
HELD = 0.9
"""A clock below this share of what it was counts as held back."""

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
"""Undoes, in the phone's folder, what was asked of it, now or in a session that was cut."""

_LOOK = f"""
echo "=== battery"; dumpsys battery
echo "=== thermal"; dumpsys thermalservice
echo "=== power"; dumpsys power | grep -m 1 mWakefulness=
echo "=== clocks"; {_CLOCKS}
echo "=== limits"; grep . {_CPU}/cpu[0-9]*/cpufreq/cpuinfo_max_freq /dev/null
echo "=== governor"; cat {_CPU}/cpu0/cpufreq/scaling_governor
echo "=== online"; cat {_CPU}/online
echo "=== allowed"; grep Cpus_allowed_list /proc/self/status
true
"""

_SAMPLE = f'while :; do echo "=== sample"; {_CLOCKS}; sleep {SAMPLE_SECONDS}; done'

_STATUS = ("none", "light", "moderate", "severe", "critical", "emergency", "shutdown")

_REFUSALS = ("Exception", "Unknown command", "Failed", "denied", "Can't find service")


class Scripted(Protocol):
    """What this module needs of a phone."""

    @property
    def folder(self) -> str:
        """Where files may be left on the phone."""
        ...

    def script(self, text: str, *arguments: str) -> str:
        """Run shell lines; raise ``DeviceError`` if they fail."""
        ...

    def background(self, text: str) -> contextlib.AbstractContextManager[list[str]]:
        """Run shell lines until the block ends; then the list holds what they printed."""
        ...


@dataclass(frozen=True, kw_only=True)
class Look:
    """One look at a phone. Clocks are in MHz by CPU, temperatures in °C."""

    battery: parse.Battery
    thermal: parse.Thermal
    awake: bool | None = None
    clocks: Mapping[int, float] = field(default_factory=dict)
    limits: Mapping[int, float] = field(default_factory=dict)
    governor: str | None = None
    online: str | None = None
    allowed: str | None = None


def read(text: str) -> Look:
    """Understand what ``_LOOK`` made a phone print; what it kept to itself is None or empty."""
    said = parse.sections(text)
    return Look(
        battery=parse.battery(said.get("battery", "")),
        thermal=parse.thermal(said.get("thermal", "")),
        awake=parse.awake(said.get("power", "")),
        clocks=parse.clocks(said.get("clocks", "")),
        limits=parse.clocks(said.get("limits", "")),
        governor=said.get("governor") or None,
        online=said.get("online") or None,
        allowed=said.get("allowed", "").rpartition(":")[2].strip() or None,
    )


@contextlib.contextmanager
def watched(phone: Scripted) -> Iterator[Watch]:
    """Keep ``phone`` still for the block, and watch it.

    The phone is put right also if the block fails. Losing the phone is the block's error, not ours.
    """
    watch = Watch()
    try:
        said = phone.script(f"{_REQUEST}\n{_LOOK}", phone.folder)
        watch.conditions = answered(parse.sections(said))
        with phone.background(_SAMPLE) as printed:
            yield watch
        after = read(phone.script(_LOOK))
        samples = parse.clock_samples("".join(printed))
        watch.conditions = told(watch.conditions, read(said), samples, after)
    finally:
        with contextlib.suppress(DeviceError):
            phone.script(f'cd "$0" || exit 0\n{RESTORE}', phone.folder)


def answered(said: Mapping[str, str]) -> Conditions:
    """Which requests were granted, and why the others were refused."""
    refusals = {name: _refusal(said.get(name, "")) for name in REQUESTS}
    return Conditions(
        granted=tuple(name for name, refusal in refusals.items() if refusal is None),
        refused={name: refusal for name, refusal in refusals.items() if refusal is not None},
    )


def told(
    requested: Conditions, before: Look, samples: Sequence[Mapping[int, float]], after: Look
) -> Conditions:
    """``requested`` with what two looks at a phone and ``samples`` of its clocks tell."""
    return replace(
        requested,
        battery_percent=before.battery.level,
        charging=before.battery.charging,
        battery_celsius=(before.battery.temperature, after.battery.temperature),
        thermal_status=(before.thermal.status, after.thermal.status),
        celsius=dict(after.thermal.temperatures),
        screen_on=(before.awake, after.awake),
        governor=before.governor,
        cpus_online=before.online,
        cpus_allowed=before.allowed,
        mhz_limit=_listed(before.limits),
        mhz_before=_listed(before.clocks),
        mhz_first=_listed(_typical(samples[: (len(samples) + 1) // 2])),
        mhz_last=_listed(_typical(samples[len(samples) // 2 :])),
        mhz_after=_listed(after.clocks),
    )


def reasons(conditions: Conditions) -> list[Reason]:
    """Return what speaks against a run that was made under ``conditions``."""
    return [*_heat(conditions), *_clocks(conditions), *_screen(conditions)]


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


def _screen(conditions: Conditions) -> Iterator[Reason]:
    if False in (conditions.screen_on or ()):
        yield "noisy", "the screen was off, so Android may hold back the big cores: turn it on"
    online, allowed = conditions.cpus_online, conditions.cpus_allowed
    barred = set(parse.cpu_list(online or "")) - set(parse.cpu_list(allowed or online or ""))
    if barred:
        yield "noisy", f"Android allowed only CPUs {allowed} of {online}"


def _refusal(said: str) -> str | None:
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    reasons = [line for line in lines if any(word in line for word in _REFUSALS)]
    failed = [line for line in lines if line.startswith("exit code ")]
    return next(iter(reasons[-1:] or failed), None)


def _typical(samples: Sequence[Mapping[int, float]]) -> dict[int, float]:
    cpus = sorted({cpu for sample in samples for cpu in sample})
    return {
        cpu: statistics.median(sample[cpu] for sample in samples if cpu in sample) for cpu in cpus
    }


def _listed(clocks: Mapping[int, float]) -> tuple[float, ...] | None:
    return tuple(clocks[cpu] for cpu in sorted(clocks)) or None
