"""Conditions of a run: state of the device, and its outputs compared with those of the host."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import TypeVar

from tflconv.core.jsonvalue import JsonObject, JsonValue
from tflconv.core.shortening import shorten
from tflconv.results.estimate import Estimate
from tflconv.results.moment import Moment
from tflconv.results.ranges import require_counts, require_finite

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class SustainedSecond:
    """One second of a sustained run.

    Attributes:
        at_s: Seconds since the start.
        runs: Number of inferences.
        median_ms: Their median latency in milliseconds.
        mhz: Clock of each core of the CPU mask, by rising CPU number; 0 where it cannot be read.
    """

    at_s: float
    runs: int
    median_ms: float
    mhz: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        require_counts("sustained", self)


@dataclass(frozen=True, kw_only=True)
class OutputComparison:
    """Outputs of one inference on the device, compared with those of the host for the same input.

    Attributes:
        types: NumPy names of the output types; None in older files.
        same_bits: Whether all outputs are equal bit by bit.
        max_difference: Largest difference of two values; in steps where outputs are integers.
        share_of_range: That difference over the range of the host's outputs; None in older files.
    """

    types: tuple[str, ...] | None = None
    same_bits: bool
    max_difference: float
    share_of_range: float | None = None

    def __post_init__(self) -> None:
        require_finite("outputs", self, "max_difference", "share_of_range")


@dataclass(frozen=True, kw_only=True)
class GoldenOutputs:
    """Outputs for the exact inputs of a golden contract, compared with those that it expects.

    Attributes:
        contract: Name of its file.
        total: Number of its pictures.
        kept: Pictures whose outputs are within the tolerance.
        max_difference: Largest difference of two values.
        tolerance: What the contract allows.
    """

    contract: str
    total: int
    kept: int
    max_difference: float
    tolerance: float

    def __post_init__(self) -> None:
        require_counts("golden", self)


@dataclass(frozen=True, kw_only=True)
class EmulatedInstructions:
    """Instructions of one inference on an emulated core, by the classes of ``Instructions``."""

    core: str
    total: float
    sdot: float | None = None
    fmla: float | None = None
    smull: float | None = None
    memory: float | None = None
    simd: float | None = None
    source: str = "qemu"

    def __post_init__(self) -> None:
        require_counts("instructions", self)


@dataclass(frozen=True, kw_only=True)
class Conditions:
    """State of a device during a run, and its outputs compared with those of the host.

    A field is None where it is not known. Pairs are values before and after the run; clocks are in
    MHz, by rising CPU number. The file has the fields in this order.

    Attributes:
        cpu_mask: CPU cores that the latency run was allowed, as a hex number.
        governor: CPU frequency governor of the first CPU.
        cpus_online: CPUs that are on, as a list such as ``0-5,7``.
        cpus_allowed: CPUs that Android leaves to the measuring process, as such a list.
        mhz_limit: Highest possible clocks.
        other: What other versions of tflconv recorded, by name.
        granted: Requests for steady conditions that the phone granted.
        refused: Requests that it refused, with its answer.
        battery_percent: Charge before the run.
        charging: Whether it was charging before the run.
        battery_celsius: Temperatures of the battery.
        thermal_status: Android's thermal status, from 0 (none) to 6 (shutdown).
        celsius: Sensors and their temperatures after the run.
        screen_on: Whether the screen was on.
        battery_saver: Whether Android was told to save power.
        mhz_before: Clocks before the run.
        mhz_first: Typical clocks in the first half of the run.
        mhz_last: Typical clocks in the second half of the run.
        mhz_after: Clocks after the run.
        sustained: Time series of the sustained run.
        trace: Heat and battery during the sustained run.
        instructions_not_counted: Why the processor's counters could not be read.
        instructions_emulated: Instructions of the same file on the nearest emulated core.
        estimate: What the cost table says of the file.
        pictures_digest: Hash of the outputs for all pictures; equal digests mean equal bits.
        pictures_vs_host: Pictures that device and host classify differently, one sentence each.
        outputs_vs_host: The outputs for one input, compared with those of the host.
        golden: The outputs for the inputs of a golden contract, compared with those it expects.
    """

    cpu_mask: str | None = None
    governor: str | None = None
    cpus_online: str | None = None
    cpus_allowed: str | None = None
    mhz_limit: tuple[float, ...] | None = None
    other: JsonObject = field(default_factory=dict)
    granted: tuple[str, ...] | None = None
    refused: Mapping[str, str] | None = None
    battery_percent: int | None = None
    charging: bool | None = None
    battery_celsius: tuple[float | None, float | None] | None = None
    thermal_status: tuple[int | None, int | None] | None = None
    celsius: Mapping[str, float] | None = None
    screen_on: tuple[bool | None, bool | None] | None = None
    battery_saver: bool | None = None
    mhz_before: tuple[float, ...] | None = None
    mhz_first: tuple[float, ...] | None = None
    mhz_last: tuple[float, ...] | None = None
    mhz_after: tuple[float, ...] | None = None
    sustained: tuple[SustainedSecond, ...] | None = None
    trace: tuple[Moment, ...] | None = None
    instructions_not_counted: str | None = None
    instructions_emulated: EmulatedInstructions | None = None
    estimate: Estimate | None = None
    pictures_digest: str | None = None
    pictures_vs_host: tuple[str, ...] | None = None
    outputs_vs_host: OutputComparison | None = None
    golden: GoldenOutputs | None = None

    def __post_init__(self) -> None:
        require_counts("conditions", self, signed=_TEMPERATURES)

    def to_json(self) -> dict[str, JsonValue]:
        """Return the known fields as a flat JSON object."""
        record: dict[str, JsonValue] = {}
        for name, value in asdict(self, dict_factory=_present).items():
            record |= value if name == "other" else {name: value}
        return record

    def __repr__(self) -> str:
        return f"Conditions({shorten(', '.join(self.to_json()) or 'none known', 100)})"


_TEMPERATURES = ("battery_celsius", "celsius", "thermal_status", "battery_percent")
"""Fields that a phone may report as negative: frost, and what its vendor puts where nothing is."""


def _present(items: Iterable[tuple[str, T]]) -> dict[str, T]:
    return {name: value for name, value in items if value is not None}


def fields_of(recorded: JsonObject) -> dict[str, JsonValue]:
    """Return the fields of ``Conditions`` in a recorded JSON object: the inverse of ``to_json``."""
    names = {entry.name for entry in fields(Conditions)} - {"other"}
    other = {name: value for name, value in recorded.items() if name not in names}
    return {"other": other} | {name: recorded[name] for name in recorded if name in names}
