"""Look at heat and battery of a device every few seconds, while it works for minutes.

A phone is looked at by lines of shell that run on it, this computer by its files below ``/sys``.
Each look is complete or left out: the last one may be cut when the work ends.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from tflconv.device import parse
from tflconv.device.watching import Observable
from tflconv.results import Moment

SECONDS = 5
"""Time between two looks; one costs a phone a tenth of a second of one core."""

LOOK = """\
echo "=== uptime"; cat /proc/uptime
echo "=== battery"; dumpsys battery
echo "=== thermal"; dumpsys thermalservice
echo "=== counter"; cat /sys/class/power_supply/battery/charge_counter 2>/dev/null
echo "=== looked"
"""

_MARK = "##### look"
_KEEP_LOOKING = f"""
while :; do
echo "{_MARK}"
{LOOK}
sleep {SECONDS}
done
"""
_SYSTEM = Path("/sys/class")


@contextlib.contextmanager
def of_phone(phone: Observable) -> Iterator[list[Moment]]:
    """Look at ``phone`` during the block; the list is filled when the block has ended."""
    moments: list[Moment] = []
    with phone.background(_KEEP_LOOKING) as printed:
        yield moments
    moments += read("".join(printed))


def read(text: str) -> list[Moment]:
    """Parse the looks that a phone printed; one without its last line is left out."""
    looks = [parse.sections(part) for part in text.split(_MARK)[1:]]
    whole = [look for look in looks if "looked" in look and _uptime(look) is not None]
    began = _uptime(whole[0]) if whole else None
    return [_moment(look, (_uptime(look) or 0.0) - (began or 0.0)) for look in whole]


def _uptime(look: dict[str, str]) -> float | None:
    return parse.number(look.get("uptime", "").partition(" ")[0])


def _moment(look: dict[str, str], at_s: float) -> Moment:
    battery, thermal = parse.battery(look["battery"]), parse.thermal(look["thermal"])
    return Moment(
        at_s=max(at_s, 0.0),
        celsius=thermal.temperatures,
        battery_celsius=battery.temperature,
        thermal_status=thermal.status,
        charge_uah=parse.count(look["counter"]) or battery.charge_uah,
        millivolts=battery.millivolts,
        charging=battery.charging,
    )


@contextlib.contextmanager
def of_host(
    system: Path = _SYSTEM, clock: Callable[[], float] = time.monotonic
) -> Iterator[list[Moment]]:
    """Look at this computer during the block, as the kernel tells it below ``system``."""
    moments: list[Moment] = []
    ended, began = threading.Event(), clock()

    def look() -> None:
        while True:
            moments.append(look_at_host(system, clock() - began))
            if ended.wait(SECONDS):
                return

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield moments
    finally:
        ended.set()
        thread.join()
    if not any(moment.celsius or moment.charge_uah for moment in moments):
        moments.clear()  # a virtual machine has neither sensors nor a battery


def look_at_host(system: Path, at_s: float) -> Moment:
    """Return what the kernel tells below ``system`` of its sensors and its first battery."""
    celsius = {}
    for zone in sorted(system.glob("thermal/thermal_zone*")):
        degrees = parse.number(_text(zone / "temp"))
        if degrees and parse.is_temperature(degrees / 1000):
            celsius[f"{_text(zone / 'type') or zone.name} {zone.name[12:]}"] = degrees / 1000
    battery = next(iter(sorted(system.glob("power_supply/BAT*"))), system / "none")
    volts = parse.count(_text(battery / "voltage_now"))
    status = _text(battery / "status")
    return Moment(
        at_s=at_s,
        celsius=celsius,
        charge_uah=parse.count(_text(battery / "charge_now")),
        millivolts=None if volts is None else round(volts / 1000),
        charging=status != "Discharging" if status else None,
    )


def _text(file: Path) -> str:
    try:
        return file.read_text(errors="replace").strip()
    except OSError:
        return ""
