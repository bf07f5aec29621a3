"""From files and devices to results: every file on every device, what is known already left alone.

Phones are measured at the same time, for each has cores of its own; what shares the cores of this
computer does not share the time. Each finished run is kept at once, so a lost device costs what was
not finished.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tflconv import benchmark, data, device, verification
from tflconv.benchmark import Laboratory, testset
from tflconv.benchmark.record import FinishedRuns
from tflconv.benchmark.testset import PackedSet
from tflconv.core import outputs, telling
from tflconv.core.private import scratch_folder
from tflconv.core.progress import Callback, Progress, State, announce, silent
from tflconv.data import Dataset, Samples
from tflconv.data.outputs import numbered, output_names
from tflconv.device.access import Cancellation
from tflconv.device.interface import Device, Reservable
from tflconv.device.parallel import side_by_side
from tflconv.errors import TflconvError, UsageError, gravest
from tflconv.model.card import ModelCard
from tflconv.model.interpreter import Interpreter
from tflconv.pipeline import checking
from tflconv.pipeline.cells import Cells, Keeper, Work, comparison
from tflconv.pipeline.requests import BenchRequest
from tflconv.pipeline.verification import check as check_comparison
from tflconv.results import MeasuredModel, Results


@dataclass(frozen=True, kw_only=True)
class Failure:
    """A cell of the table that is missing or not what was asked for, and why."""

    cell: str
    error: TflconvError


def bench(
    request: BenchRequest,
    *,
    record: Path | None = None,
    again: bool = False,
    progress: Callback = silent,
) -> tuple[Results, list[Failure]]:
    """Measure the files of ``request`` on its devices.

    Args:
        request: What to measure where, and how.
        record: A results file that is written after each run; runs that stand in it and measured
            the same are not repeated.
        again: Whether they are repeated all the same.
        progress: Is told which file is being measured.

    Returns:
        All runs that worked, and what did not.

    Raises:
        UsageError: A file, the pictures or a setting do not fit.
        TflconvError: ``record`` cannot be written; this is known before anything is measured.
    """
    if again and record is None:
        raise UsageError(
            "nothing is repeated: no results are kept that runs could stand in.",
            hint="Name their file too, or leave out that runs are measured again.",
        )
    outputs.try_files(*([] if record is None else [record]))
    outputs.try_scratch()
    checking.bench(request)
    identities = benchmark.identify_all(request.files)
    request = _with_samples(request)
    recorded = FinishedRuns(record)
    with outputs.explain_scratch_errors(), scratch_folder() as folder:
        work, unfit = prepare(request, identities, folder)
        if not again:
            settings = [benchmark.recorded_settings(request.config, w.test_set) for w in work]
            wanted = [(w.identity.sha256, how) for w, how in zip(work, settings, strict=True)]
            recorded.resume(request.devices, wanted)
        announce(progress, bench=len(work) * len(request.devices))
        try:
            failures = measure(request, work, recorded, progress=progress)
        finally:
            recorded.close()
    return recorded.results, unfit + failures


def _with_samples(request: BenchRequest) -> BenchRequest:
    """Read samples of one's own once for all files; what names a dataset stays as it is."""
    if not data.is_own(request.dataset):
        return request
    return replace(request, dataset=data.read_own(request.dataset, ranks=_ranks(request.files)))


def _ranks(files: Sequence[Path]) -> Sequence[int]:
    """Return the dimensions of a batch for each input of the first file that is sound."""
    for file in files:
        with contextlib.suppress(TflconvError):
            return [len(tensor.shape) for tensor in Interpreter(file).inputs]
    return ()


def prepare(
    request: BenchRequest, identities: Mapping[Path, MeasuredModel], folder: Path
) -> tuple[list[Work], list[Failure]]:
    """Pack pictures for every file; one that is damaged or takes no such pictures is a failure.

    Raises:
        UsageError: No file fits what is asked, so that is wrong and not the files.
    """
    packs = _Packs(request, folder)

    def prepared(file: Path, identity: MeasuredModel) -> Work | Failure:
        try:
            benchmark.check(file, request.config)
            if request.reference is not None:
                check_comparison(comparison(request, file))
            pictures = packs.of(file)
        except TflconvError as error:
            return Failure(cell=identity.slug, error=error)
        return Work(file=file, identity=identity, test_set=pictures, golden=request.golden)

    answers = [prepared(file, identity) for file, identity in identities.items()]
    work = [answer for answer in answers if isinstance(answer, Work)]
    failures = [answer for answer in answers if isinstance(answer, Failure)]
    wrong = [each.error for each in failures if isinstance(each.error, UsageError)]
    if wrong and not work:
        raise wrong[0]
    return work, failures


def measure(
    request: BenchRequest, work: Sequence[Work], keeper: Keeper, *, progress: Callback = silent
) -> list[Failure]:
    """Measure ``work`` on the devices of ``request``; ``keeper`` gets each run as it is finished.

    Args:
        request: Devices and settings; its files are those of ``work``.
        work: What to measure.
        keeper: Where runs are kept; a run that it has is not repeated.
        progress: Is told which file is being measured.

    Returns:
        What failed; a device that fails does not stop the others.
    """
    laboratory = Laboratory()

    def measured(connection: _Connection, cells: Cells, each: Work) -> Failure | None:
        failure = connection.measured(each, cells.measure)
        state: State = "failed" if failure else "done"
        progress(Progress(stage="bench", subject=connection.name, state=state))
        return failure

    def on_device(name: str, cancellation: Cancellation) -> list[Failure]:
        cells = Cells(request, work, keeper, laboratory, progress)
        with _Connection(name, request, cancellation) as connection:
            return [answer for each in work if (answer := measured(connection, cells, each))]

    phones = [name for name in request.devices if name.startswith("adb")]
    others = [[name] for name in request.devices if name not in phones]
    answers = [answer for group in (phones, *others) for answer in side_by_side(on_device, group)]
    return [failure for answer in answers for failure in _raised(answer)]


