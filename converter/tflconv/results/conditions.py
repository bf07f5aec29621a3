"""Under which conditions a run came about: what the device was like, what the host says to it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import TypeVar

from tflconv.core.jsonvalue import JsonObject, JsonValue
from tflconv.core.shortening import shorten

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class SustainedSecond:
    """One second of a sustained run: its start, its runs, their median, the clock of each core.

    ``mhz`` names the cores of the mask in rising order; 0 is a clock that cannot be read.
    """

    at_s: float
    runs: int
    median_ms: float
    mhz: tuple[float, ...] = ()


@dataclass(frozen=True, kw_only=True)
class OutputComparison:
    """The outputs of one inference on the device beside those of the host for the same input.

    ``types`` are NumPy's names of the outputs' types. ``max_difference`` counts in the outputs' own
    numbers (steps of an integer output); ``share_of_range`` is that difference as a share of the
    range of the host's outputs. Older files have neither types nor share.
    """

    types: tuple[str, ...] | None = None
    same_bits: bool
    max_difference: float
    share_of_range: float | None = None


@dataclass(frozen=True, kw_only=True)
class EmulatedInstructions:
    """Instructions of one inference on the emulated ``core``; the classes of ``Instructions``."""

    core: str
    total: float
    sdot: float | None = None
    fmla: float | None = None
    smull: float | None = None
    memory: float | None = None
    simd: float | None = None
    source: str = "qemu"


@dataclass(frozen=True, kw_only=True)
class Conditions:
    """What a device was like during a run, and how its outputs compare with the host's.

    Every field is None if it is not known: it was not looked for, or the device kept it to itself.
    Pairs are values before and after the run; clocks are lists by rising CPU number. The file has
    the fields in this order.

    Args:
        cpu_mask: CPU cores that the latency run was allowed, as a hex number.
        governor: Who sets the clock of the first CPU.
        cpus_online: CPUs that are on, as a list such as ``0-5,7``.
        cpus_allowed: CPUs that Android leaves to the measuring process, as such a list.
        mhz_limit: Highest possible clocks.
        other: What other versions of tflconv recorded, by name.
        granted: What the phone was asked for to keep still, and did.
        refused: What it refused, with what it said.
        battery_percent: Charge before the run.
        charging: Whether it was charging before the run.
        battery_celsius: Temperatures of the battery.
        thermal_status: Android's thermal status, from 0 (none) to 6 (shutdown).
        celsius: Sensors and their temperatures after the run.
        screen_on: Whether the screen was on.
        mhz_before: Clocks before the run.
        mhz_first: Typical clocks in the first half of the run.
        mhz_last: Typical clocks in the second half of the run.
        mhz_after: Clocks after the run.
        sustained: Time series of the sustained run.
        instructions_not_counted: Why the processor's counters could not be read.
        instructions_emulated: Instructions of the same file on the nearest emulated core.
        pictures_digest: Hash of the outputs for all pictures; equal digests mean equal bits.
        pictures_vs_host: Pictures that device and host classify differently, each in words.
        outputs_vs_host: The outputs for one input beside the host's.

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
    mhz_before: tuple[float, ...] | None = None
    mhz_first: tuple[float, ...] | None = None
    mhz_last: tuple[float, ...] | None = None
    mhz_after: tuple[float, ...] | None = None
    sustained: tuple[SustainedSecond, ...] | None = None
    instructions_not_counted: str | None = None
    instructions_emulated: EmulatedInstructions | None = None
    pictures_digest: str | None = None
    pictures_vs_host: tuple[str, ...] | None = None
    outputs_vs_host: OutputComparison | None = None

    def to_json(self) -> dict[str, JsonValue]:
        """Return what is known as a JSON object, all on one level."""
        record: dict[str, JsonValue] = {}
        for name, value in asdict(self, dict_factory=_known).items():
            record |= value if name == "other" else {name: value}
        return record

    def __repr__(self) -> str:
        return f"Conditions({shorten(', '.join(self.to_json()) or 'none known', 100)})"


def _known(items: Iterable[tuple[str, T]]) -> dict[str, T]:
    return {name: value for name, value in items if value is not None}


def fields_of(recorded: JsonObject) -> dict[str, JsonValue]:
    """Return a recorded JSON object as the fields of ``Conditions``: ``to_json`` turned round."""
    names = {each.name for each in fields(Conditions)} - {"other"}
    other = {name: value for name, value in recorded.items() if name not in names}
    return {"other": other} | {name: recorded[name] for name in recorded if name in names}
