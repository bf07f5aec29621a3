"""From a plan to results: models side by side, then every file on every device, then a report.

Models are trained, converted and verified in worker processes (``stages``). Then files are
measured, with nothing else of ours running, and at the end the report is drawn. What the store
holds already is skipped, and results are written after every run, so that a crash or a pulled cable
costs the cells that were not finished.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from tflconv import results
from tflconv.core import outputs
from tflconv.core.files import sha256_file, sha256_json, write_bytes, write_text
from tflconv.core.jsonvalue import JsonValue
from tflconv.core.progress import Callback, Progress, announce, silent
from tflconv.core.store import Store
from tflconv.core.text import file_name
from tflconv.core.versions import versions
from tflconv.core.workers import run_in_processes
from tflconv.errors import TflconvError
from tflconv.model.golden import SUFFIX
from tflconv.pipeline import checking
from tflconv.pipeline.cells import Work
from tflconv.pipeline.measuring import Failure, measure
from tflconv.pipeline.plan import Plan
from tflconv.pipeline.prepared import Candidate
from tflconv.pipeline.requests import BenchRequest
from tflconv.pipeline.stages import prepare
from tflconv.pipeline.study_model import StudyModel
from tflconv.results import Accuracy, BenchmarkRun, GrowingResults, Results

STORE = ".store"
RESULTS = "results.json"
REPORT = "report.html"
MODELS = "models"
PLOTS = "plots"


@dataclass(frozen=True, kw_only=True)
class StudyOutcome:
    """All runs that worked, what did not, and what there is to say about models and pictures."""

    results: Results
    failures: tuple[Failure, ...]
    warnings: tuple[str, ...] = ()


def run(
    plan: Plan,
    folder: Path,
    *,
    adb: str | None = None,
    adb_servers: tuple[str, ...] = (),
    runtime: Path | None = None,
    history: Path | None = None,
    again: bool = False,
    progress: Callback = silent,
) -> StudyOutcome:
    """Run ``plan``; leave models, ``results.json``, plots and ``report.html`` in ``folder``.

    Args:
        plan: What to compare.
        folder: Where everything goes; what an earlier run left there is not done again.
        adb: The adb program; by default that of ``$ADB`` or the path.
        adb_servers: adb servers as ``HOST:PORT``, by default that of ``$ADB_SERVER_SOCKET``, else
            this computer's.
        runtime: LiteRT for a phone: its ``.aar`` or ``libLiteRt.so`` for arm64.
        history: A history that each finished run is kept in, too; by default that of
            ``$TFLCONV_HISTORY``, or the user's own; ``off`` keeps none.
        again: Whether to measure again what was measured before.
        progress: Is told what each model is at.

    Returns:
        The results, and each cell that failed.

    Raises:
        TflconvError: Something concerns the whole study, such as a folder that cannot be written
            to; this is known before anything is trained.
    """
    check(plan, folder, history)
    store = Store(folder / STORE)
    cells_to_come = _announce(plan, progress)
    candidates, failures, notes = _prepared(plan, store, progress)
    announce(progress, bench=len(candidates) * len(plan.devices) - cells_to_come)
    for candidate in candidates:
        _keep(candidate, folder / MODELS)
    cells = _Cells(plan, candidates, store, folder / RESULTS, notes, again=again)
    request = BenchRequest(
        files=tuple(candidate.path for candidate in candidates),
        devices=plan.devices,
        config=plan.bench,
        adb=adb,
        adb_servers=adb_servers,
        runtime=runtime,
        history=history,
    )
    work = [
        Work(file=c.path, identity=c.model, test_set=c.test_set, golden=c.golden)
        for c in candidates
    ]
    try:
        failures += measure(request, work, cells, progress=progress)
    finally:
        cells.close()
    if cells.results.runs:
        progress(Progress(stage="report"))
        _report(cells.results, folder, store)
    return StudyOutcome(results=cells.results, failures=tuple(failures), warnings=notes.warnings)


def check(plan: Plan, folder: Path, history: Path | None = None) -> None:
    """Check all that can be known before ``plan`` is run; raises ``TflconvError`` as ``run``."""
    checking.plan(plan)
    checking.history(history)
    outputs.try_folder(folder, RESULTS, REPORT)
    for part in (STORE, MODELS, PLOTS):
        outputs.try_folder(folder / part)
    outputs.try_scratch()


@dataclass(frozen=True, kw_only=True)
class _Notes:
    """What there is to say about the models, and their learning curves by title."""

    warnings: tuple[str, ...]
    curves: Mapping[str, tuple[JsonValue, ...]]


def _announce(plan: Plan, progress: Callback) -> int:
    """Say what is to come; return the number of cells to measure, unless some cannot be made."""
    files = sum(len(plan.recipes_of(model)) for model in plan.models)
    trained = sum(not model.is_file for model in plan.models)
    cells = files * len(plan.devices)
    announce(progress, train=trained, verify=files, bench=cells)
    return cells


def _prepared(
    plan: Plan, store: Store, progress: Callback
) -> tuple[list[Candidate], list[Failure], _Notes]:
    jobs = [StudyModel(plan=plan, model=model, store=store) for model in plan.models]
    candidates, failures, warnings = list[Candidate](), list[Failure](), dict[str, None]()
    curves: dict[str, tuple[JsonValue, ...]] = {}
    try:
        answers = run_in_processes(prepare, jobs, progress=progress)
    finally:
        store.sweep()
    for job, answer in zip(jobs, answers, strict=True):
        if isinstance(answer, TflconvError):
            failures.append(Failure(cell=job.model.title, error=answer))
            continue
        candidates += answer.candidates
        warnings |= dict.fromkeys(answer.warnings)
        if answer.curve:
            curves[job.model.title] = answer.curve
        failures += (Failure(cell=cell, error=error) for cell, error in answer.failures)
    return candidates, failures, _Notes(warnings=tuple(warnings), curves=curves)


class _Cells:
    """The table of a study: measured runs come from the store and go there, and to a file."""

    def __init__(
        self,
        plan: Plan,
        candidates: Sequence[Candidate],
        store: Store,
        target: Path,
        notes: _Notes,
        *,
        again: bool,
    ) -> None:
        self._growing = GrowingResults(target, _context(plan, notes))
        self._candidates = {candidate.model.slug: candidate for candidate in candidates}
        self._store, self._again = store, again
        self._lock = threading.Lock()

    @property
    def results(self) -> Results:
        """All runs."""
        return self._growing.results

    def find(self, wanted: BenchmarkRun) -> BenchmarkRun | None:
        """Return the stored run that measured what ``wanted`` outlines."""
        if self._again:
            return None
        with self._store.steady("bench"):
            entry = self._store.find("bench", _inputs(wanted))
            return None if entry is None else results.load(entry.path / RESULTS).runs[0]

    def add(self, run: BenchmarkRun) -> None:
        """Keep ``run``, and write all runs in the order of plan and devices."""

        def save(folder: Path) -> None:
            Results(runs=(run,)).save(folder / RESULTS)

        with self._lock:
            self._store.fetch("bench", _inputs(run), save, again=self._again)
            self._growing.add(self._completed(run))

    def close(self) -> None:
        """Leave one whole file."""
        with self._lock:
            self._growing.close()

    def _completed(self, run: BenchmarkRun) -> BenchmarkRun:
        candidate = self._candidates[run.model.slug]
        accuracy = _joined(run.accuracy, candidate.accuracy)
        return replace(run, accuracy=accuracy, warnings=(*run.warnings, *candidate.warnings))


def _inputs(run: BenchmarkRun) -> dict[str, object]:
    """What a run depends on, known before it is measured."""
    return {
        "model": asdict(run.model),
        "device": asdict(run.device),
        "config": dict(run.config),
        "software": [part and part.sha256 for part in (run.harness, run.runtime)],
    }


def _joined(measured: Accuracy | None, compared: Accuracy) -> Accuracy:
    """What the device saw, with the reference's count where both saw the same pictures."""
    if measured is None:
        return compared
    if measured.total != compared.total:
        return replace(measured, cosine=compared.cosine)
    joined = replace(measured, reference_correct=compared.reference_correct, cosine=compared.cosine)
    if measured.right != compared.right:
        return joined  # it answered otherwise than the host, so its mistakes may be others
    return replace(joined, confusions=compared.confusions, disagreements=compared.disagreements)