class _Connection:
    """A device that is found when it is needed, and again after it was lost.

    It is kept from everybody else until the block ends.
    """

    def __init__(self, name: str, request: BenchRequest, cancellation: Cancellation) -> None:
        self.name, self._request, self._cancellation = name, request, cancellation
        self._device: Device | None = None
        self._reservations = contextlib.ExitStack()

    def __enter__(self) -> _Connection:
        return self

    def __exit__(self, *_: object) -> None:
        self._reservations.close()

    def measured(self, work: Work, measure_on: Callable[[Device, Work], None]) -> Failure | None:
        """Measure ``work`` on the device; return why that failed, if it did."""
        try:
            measure_on(self._find(), work)
        except TflconvError as error:
            self._device = None
            self._reservations.close()
            return Failure(cell=f"{work.identity.slug} on {self.name}", error=error)
        return None

    def _find(self) -> Device:
        if self._device is None:
            place = device.find(
                self.name,
                adb=self._request.adb,
                adb_servers=self._request.adb_servers,
                runtime=self._request.runtime,
                cancellation=self._cancellation,
            )
            if isinstance(place, Reservable):
                self._reservations.enter_context(place.reserved())
            self._device = place
        return self._device


def results_of(results: Results, failures: Sequence[Failure]) -> Results:
    """Return ``results`` and warn of ``failures``; raise the gravest if nothing was measured."""
    if failures and not results.runs:
        raise gravest(failure.error for failure in failures)
    for failure in failures:
        telling.warn(f"{failure.cell}: {failure.error}")
    return results


def _raised(answer: list[Failure] | TflconvError) -> list[Failure]:
    if isinstance(answer, TflconvError):
        raise answer
    return answer


class _Packs:
    """The test split as files take it, packed once for all that take it alike."""

    def __init__(self, request: BenchRequest, folder: Path) -> None:
        self._request, self._folder = request, folder
        self._packed: dict[tuple[object, ...], PackedSet] = {}

    def of(self, file: Path) -> PackedSet | None:
        """Return the test split for ``file``, if a dataset is asked for."""
        request = self._request
        if request.dataset is None or request.reference is not None:
            return None
        card = verification.resolve_card(
            file, normalize=request.normalize, labels=request.labels, resize=request.resize
        )
        check_scores(file)
        count = Interpreter(file).outputs[0].shape[-1]
        key = card.input_shape, card.normalization, card.labels, card.resize, count
        if key not in self._packed:
            target = self._folder / f"{len(self._packed)}.testset"
            self._packed[key] = _pictures(request, card, target, count)
        return self._packed[key]


def _pictures(request: BenchRequest, card: ModelCard, target: Path, count: int) -> PackedSet:
    if isinstance(request.dataset, Samples):
        return _packed_samples(request.dataset, card, target, request, count)
    dataset = data.load_for(card, request.dataset)
    dataset.warn()
    return packed(dataset, card, target, request.pictures, count=count, seed=request.config.seed)


def _packed_samples(
    samples: Samples, card: ModelCard, target: Path, request: BenchRequest, count: int
) -> PackedSet:
    """Pack samples of one's own, of which a device can evaluate pixels with classes."""
    pixels, numbers = samples.pixels, samples.numbered(count, card.labels)
    if pixels is None or numbers is None:
        raise UsageError(
            f"a device evaluates pixels (uint8 pictures) with one class each, and {samples.name} is"
            " something else.",
            hint="Name a reference, and both are compared on this computer: --reference MODEL.",
        )
    samples.fitted(["input"], [card.input_shape])
    classes = card.labels or samples.classes or tuple(map(str, range(count)))
    whole = samples.split(numbers)
    split = whole.stratified(request.pictures or len(whole), request.config.seed)
    return testset.pack(
        target,
        split,
        card.normalization,
        dataset=samples.name,
        classes=classes,
        subset=len(split) < len(whole),
    )


def check_scores(file: Path) -> None:
    """Check that devices can evaluate what ``file`` answers.

    Raises:
        UsageError: It gives one score for two classes.
    """
    outputs = Interpreter(file).outputs
    if len(outputs) == 1 and math.prod(outputs[0].shape) == 1:
        raise UsageError(
            f"{file} gives one score for two classes, which devices do not evaluate.",
            hint="Compare it on this computer: --reference MODEL, or `tflconv verify`.",
        )


def packed(
    dataset: Dataset,
    card: ModelCard,
    target: Path,
    pictures: int | None = None,
    *,
    count: int | None = None,
    seed: int = 0,
) -> PackedSet:
    """Pack the test split of ``dataset`` for the harness.

    Args:
        dataset: Pictures in the size of the model.
        card: How pixels become inputs, and what the outputs stand for.
        target: The file to write.
        pictures: How many pictures, drawn by class; by default all.
        count: Number of outputs of the model, by default that of its labels.
        seed: Seed by which pictures are drawn.

    Raises:
        UsageError: The model tells other classes apart.
    """
    outputs = output_names(
        card.labels,
        dataset.classes,
        count or len(card.labels),
        model=card.model,
        dataset=dataset.name,
    )
    chosen = data.drawn(dataset, pictures or len(dataset.test), seed)
    split = numbered(chosen, dataset.classes, outputs)
    return testset.pack(
        target,
        split,
        card.normalization,
        dataset=dataset.name,
        classes=outputs,
        subset=dataset.subset or len(split) < len(dataset.test),
    )
