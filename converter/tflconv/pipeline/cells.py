"""The cells of a table: each file on one device, measured once.

Files whose latency is measured in blocks are measured together, before what is measured of each
file alone: CPU use at a rate, memory, the profile and accuracy.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from tflconv import benchmark
from tflconv.benchmark import Laboratory, golden_outputs
from tflconv.benchmark.testset import PackedSet
from tflconv.core.progress import Callback, Progress, about
from tflconv.device.interface import Device
from tflconv.history import Keeping
from tflconv.model import golden
from tflconv.pipeline import interleaving
from tflconv.pipeline.requests import BenchRequest, VerificationRequest
from tflconv.pipeline.verification import verify
from tflconv.results import BenchmarkRun, MeasuredModel


@dataclass(frozen=True, kw_only=True)
class Work:
    """One file to measure.

    Attributes:
        file: The ``.tflite`` file.
        identity: What it is called in results.
        test_set: Pictures that every device evaluates.
        golden: The golden contract that it is held to.
    """

    file: Path
    identity: MeasuredModel
    test_set: PackedSet | None = None
    golden: Path | None = None


class Keeper(Protocol):
    """Where runs are kept as they come; threads share it."""

    def find(self, wanted: BenchmarkRun) -> BenchmarkRun | None:
        """Return the run that measured what ``wanted`` outlines, if there is one."""
        ...

    def add(self, run: BenchmarkRun) -> None:
        """Keep ``run``."""
        ...


class Cells:
    """The files of a request on one device.

    Args:
        request: Settings of the measurement.
        work: What to measure.
        keeper: Where runs are kept; a run that it has is not repeated.
        laboratory: Devices that are prepared.
        progress: Is told which file is being measured.
    """

    def __init__(
        self,
        request: BenchRequest,
        work: Sequence[Work],
        keeper: Keeper,
        laboratory: Laboratory,
        progress: Callback,
    ) -> None:
        self._request, self._work, self._keeper = request, work, keeper
        self._laboratory, self._progress = laboratory, progress
        self._history = Keeping(request.history)
        self._blocks: Mapping[int, interleaving.Answer] | None = None

    def measure(self, place: Device, work: Work) -> None:
        """Measure ``work`` on ``place`` and keep the run.

        Raises:
            DeviceError: The device was lost.
            VerificationFailed: It gave other outputs than the golden contract of the file allows;
                the run is kept.
            TflconvError: The file cannot run.
        """
        benchmark.check(work.file, self._request.config)
        earlier = self._earlier_run(place, work)
        note = f"measured before, {earlier.started}; --again measures anew" if earlier else "..."
        message = f"{work.file.name} on {place.id} {note}"
        self._progress(Progress(stage="bench", message=message, subject=place.id))
        run = earlier or self._measured(place, work)
        if self._request.reference is not None:
            accuracy = verify(comparison(self._request, work.file)).to_accuracy()
            run = replace(run, accuracy=accuracy)
        if work.golden is not None:
            run = self._held(place, work, run)
        self._keeper.add(run)
        if earlier is None:
            self._history.add(run)
        golden_outputs.require_kept(run, f"{work.file.name} on {place.id}")

    def _held(self, place: Device, work: Work, run: BenchmarkRun) -> BenchmarkRun:
        """Return ``run`` with what ``place`` answers to the golden inputs of the file."""
        assert work.golden is not None
        contract = golden.read(work.golden)
        golden_answers = golden_outputs.measure(
            work.file, place, self._request.config, contract, self._laboratory
        )
        return replace(run, conditions=replace(run.conditions, golden=golden_answers))

    def _measured(self, place: Device, work: Work) -> BenchmarkRun:
        blocks = self._measured_together(place, work).get(id(work))
        return benchmark.bench(
            work.file,
            place,
            self._request.config,
            identity=work.identity,
            test_set=work.test_set,
            laboratory=self._laboratory,
            blocks=blocks() if blocks else None,
            progress=about(place.id, self._progress),
        )

    def _measured_together(self, place: Device, first: Work) -> Mapping[int, interleaving.Answer]:
        """Measure all files that are not known in blocks, when the ``first`` of them is due.

        Raises:
            DeviceError: The device was lost. The files behind ``first`` are tried again when it is
                back, together.
        """
        if self._blocks is None:
            config = self._request.config.in_blocks(len(self._work))
            left = itertools.dropwhile(lambda work: work is not first, self._work)
            several = config.blocks > 1
            due = [work for work in left if several and self._earlier_run(place, work) is None]
            answers = interleaving.measure(
                [work.file for work in due], place, config, self._laboratory, self._progress
            )
            self._blocks = dict(zip(map(id, due), answers, strict=True)) if answers else {}
        return self._blocks

    def _earlier_run(self, place: Device, work: Work) -> BenchmarkRun | None:
        outline = benchmark.outline(
            place,
            self._request.config,
            identity=work.identity,
            test_set=work.test_set,
            laboratory=self._laboratory,
        )
        return self._keeper.find(outline)


def comparison(request: BenchRequest, file: Path) -> VerificationRequest:
    """Return what compares ``file`` with the reference of ``request``."""
    assert request.reference is not None
    return VerificationRequest(
        reference=request.reference,
        target=file,
        dataset=request.dataset,
        normalize=request.normalize,
        resize=request.resize,
        labels=request.labels,
        pictures=request.pictures,
        seed=request.config.seed,
    )
