"""Parse the harness's output: JSON lines, each an object with a ``type``; no device is needed.

The lines are documented in ``android-benchmark/README.md``. Anything else on stdout (a shell's
greeting, a vendor's warning) is skipped; output without its last line was cut.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

from tflconv.core.jsonvalue import JsonObject
from tflconv.core.structuring import Structure, faults
from tflconv.errors import DeviceError, UsageError, require
from tflconv.results.ranges import require_counts

PROTOCOL = 1

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class HelloLine:
    """The first line, with the protocol version of the harness."""

    protocol: int


@dataclass(frozen=True, kw_only=True)
class OutputTensor:
    """One output of the model: its element type as NumPy names it, and its size in bytes."""

    type: str
    bytes: int


@dataclass(frozen=True, kw_only=True)
class InitLine:
    """Start-up of a model, its first inference, and where it runs.

    Attributes:
        init_ns: Duration of loading and compiling, in nanoseconds.
        first_inference_ns: Duration of the first inference, in nanoseconds.
        output_digest: Hash of the outputs of the first inference.
        on_accelerator: Whether the runtime confirms that nothing is left to the CPU.
        cpu_mask: The cores in use, one bit per core.
        cpu_mask_chosen_again: Whether these are other cores than requested.
        outputs: The outputs of the model.

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
    """Durations of inferences.

    Attributes:
        phase: ``warmup`` or ``steady``.
        at_ns: When the first of them began, in nanoseconds since the start of the phase.
        runs: Number of inferences.
        samples_ns: Duration of each inference that was kept, in nanoseconds.
        khz: Clock of each core in the mask, in kHz.

    """

    phase: str
    at_ns: int
    runs: int
    samples_ns: tuple[int, ...]
    khz: tuple[int, ...] = ()


@dataclass(frozen=True, kw_only=True)
class CpuLine:
    """CPU time of all threads during the steady state, and the processor's counters."""

    runs: int
    wall_ns: int
    cpu_ns: int
    voluntary_switches: int
    involuntary_switches: int
    rate_hz: float | None
    instructions: int | None
    cycles: int | None
    why_not_counted: str | None

    def __post_init__(self) -> None:
        require("it", self, runs=(self.runs > 0, "above 0"), wall_ns=(self.wall_ns > 0, "above 0"))

    @property
    def percent(self) -> float:
        """CPU use in percent of one core."""
        return 100 * self.cpu_ns / self.wall_ns


@dataclass(frozen=True, kw_only=True)
class MemoryLine:
    """Resident set of the process at three moments and at its peak, in bytes."""

    peak_bytes: int
    before_init_bytes: int
    after_init_bytes: int
    current_bytes: int


@dataclass(frozen=True, kw_only=True)
class OpLine:
    """One executed operator; ``delegate`` is None for a built-in kernel."""

    name: str
    delegate: str | None
    mean_ns: float


@dataclass(frozen=True, kw_only=True)
class OpsLine:
    """The profile: the delegate and the mean time of each operator."""

    nodes: int
    delegated: int
    partitions: int
    ops: tuple[OpLine, ...]


@dataclass(frozen=True, kw_only=True)
class AccuracyLine:
    """Predicted classes of a test set; ``per_class`` holds pairs of correct and total.

    ``not_finite`` counts pictures with a score that is NaN or infinite, whose class means nothing.
    """

    total: int
    correct: int
    per_class: tuple[tuple[int, int], ...]
    predicted: tuple[int, ...]
    digest: str
    not_finite: int = 0


@dataclass(frozen=True, kw_only=True)
class ErrorLine:
    """The last line of a process that failed."""

    message: str


@dataclass(frozen=True, kw_only=True)
class EndLine:
    """The last line of complete output; ``cpu_mask_kept`` is false if a core went offline."""

    cpu_mask_kept: bool


@dataclass(frozen=True)
class HarnessOutput:
    """The lines of one process, in order; a line is checked when it is first used.

    Example:
        >>> output = parse('{"type":"hello","protocol":1}')
        >>> output.hello
        HelloLine(protocol=1)
        >>> output
        HarnessOutput(1 lines)

    """

    lines: tuple[JsonObject, ...]

    @property
    def hello(self) -> HelloLine | None:
        """The first line; None if the program did not start."""
        return self._first("hello", HelloLine)

    @property
    def error(self) -> ErrorLine | None:
        """The reason of a failure, or None."""
        return self._first("error", ErrorLine)

    @property
    def end(self) -> EndLine | None:
        """The last line; None if the output was cut."""
        return self._first("end", EndLine)

    @cached_property
    def init(self) -> InitLine:
        """The start-up. Raises ``DeviceError`` without it, as do the lines below."""
        return self._required("init", InitLine)

    @cached_property
    def cpu(self) -> CpuLine:
        """The CPU time of the steady state."""
        return self._required("cpu", CpuLine)

    @cached_property
    def memory(self) -> MemoryLine:
        """The memory of the process."""
        return self._required("memory", MemoryLine)

    @cached_property
    def ops(self) -> OpsLine:
        """The profile of the operators."""
        return self._required("ops", OpsLine)

    @cached_property
    def accuracy(self) -> AccuracyLine:
        """The predictions for a test set."""
        return self._required("accuracy", AccuracyLine)

    def runs(self, phase: str) -> Iterator[RunLine]:
        """Yield the lines of the phase ``warmup`` or ``steady``."""
        runs = (_structured(line, RunLine) for line in self.lines if line["type"] == "run")
        return (run for run in runs if run.phase == phase)

    def samples(self, phase: str) -> tuple[int, ...]:
        """Return all durations of the phase ``warmup`` or ``steady``, in nanoseconds."""
        return tuple(sample for run in self.runs(phase) for sample in run.samples_ns)

    def __repr__(self) -> str:
        return f"HarnessOutput({len(self.lines)} lines)"

    def _first(self, kind: str, shape: type[T]) -> T | None:
        line = next((line for line in self.lines if line["type"] == kind), None)
        return None if line is None else _structured(line, shape)

    def _required(self, kind: str, shape: type[T]) -> T:
        line = self._first(kind, shape)
        if line is None:
            raise DeviceError(f"the harness did not report '{kind}'.")
        return line


def parse(stdout: str) -> HarnessOutput:
    """Parse the stdout of a harness.

    Raises:
        DeviceError: A line is damaged.

    """
    return HarnessOutput(tuple(map(_object, filter(_is_line, stdout.splitlines()))))


def _is_line(text: str) -> bool:
    return text.lstrip().startswith('{"type":')


def _object(text: str) -> JsonObject:
    try:
        value: JsonObject = json.loads(text)
    except ValueError as error:
        raise DeviceError(
            f"the harness's output is cut in the middle of a line: ...{text[-40:]!r}.",
            hint="Measure again: the connection broke or the device ran out of memory.",
        ) from error
    return value


def _structured(line: JsonObject, shape: type[T]) -> T:
    try:
        value = _STRUCTURE.of(line, shape)
        require_counts("it", value)
        return value
    except (ValueError, UsageError) as error:
        reason = "; ".join(faults(error)[:3])
        raise DeviceError(
            f"the harness's line '{line['type']}' is not understood: {reason}."
        ) from error


_STRUCTURE = Structure()
