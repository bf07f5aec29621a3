"""The blocks of a run: which process start each sample comes from, and what it cost.

Samples of one process resemble each other: its memory lies where it lies, its clock is what it is.
So what two files are compared by is the block, a process start of its own, and not the sample.
"""

from __future__ import annotations

from dataclasses import dataclass

from tflconv.core.shortening import shorten
from tflconv.errors import require
from tflconv.results.ranges import require_counts


@dataclass(frozen=True, kw_only=True)
class Block:
    """One process start.

    Attributes:
        place: Its number among all blocks of the schedule, in the order of time, from 0.
        runs: Number of its samples; ``latency.samples_ns`` has the blocks one after another.
        cpu_ms: CPU time per inference in milliseconds, all threads together.
        percent_closed_loop: CPU use in percent of one core.
        peak_bytes: Largest resident set of the process.
        instructions: Instructions per inference by the processor's counters.
        attempts: Number of process starts that it took; the calmest one is kept.
    """

    place: int
    runs: int
    cpu_ms: float
    percent_closed_loop: float
    peak_bytes: int | None = None
    instructions: float | None = None
    attempts: int = 1

    def __post_init__(self) -> None:
        require_counts("block", self)
        require("block", self, runs=(self.runs > 0, "above 0"))


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """The blocks of one file, and those that it was measured together with.

    Attributes:
        id: Files that were measured together, block by block, share it.
        files: Number of those files.
        seed: Seed of their order.
        blocks: The blocks of this file, in the order of time.
    """

    id: str
    files: int
    seed: int
    blocks: tuple[Block, ...]

    def __post_init__(self) -> None:
        require_counts("schedule", self)
        require("schedule", self, files=(self.files > 0, "above 0"))

    @property
    def rounds(self) -> tuple[int, ...]:
        """The round of each block: each file has one block in a round."""
        return tuple(block.place // self.files for block in self.blocks)

    def __repr__(self) -> str:
        return f"Schedule({len(self.blocks)} blocks, {shorten(self.id, 20)})"
