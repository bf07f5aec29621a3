"""What a sustained run took from the battery, by the charge counter before and after it.

The counter is that of the whole device: its screen, its radio and Android are in the figure. It
moves in steps, and some devices look at their battery only every half minute. So what was taken is
known to within three of the largest steps that the counter made: one that its unit hides, one that
had not come yet, and one for the drift between the two. That is the interval. It is a bound and no
confidence interval.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from tflconv.results.conditions import Conditions, SustainedSecond
from tflconv.results.moment import Moment

MARGIN = 3
"""Steps of the counter to either side of the difference."""

STEPS = 15
"""Steps of the counter that a difference must have at least; its interval is then a fifth of it."""

PLAUSIBLE_UAH = (100_000, 50_000_000)
"""What a battery holds; some devices count in other units than Android says."""

_JOULES_PER_UAH_MV = 3.6e-6
"""A microampere hour at a millivolt in joules: 3600e-6 coulombs times 1e-3 volts."""


@dataclass(frozen=True, kw_only=True)
class Energy:
    """What a sustained run took from the battery of a device.

    Attributes:
        charge_uah: Charge, in microampere hours.
        charge_low_uah: Least charge that it can have been.
        charge_high_uah: Most charge that it can have been.
        seconds: Time between the first and the last look at the counter.
        inferences: Inferences in that time.
        millivolts: Mean voltage of the battery; None where the device does not tell.
    """

    charge_uah: float
    charge_low_uah: float
    charge_high_uah: float
    seconds: float
    inferences: float
    millivolts: float | None = None

    @property
    def milliwatts(self) -> float | None:
        """Mean power of the whole device."""
        joules = self._joules(self.charge_uah)
        return None if joules is None else 1e3 * joules / self.seconds

    @property
    def mj_per_inference(self) -> tuple[float, float, float] | None:
        """Millijoules of the whole device per inference: the figure, and its interval."""
        charges = (self.charge_uah, self.charge_low_uah, self.charge_high_uah)
        joules = [self._joules(charge) for charge in charges]
        figure, low, high = (None if j is None else 1e3 * j / self.inferences for j in joules)
        return None if figure is None or low is None or high is None else (figure, low, high)

    def _joules(self, charge: float) -> float | None:
        return None if self.millivolts is None else _JOULES_PER_UAH_MV * charge * self.millivolts


def of(conditions: Conditions) -> Energy | str | None:
    """Return what a run took from the battery.

    Args:
        conditions: Conditions of the run.

    Returns:
        The charge and its interval, or why it cannot be told in one sentence; None if there was no
        sustained run, or nothing looked at a battery meanwhile.
    """
    looks = [moment for moment in conditions.trace or () if moment.charge_uah is not None]
    series = [second for second in conditions.sustained or () if second.runs]
    if not series or len(looks) < 2:
        return None
    return _obstacle(looks) or _energy(looks, series)


def _obstacle(looks: Sequence[Moment]) -> str | None:
    charges = [look.charge_uah or 0 for look in looks]
    if any(look.charging for look in looks):
        return (
            "energy is not told: a charger was connected; reach the phone over Wi-Fi, by `adb"
            " tcpip 5555` and `adb connect`"
        )
    if not all(PLAUSIBLE_UAH[0] <= charge <= PLAUSIBLE_UAH[1] for charge in charges):
        return f"energy is not told: no battery holds {charges[0]} µAh, so the unit is another one"
    if any(after > before for before, after in pairwise(charges)):
        return "energy is not told: the charge counter rose in the run"
    step = _step(charges)
    taken = charges[0] - charges[-1]
    if taken >= STEPS * step > 0:
        return None
    seconds = looks[-1].at_s - looks[0].at_s
    enough = f"; {seconds * STEPS * step / taken:.0f} s would do" if taken else ""
    return (
        f"energy is not told: the charge counter moved by {taken} µAh in {seconds:.0f} s, in steps"
        f" of up to {step}{enough}"
    )


def _energy(looks: Sequence[Moment], series: Sequence[SustainedSecond]) -> Energy:
    charges = [look.charge_uah or 0 for look in looks]
    taken, margin = charges[0] - charges[-1], MARGIN * _step(charges)
    seconds = looks[-1].at_s - looks[0].at_s
    voltages = [look.millivolts for look in looks if look.millivolts]
    worked = series[-1].at_s - series[0].at_s + 1
    return Energy(
        charge_uah=taken,
        charge_low_uah=taken - margin,
        charge_high_uah=taken + margin,
        seconds=seconds,
        inferences=sum(second.runs for second in series) * seconds / worked,
        millivolts=statistics.fmean(voltages) if voltages else None,
    )


def _step(charges: Sequence[int]) -> int:
    """Return the largest step that the counter made between two looks."""
    return max((before - after for before, after in pairwise(charges)), default=0)
