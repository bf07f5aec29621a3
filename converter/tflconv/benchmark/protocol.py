"""What the harness says: JSON lines, each an object with a ``type``; pure parsing, no device.

The lines are documented in ``android-benchmark/README.md``. Anything else on stdout (a shell's
greeting, a vendor's warning) is skipped; a conversation without its last line was cut.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

import cattrs

from tflconv.core.jsonvalue import JsonObject
from tflconv.errors import DeviceError

PROTOCOL = 1

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class HelloLine:
    """The first line: which protocol the harness speaks."""

    protocol: int


@dataclass(frozen=True, kw_only=True)
class OutputTensor:
    """One output of the model: NumPy's name of its element type, and its size."""

    type: str
    bytes: int


@dataclass(frozen=True, kw_only=True)
class InitLine:
    """Loading and preparing the model, the first inference, and where it ran.

    ``cpu_mask`` has a bit set for each core in force, which differ from those asked for if
    ``cpu_mask_chosen_again``. ``on_accelerator`` confirms that nothing is left to the CPU.
    """

    init_ns: int
    first_inference_ns: int
    output_digest: str
    on_accelerator: bool
    cpu_mask: int
    cpu_mask_chosen_again: bool
    outputs: tuple[OutputTensor, ...]


@dataclass(frozen=True, kw_only=True)
class RunLine:
    """Durations of runs, and when in their phase they began; kHz of each core in the mask."""

    phase: str
    at_ns: int
    samples_ns: tuple[int, ...]
    khz: tuple[int, ...] = ()


@dataclass(frozen=True, kw_only=True)
class CpuLine:
    """CPU time of all threads over the steady state, and what the processor counted."""

    runs: int
    wall_ns: int
    cpu_ns: int
    voluntary_switches: int
    involuntary_switches: int
    rate_hz: float | None
    instructions: int | None
    why_not_counted: str | None

    @property
    def percent(self) -> float:
        """CPU time as percent of one core."""
        return 100 * self.cpu_ns / self.wall_ns


@dataclass(frozen=True, kw_only=True)
class MemoryLine:
    """Resident set of the process at three moments, and at its peak."""

    peak_bytes: int
    before_init_bytes: int
    after_init_bytes: int
    current_bytes: int


@dataclass(frozen=True, kw_only=True)
class OpLine:
    """One executed node; ``delegate`` is None for a built-in kernel."""

    name: str
    delegate: str | None
    mean_ns: float


@dataclass(frozen=True, kw_only=True)
class OpsLine:
    """The profile: who executes which node, and for how long."""

    nodes: int
    delegated: int
    partitions: int
    ops: tuple[OpLine, ...]


@dataclass(frozen=True, kw_only=True)
class AccuracyLine:
    """Classes of all pictures of a test set; ``per_class`` holds pairs of correct and total."""

    total: int
    correct: int
    per_class: tuple[tuple[int, int], ...]
    predicted: tuple[int, ...]
    digest: str


@dataclass(frozen=True, kw_only=True)
class ErrorLine:
    """The last line of a conversation that failed."""

    message: str


@dataclass(frozen=True, kw_only=True)
class EndLine:
    """The last line of a whole conversation; a core that went away is not ``cpu_mask_kept``."""

    cpu_mask_kept: bool


@dataclass(frozen=True)
class Conversation:
    """The lines of one process, in order. A line that is asked for is checked then."""

    lines: tuple[JsonObject, ...]

    @property
    def hello(self) -> HelloLine | None:
        """The greeting; None if the program did not start."""
        return self._first("hello", HelloLine)

    @property
    def error(self) -> ErrorLine | None:
        """Why the harness gave up, if it did."""
        return self._first("error", ErrorLine)

    @property
    def end(self) -> EndLine | None:
        """The end; None if the conversation was cut."""
        return self._first("end", EndLine)

    @cached_property
    def init(self) -> InitLine:
        """The start-up."""
        return self._required("init", InitLine)

    @cached_property
    def cpu(self) -> CpuLine:
        """What the steady state cost."""
        return self._required("cpu", CpuLine)

    @cached_property
    def memory(self) -> MemoryLine:
        """How much memory the process took."""
        return self._required("memory", MemoryLine)

    @cached_property
    def ops(self) -> OpsLine:
        """The profile."""
        return self._required("ops", OpsLine)

    @cached_property
    def accuracy(self) -> AccuracyLine:
        """How the pictures of a test set were classified."""
        return self._required("accuracy", AccuracyLine)

    def runs(self, phase: str) -> Iterator[RunLine]:
        """Yield the lines of the phase ``warmup`` or ``steady``."""
        runs = (_structured(line, RunLine) for line in self.lines if line["type"] == "run")
        return (run for run in runs if run.phase == phase)

    def samples(self, phase: str) -> tuple[int, ...]:
        """Return the nanoseconds of every run of the phase ``warmup`` or ``steady``."""
        return tuple(sample for run in self.runs(phase) for sample in run.samples_ns)

    def __repr__(self) -> str:
        return f"Conversation({len(self.lines)} lines)"

    def _first(self, kind: str, shape: type[T]) -> T | None:
        line = next((line for line in self.lines if line["type"] == kind), None)
        return None if line is None else _structured(line, shape)

    def _required(self, kind: str, shape: type[T]) -> T:
        line = self._first(kind, shape)
        if line is None:
            raise DeviceError(f"the harness did not report '{kind}'.")
        return line


def parse(stdout: str) -> Conversation:
    """Read what a harness wrote. Raises ``DeviceError`` if a line is damaged."""
    return Conversation(tuple(map(_object, filter(_is_line, stdout.splitlines()))))


def _is_line(text: str) -> bool:
    return text.lstrip().startswith('{"type":')


def _object(text: str) -> JsonObject:
    try:
        value: JsonObject = json.loads(text)
    except ValueError as error:
        raise DeviceError(
            f"the harness's output is cut in the middle of a line: ...{text[-40:]!r}.",
            hint="The connection broke or the device ran out of something; measure again.",
        ) from error
    return value


def _structured(line: JsonObject, shape: type[T]) -> T:
    try:
        return _converter.structure(line, shape)
    except cattrs.BaseValidationError as error:
        reason = "; ".join(cattrs.transform_error(error)[:3])
        raise DeviceError(
            f"the harness's line '{line['type']}' is not understood: {reason}."
        ) from error


_converter = cattrs.Converter()
