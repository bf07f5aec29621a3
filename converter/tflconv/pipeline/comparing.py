"""From two sides to a comparison: results that are there, or files that are measured now.

Two ``.tflite`` files are measured together, block by block. Where limits stay open and that is
asked for, more blocks are measured until the intervals are narrow enough for the limits: their
width ends the measurement, never what they say, for whoever stops at the first clear answer finds
one by chance (Kelley and Rausch, Sample size planning for the standardized mean difference,
Psychological Methods 11, 2006).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from tflconv import benchmark, comparison, results
from tflconv.comparison import Comparison
from tflconv.core import outputs
from tflconv.core.private import scratch_folder
from tflconv.core.progress import Callback, announce, silent
from tflconv.errors import TflconvError, UsageError, gravest
from tflconv.history import History, begins_hash, place
from tflconv.pipeline import checking, idle_options, measuring
from tflconv.pipeline.cells import Work
from tflconv.pipeline.comparison_request import ComparisonRequest
from tflconv.pipeline.requests import BenchRequest
from tflconv.results import BenchmarkRun, Results, Schedule

NARROW = 0.5
"""Half an interval, as a share of its limit, at which it is narrow enough."""


def compare(request: ComparisonRequest, *, progress: Callback = silent) -> Comparison:
    """Compare both sides of ``request``.

    Raises:
        UsageError: A side is unknown, or the sides were not measured alike.
        TflconvError: A file cannot be read or run.
        DeviceError: A device was lost.
    """
    sides = (request.baseline, request.contender)
    files = [_file(side) for side in sides]
    if files[0] is not None and files[1] is not None:
        idle_options.comparison(request, measured=True)
        return _measured(request, (files[0], files[1]), progress)
    if any(file is not None for file in files):
        for side, file in zip(sides, files, strict=True):
            if file is None:
                _results(side, request)  # which may be no results
        raise UsageError(
            "one side is a .tflite file, the other one was measured before: what changed in"
            " between cannot be told.",
            hint="Name both .tflite files, and both are measured now, in turns.",
        )
    if request.settings.inconclusive == "extend":
        raise UsageError(
            "results that are there cannot be extended.", hint="Name the two .tflite files."
        )
    idle_options.comparison(request, measured=False)
    baseline, contender = (_results(side, request) for side in sides)
    return comparison.compare(baseline, contender, request.settings)


def _file(side: str | Path | Results) -> Path | None:
    return None if isinstance(side, Results) or Path(side).suffix != ".tflite" else Path(side)


def _results(side: str | Path | Results, request: ComparisonRequest) -> Results:
    """Return the results that ``side`` names, of one model where it names one."""
    if isinstance(side, Results):
        return side
    path, _, name = str(side).rpartition("#")
    if not Path(side).exists() and path and Path(path).exists():
        return _of_model(Path(path), name, request.settings.force)
    database = place(request.history) if begins_hash(str(side)) else None
    if not Path(side).exists() and database is not None:
        return Results(runs=(History(database.path).find(str(side)).run,))
    return _unchanged(Path(side), request.settings.force)


def _of_model(path: Path, name: str, force: bool) -> Results:
    stored = _unchanged(path, force)
    runs = tuple(run for run in stored.runs if run.model.slug == name)
    if not runs:
        slugs = ", ".join(dict.fromkeys(run.model.slug for run in stored.runs)) or "no runs"
        raise UsageError(f"{path} has no run of '{name}'.", hint=f"It has: {slugs}.")
    return replace(stored, runs=runs)


def _unchanged(path: Path, force: bool) -> Results:
    """Return the results in a file. Raises ``TflconvError`` if someone changed them by hand."""
    if not force and (names := results.changed(path)):
        raise TflconvError(
            f"{path}: {', '.join(names)} was changed after it was measured: its hash is another"
            " one.",
            hint="Measure again, or compare all the same with --force.",
        )
    return results.load(path)


def _measured(
    request: ComparisonRequest, files: tuple[Path, Path], progress: Callback
) -> Comparison:
    """Measure both files in turns, and on as long as limits are open and may be extended."""
    _check_limits(request)
    bench = _bench_request(request, files)
    outputs.try_scratch()
    checking.bench(bench)
    with outputs.explain_scratch_errors(), scratch_folder() as folder:
        work = _work(bench, files, folder)

        def sides(seed: int) -> tuple[Results, Results]:
            config = replace(bench.config, seed=seed)
            keeper = _Keeper()
            announce(progress, bench=len(work) * len(bench.devices))
            failures = measuring.measure(
                replace(bench, config=config), work, keeper, progress=progress
            )
            if failures:
                raise gravest(failure.error for failure in failures)
            return keeper.side(work[0]), keeper.side(work[1])

        return _extended(request, sides)


def _check_limits(request: ComparisonRequest) -> None:
    """Raise ``UsageError`` for a limit to what is not going to be measured."""
    limited = {limit.metric for limit in request.settings.limits}
    if "accuracy" in limited and request.dataset is None:
        raise UsageError(
            "accuracy is limited, and there are no pictures to measure it on.",
            hint="Name them: --dataset DATASET.",
        )


def _extended(
    request: ComparisonRequest, sides: Callable[[int], tuple[Results, Results]]
) -> Comparison:
    seed, settings = request.config.seed, request.settings
    baseline, contender = sides(seed)
    while True:
        compared = comparison.compare(baseline, contender, settings)
        blocks = max(_blocks(run) for side in (baseline, contender) for run in side.runs)
        is_over = blocks + request.config.blocks > request.max_blocks
        if settings.inconclusive != "extend" or is_over or not _is_wide(compared):
            return compared
        seed += 1
        more = sides(seed)
        baseline, contender = _joined(baseline, more[0]), _joined(contender, more[1])


def _is_wide(compared: Comparison) -> bool:
    """Return whether an interval of blocks is wider than its limit allows."""
    for decision in compared.decisions:
        ends, effect = decision.interval, decision.effect
        if ends is None or effect.seconds is None:
            continue
        if (ends[1] - ends[0]) / 2 > NARROW * max(abs(decision.limit.share), effect.threshold):
            return True
    return False


def _bench_request(request: ComparisonRequest, files: tuple[Path, Path]) -> BenchRequest:
    return BenchRequest(
        files=files,
        devices=request.devices,
        config=request.config,
        dataset=request.dataset,
        pictures=request.pictures,
        normalize=request.normalize,
        resize=request.resize,
        labels=request.labels,
        adb=request.adb,
        adb_servers=request.adb_servers,
        runtime=request.runtime,
        history=request.history,
    )


def _work(request: BenchRequest, files: tuple[Path, Path], folder: Path) -> tuple[Work, Work]:
    identities = benchmark.identify_all(request.files)
    prepared, unfit = measuring.prepare(request, identities, folder)
    if unfit:
        raise gravest(failure.error for failure in unfit)
    by_file = {work.file: work for work in prepared}
    first, second = by_file[files[0]], by_file[files[1]]
    if first is second:  # a file beside itself shows what the measurement is worth
        slug = f"{second.identity.slug} (again)"
        second = replace(second, identity=replace(second.identity, slug=slug))
    return first, second


class _Keeper:
    """The runs of one measurement; none is known before."""

    def __init__(self) -> None:
        self._runs = list[BenchmarkRun]()

    def find(self, wanted: BenchmarkRun) -> BenchmarkRun | None:
        """Return None: a comparison measures anew."""
        return None

    def add(self, run: BenchmarkRun) -> None:
        """Keep ``run``."""
        self._runs.append(run)

    def side(self, work: Work) -> Results:
        """Return the runs of one of the two files."""
        return Results(runs=tuple(r for r in self._runs if r.model.slug == work.identity.slug))


def _blocks(run: BenchmarkRun) -> int:
    return len(run.schedule.blocks) if run.schedule else 0


def _joined(side: Results, more: Results) -> Results:
    """Return the runs of ``side`` with the blocks of ``more`` behind their own."""
    later = {run.device.id: run for run in more.runs}
    return replace(side, runs=tuple(_longer(run, later[run.device.id]) for run in side.runs))


def _longer(run: BenchmarkRun, more: BenchmarkRun) -> BenchmarkRun:
    if run.schedule is None or more.schedule is None:
        return run
    assert run.latency is not None
    assert more.latency is not None
    start = run.schedule.files * (max(run.schedule.rounds) + 1)
    added = tuple(replace(block, place=block.place + start) for block in more.schedule.blocks)
    joined: Schedule = replace(run.schedule, blocks=(*run.schedule.blocks, *added))
    latency = replace(run.latency, samples_ns=(*run.latency.samples_ns, *more.latency.samples_ns))
    return replace(run, latency=latency, schedule=joined)
