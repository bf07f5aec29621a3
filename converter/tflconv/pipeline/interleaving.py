"""Measure the latency of several files on one device together, block by block."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from tflconv.benchmark import BenchmarkConfig, Laboratory, ready, schedule
from tflconv.benchmark.schedule import MeasuredFile
from tflconv.benchmark.session import Session
from tflconv.core.progress import Callback, Progress
from tflconv.core.shortening import shorten
from tflconv.device.interface import CountsInstructions, Device
from tflconv.errors import DeviceError, TflconvError

Answer = Callable[[], MeasuredFile]
"""Returns what was measured of a file, or raises what kept it from being measured."""


def measure(
    files: Sequence[Path],
    device: Device,
    config: BenchmarkConfig,
    laboratory: Laboratory,
    progress: Callback,
) -> Sequence[Answer]:
    """Measure ``files`` in blocks, if the settings ask for blocks and the device has a clock.

    Args:
        files: The files.
        device: Where to measure.
        config: How, and in how many blocks.
        laboratory: Devices that are prepared.
        progress: Is told each block.

    Returns:
        For each file what was measured; nothing where files are to be measured one by one.

    Raises:
        DeviceError: The device was lost.
    """
    if config.blocks == 1 or isinstance(device, CountsInstructions):
        return []
    opened = [_opened(file, device, config, laboratory) for file in files]
    sessions = [each for each in opened if isinstance(each, Session)]
    tell = _teller(progress, [session.model.name for session in sessions], device.id)
    together = schedule.measure(sessions, blocks=config.blocks, seed=config.seed, before_block=tell)
    measured = (_of(together, number) for number in range(len(sessions)))
    return [next(measured) if isinstance(e, Session) else _raising(e) for e in opened]


def _opened(
    file: Path, device: Device, config: BenchmarkConfig, laboratory: Laboratory
) -> Session | TflconvError:
    try:
        return ready(file, device, config, laboratory)
    except DeviceError:
        raise
    except TflconvError as error:
        return error


def _of(together: schedule.Together, number: int) -> Answer:
    return lambda: together.of(number)


def _raising(error: TflconvError) -> Answer:
    def answer() -> MeasuredFile:
        raise error

    return answer


def _teller(progress: Callback, names: Sequence[str], device: str) -> Callable[[int, int], object]:
    """Return what tells every round, and on a terminal every block."""

    def tell(place: int, count: int) -> None:
        is_round = place % (10 * len(names)) == 0
        files = shorten(", ".join(names))
        message = f"{files} on {device}: block {place + 1} of {count} ..."
        shown = message if is_round else ""
        event = Progress(
            stage="blocks", message=shown, done=place, total=count, unit="blocks", subject=device
        )
        progress(event)

    return tell