def _keep(candidate: Candidate, folder: Path) -> None:
    """Leave the model file under its slug, where a user looks for it."""
    target = folder / f"{file_name(candidate.model.slug)}.tflite"
    if not target.exists() or sha256_file(target) != candidate.model.sha256:
        write_bytes(target, candidate.path.read_bytes())
    if candidate.golden is not None:
        write_bytes(folder / f"{target.stem}{SUFFIX}", candidate.golden.read_bytes())


def _report(measured: Results, folder: Path, store: Store) -> None:
    """Draw the report, unless it was drawn of these very results."""

    def draw(target: Path) -> None:
        from tflconv.report import html, plots

        write_text(target / REPORT, html.to_html(measured))
        plots.write(measured, target / PLOTS)

    inputs = {"results": measured.to_json(), "versions": versions("tflconv", "matplotlib")}
    drawn = store.fetch("report", {"of": sha256_json(inputs)}, draw).path
    for file in (drawn / REPORT, *(drawn / PLOTS).iterdir()):
        write_bytes(folder / file.relative_to(drawn), file.read_bytes())


def _context(plan: Plan, notes: _Notes) -> dict[str, JsonValue]:
    return {
        "title": plan.name,
        "plan": asdict(plan),
        "training": {title: list(curve) for title, curve in notes.curves.items()},
        "warnings": list(notes.warnings),
        "versions": versions("tflconv", "tensorflow", "tf_keras", "litert-quantizer"),
    }
