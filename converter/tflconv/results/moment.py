"""The state of a device at a moment of a sustained run: its heat and its battery."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tflconv.results.ranges import require_counts

_SIGNED = ("celsius", "battery_celsius")
"""A phone may lie in the frost."""


@dataclass(frozen=True, kw_only=True)
class Moment:
    """One look at a device while it works for long.

    Attributes:
        at_s: Seconds since the first look, which comes just before the work.
        celsius: Sensors and their temperatures.
        battery_celsius: Temperature of the battery.
        thermal_status: Android's thermal status, from 0 (none) to 6 (shutdown).
        charge_uah: Charge that is left in the battery, in microampere hours.
        millivolts: Voltage of the battery.
        charging: Whether a charger is connected.
    """

    at_s: float
    celsius: Mapping[str, float] = field(default_factory=dict)
    battery_celsius: float | None = None
    thermal_status: int | None = None
    charge_uah: int | None = None
    millivolts: int | None = None
    charging: bool | None = None

    def __post_init__(self) -> None:
        require_counts("moment", self, signed=_SIGNED)

    @property
    def hottest(self) -> float | None:
        """Temperature of the hottest sensor, or else of the battery."""
        return max(self.celsius.values(), default=self.battery_celsius)
