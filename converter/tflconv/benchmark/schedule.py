"""Measure files together, block by block, so that all of them meet the same minutes of a device.

A device is faster in its first minute than in its tenth, and another program may take the processor
for a while. Whoever measures one file after the other compares minutes, not files. So each file is
measured in blocks, each a process start with a warm-up of its own, and the blocks of all files are
interleaved: every round has one block per file in an order that is drawn by a seed, and the round
after it has the reverse order (ABBA), so that a steady drift takes as much from one as from the
other. What is compared later is the difference within each round (``comparison.intervals``).
"""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from tflconv.benchmark import parts, verdict
from tflconv.benchmark.cooling import Cooling
from tflconv.benchmark.protocol import HarnessOutput
from tflconv.benchmark.session import Session
from tflconv.device.interface import Watch
from tflconv.errors import DeviceError, TflconvError
from tflconv.results import Block, Conditions, Schedule

RETRIES = 4
"""One more process start per so many blocks of a file may replace a noisy one."""


@dataclass
class FileBlocks:
    """What the blocks of one file gave so far; ``error`` says why there are no more."""

    outputs: list[HarnessOutput] = field(default_factory=list)
    places: list[int] = field(default_factory=list)
    attempts: list[int] = field(default_factory=list)
    error: TflconvError | None = None

    def recorded(self, identity: str, files: int, seed: int) -> Schedule:
        """Return the blocks as results keep them."""
        measured = zip(self.places, self.outputs, self.attempts, strict=True)
        blocks = tuple(_block(*each) for each in measured)
        return Schedule(id=identity, files=files, seed=seed, blocks=blocks)


@dataclass(frozen=True, kw_only=True)
class MeasuredFile:
    """The blocks of one file: what the harness said in each, and how results keep them."""

    outputs: Sequence[HarnessOutput]
    schedule: Schedule
    conditions: Conditions


@dataclass(frozen=True, kw_only=True)
class Together:
    """The blocks of all files that were measured together on a device, in the order of files."""

    id: str
    seed: int
    files: tuple[FileBlocks, ...]
    conditions: Conditions

    def of(self, number: int) -> MeasuredFile:
        """Return what was measured of a file.

        Raises:
            TflconvError: It could not be measured to the end.
        """
        blocks = self.files[number]
        if blocks.error is not None:
            raise blocks.error
        recorded = blocks.recorded(self.id, len(self.files), self.seed)
        return MeasuredFile(outputs=blocks.outputs, schedule=recorded, conditions=self.conditions)


def order(files: int, blocks: int, seed: int) -> list[int]:
    """Return which file each block is of, in the order of time.

    Args:
        files: Number of files.
        blocks: Number of blocks per file.
        seed: What the order is drawn by.

    Returns:
        Numbers of files. Of two files each four blocks are ABBA or BAAB.

    Example:
        >>> order(2, 4, seed=0)
        [0, 1, 1, 0, 0, 1, 1, 0]
    """
    random = np.random.default_rng(seed)
    rounds: list[list[int]] = []
    while len(rounds) < blocks:
        drawn = [int(number) for number in random.permutation(files)]
        rounds += [drawn, drawn[::-1]]
    return [number for each in rounds[:blocks] for number in each]


def measure(
    sessions: Sequence[Session],
    *,
    blocks: int,
    seed: int,
    before_block: Callable[[int, int], object] = lambda _, __: None,
) -> Together:
    """Measure latency and CPU time of all ``sessions``, block by block.

    A file that cannot run has no further blocks, and the others go on.

    Args:
        sessions: One per file, all on the same device.
        blocks: Number of blocks per file.
        seed: Seed of the order.
        before_block: Is called before each block with its place and the number of all.

    Raises:
        DeviceError: The device was lost.
    """
    files = tuple(FileBlocks() for _ in sessions)
    sequence = order(len(sessions), blocks, seed)
    with sessions[0].watched() if sessions else contextlib.nullcontext(Watch()) as watch:
        cooling = Cooling(sessions[0].harness.device) if sessions else None
        for place, number in enumerate(sequence):
            if cooling is not None and place % len(sessions) == 0 and place > 0:
                cooling.wait()
            if files[number].error is None:
                before_block(place, len(sequence))
                _add_block(files[number], sessions[number], place)
    identity = secrets.token_hex(8)
    return Together(id=identity, seed=seed, files=files, conditions=watch.conditions)


def _add_block(blocks: FileBlocks, session: Session, place: int) -> None:
    """Measure a block of a file, once more if it is noisy and there are retries left."""
    try:
        attempts = [session.latency()]
        used = sum(blocks.attempts) - len(blocks.attempts)
        if _is_disturbed(attempts[0]) and used < (len(blocks.outputs) + 1) / RETRIES:
            attempts.append(session.latency())
    except DeviceError:
        raise
    except TflconvError as error:
        blocks.error = error
        return
    blocks.outputs.append(max(attempts, key=lambda output: output.cpu.percent))
    blocks.places.append(place)
    blocks.attempts.append(len(attempts))


def _is_disturbed(output: HarnessOutput) -> bool:
    """Return whether other programs took the processor; how long inference took plays no part."""
    return output.cpu.percent < 100 * verdict.SHARE_OF_CORE


def _block(place: int, output: HarnessOutput, attempts: int) -> Block:
    cpu, counted = parts.cpu([output], None), parts.instructions([output])
    return Block(
        place=place,
        runs=len(output.samples("steady")),
        cpu_ms=cpu.ms_per_inference,
        percent_closed_loop=cpu.percent_closed_loop,
        peak_bytes=output.memory.peak_bytes,
        instructions=counted.total if counted else None,
        attempts=attempts,
    )
