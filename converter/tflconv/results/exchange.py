"""Writes, reads and merges results in the JSON format of ``docs/results-schema.md``."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import cattrs
from cattrs.gen import make_dict_structure_fn, override

from tflconv.core import inputs, markup, recognizing
from tflconv.core.bounded import read_json
from tflconv.core.files import sha256_bytes, write_text
from tflconv.core.given import AnyPath
from tflconv.core.jsonvalue import JsonObject, JsonValue
from tflconv.core.plural import plural
from tflconv.core.shortening import first_line, shorten
from tflconv.core.structuring import Structure, faults
from tflconv.core.text import clean_json, to_json
from tflconv.errors import TflconvError, UsageError
from tflconv.results import endurance, energy, frames
from tflconv.results.conditions import Conditions, fields_of
from tflconv.results.run import BenchmarkRun, row_of, shown

SCHEMA_VERSION = 1

_MAKE = "Results come from tflconv bench --export-json FILE, or from tflconv study."

SHOWN = 160
"""Most characters that the ``repr`` of results spends on their runs."""


@dataclass(frozen=True, kw_only=True)
class Results:
    """Runs that belong together, and the context in which they were made.

    Attributes:
        runs: One run per model and device.
        context: Free-form notes, such as the plan of a study.

    Example:
        >>> Results()
        Results(no runs)
    """

    runs: tuple[BenchmarkRun, ...] = ()
    context: JsonObject = field(default_factory=dict)

    def with_run(self, run: BenchmarkRun) -> Results:
        """Return these results with ``run`` in place of an older one of its model and device."""
        same = (run.model.slug, run.device.id)
        others = [other for other in self.runs if (other.model.slug, other.device.id) != same]
        return replace(self, runs=(*others, run))

    def baseline_of(self, run: BenchmarkRun) -> BenchmarkRun | None:
        """Return the run of the baseline of ``run`` on the same device, or None."""
        for other in self.runs:
            if other.device.id == run.device.id and other.model.slug == run.model.baseline:
                return other
        return None

    def to_json(self) -> dict[str, JsonValue]:
        """Return the documented file format, with summaries beside the raw samples."""
        return {
            "schema_version": SCHEMA_VERSION,
            "context": dict(self.context),
            "runs": [record(run) for run in self.runs],
        }

    def save(self, path: AnyPath) -> None:
        """Write a results file, whole or not at all. Raises ``TflconvError`` if that fails."""
        write_text(Path(path), to_text(self))

    def to_frame(self) -> Any:
        """Return a ``pandas.DataFrame`` with a row per run; needs the extra ``pandas``.

        Names of columns end in their unit; accuracies are shares, 0 to 1, with Wilson's interval.
        """
        return frames.frame([row_of(run) for run in self.runs], frames.COLUMNS)

    def samples_frame(self) -> Any:
        """Return a ``pandas.DataFrame`` with a row per latency sample, in milliseconds."""
        rows = [row for run in self.runs for row in frames.sample_rows(run)]
        return frames.frame(rows, frames.SAMPLE_COLUMNS)

    def __repr__(self) -> str:
        if not self.runs:
            return "Results(no runs)"
        runs = shorten(", ".join(map(_described, self.runs[:SHOWN])), SHOWN)
        return f"Results({plural(len(self.runs), 'run')}: {runs})"

    def _repr_html_(self) -> str:
        return markup.table([shown(run) for run in self.runs], repr(self).partition(":")[0])


def from_json(value: JsonValue, *, source: str = "results") -> Results:
    """Read results from the documented JSON format.

    Args:
        value: What ``json.loads`` returned.
        source: Name of the file, for errors.

    Returns:
        The results.

    Raises:
        TflconvError: The value is not a results file, or one of another schema version.

    Example:
        >>> from_json({"schema_version": 1, "context": {}, "runs": []})
        Results(no runs)
    """
    try:
        content = _object(clean_json(value))
        version = content["schema_version"]
        if version != SCHEMA_VERSION:
            raise TflconvError(
                f"{source} has schema_version {version}; this tflconv reads {SCHEMA_VERSION}.",
                hint="Read it with the tflconv that wrote it, or measure again.",
            )
        runs = tuple(_structured(*numbered) for numbered in enumerate(_list(content["runs"])))
        return Results(runs=runs, context=_object(content.get("context", {})))
    except (KeyError, TypeError, ValueError) as error:
        raise TflconvError(
            f"{source} is not a tflconv results file: {_first_line(error)}.",
            hint="tflconv bench and tflconv study write such files.",
        ) from error


def gathered(results: Results | AnyPath | Iterable[Results | AnyPath]) -> Results:
    """Return what a function was given as one: results or files of them, one or several.

    Raises:
        UsageError: It is something else.
        TflconvError: A file is not a results file.

    Example:
        >>> gathered([Results(), Results()])
        Results(no runs)
    """
    if isinstance(results, Results):
        return results
    if isinstance(results, (str, Path)):
        return load(results)
    if not isinstance(results, Iterable):
        kind = type(results).__name__
        raise UsageError(f"results must be results or files, one or several. Received: {kind}.")
    return merge([each if isinstance(each, Results) else load(each) for each in results])


def _check_kind(path: Path, content: bytes) -> None:
    """Raise ``TflconvError`` for a file that is known to be something else."""
    identified = recognizing.recognized(io.BytesIO(content))
    if identified is not None and not content.lstrip().startswith((b"{", b"[")):
        raise TflconvError(f"{path} is not a results file: it is {identified[0]}.", hint=_MAKE)


def load(path: AnyPath) -> Results:
    """Return the results in a file.

    Args:
        path: The file, as ``Results.save`` or ``--export-json`` wrote it.

    Raises:
        TflconvError: It is missing, or no results file.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     Results().save(Path(folder) / "results.json")
        ...     load(Path(folder) / "results.json")
        Results(no runs)
    """
    path = Path(path)
    try:
        content = inputs.read_bytes(path)
        _check_kind(path, content)
        value = read_json(content.decode())
        later = _later_runs(path, content)
    except FileNotFoundError as error:
        raise TflconvError(f"no results file at {path}.", hint=_MAKE) from error
    except UnicodeDecodeError as error:
        raise TflconvError(f"{path} is not a results file: it is not text.", hint=_MAKE) from error
    except OSError as error:
        raise TflconvError(
            f"cannot read {path}: {inputs.why_unread(error)}.", hint=_MAKE
        ) from error
    except (ValueError, RecursionError) as error:
        raise TflconvError(f"cannot read {path}: {_first_line(error)}.", hint=_MAKE) from error
    results = from_json(value, source=str(path))
    if not later:
        return results
    more: JsonObject = {"schema_version": SCHEMA_VERSION, "runs": later}
    return merge([results, from_json(more, source=str(part_of(path)))])


def part_of(path: Path) -> Path:
    """Return the file with the runs that came since the results file at ``path`` was written."""
    return path.with_name(f"{path.name}.part")


def to_text(results: Results) -> str:
    """Return the content of a results file."""
    return to_json(results.to_json()) + "\n"


def _later_runs(path: Path, content: bytes) -> list[JsonValue]:
    """Return what a process that was killed left beside ``path``; its last line may be cut."""
    if not part_of(path).is_file():
        return []
    first, *lines = part_of(path).read_bytes().split(b"\n")
    if first.decode(errors="replace") != sha256_bytes(content):
        return []
    return [read_json(line) for line in lines[:-1]]


def merge(several: Iterable[Results]) -> Results:
    """Return all runs of several results; of equal model and device, the last one.

    The context is that of the first results that have one.

    Example:
        >>> merge([Results(), Results(context={"plan": "demo"})]).context
        {'plan': 'demo'}
    """
    context: JsonObject = {}
    runs: dict[tuple[str, str], BenchmarkRun] = {}
    for results in several:
        context = context or results.context
        for run in results.runs:
            key = run.model.slug, run.device.id
            runs.pop(key, None)
            runs[key] = run
    return Results(runs=tuple(runs.values()), context=context)


def _described(run: BenchmarkRun) -> str:
    return f"{run.model.slug} on {run.device.id} {run.outcome}"


def record(run: BenchmarkRun) -> JsonObject:
    """Return a run as the documented file format has it."""
    entry: dict[str, dict[str, object]] = _STRUCTURE.to_json(run)
    if run.latency is not None:
        entry["latency"]["summary_ms"] = run.latency.summary
    if run.accuracy is not None:
        entry["accuracy"] |= {
            "top1": run.accuracy.top1,
            "interval": run.accuracy.interval,
            "agreement": run.accuracy.agreement,
            "drop": run.accuracy.drop,
        }
    entry |= _of_sustained(run)
    if run.cold_start is None:
        del entry["cold_start"]  # as in results of before there was one
    return _object(entry) | {"content_sha256": sha256_bytes(canonical(_object(entry)).encode())}


def _of_sustained(run: BenchmarkRun) -> dict[str, dict[str, object]]:
    """Return what a sustained run says; nothing where there was none, or it was too short."""
    figures: dict[str, dict[str, object]] = {}
    if (endured := endurance.of(run.conditions.sustained or ())) is not None:
        figures["endurance"] = asdict(endured) | {"held": endured.held}
    if isinstance(spent := energy.of(run.conditions), energy.Energy):
        figures["energy"] = asdict(spent) | {
            "milliwatts": spent.milliwatts,
            "mj_per_inference": spent.mj_per_inference,
        }
    return figures


def canonical(entry: JsonObject) -> str:
    """Return a run as its hash is taken of: the keys sorted, without the hash itself."""
    named = {name: value for name, value in entry.items() if name != "content_sha256"}
    return json.dumps(named, sort_keys=True, separators=(",", ":"))


def changed(path: Path) -> tuple[str, ...]:
    """Return the names of the runs in a results file that are not as they were measured.

    Someone changed them by hand: their hash is another one. Older files have no hashes.

    Raises:
        TflconvError: The file cannot be read.
    """
    load(path)
    entries = _list(_object(read_json(path.read_text(encoding="utf-8")))["runs"])
    hashed = [entry for entry in map(_object, entries) if entry.get("content_sha256") is not None]
    return tuple(
        str(_object(entry["model"])["slug"])
        for entry in hashed
        if entry["content_sha256"] != sha256_bytes(canonical(entry).encode())
    )


def _object(value: object, _: object = None) -> dict[str, JsonValue]:
    if not isinstance(value, dict):
        raise TypeError(f"expected an object, received {type(value).__name__}")
    return value


def _list(value: object) -> list[JsonValue]:
    if not isinstance(value, list):
        raise TypeError(f"expected a list, received {type(value).__name__}")
    return value


def _structured(number: int, value: JsonValue) -> BenchmarkRun:
    try:
        return _STRUCTURE.of(value, BenchmarkRun)
    except ValueError as error:
        message = "; ".join(faults(error)[:3]).replace("@ $", f"@ $.runs[{number}]")
        raise ValueError(message) from error


def _first_line(error: Exception) -> str:
    if isinstance(error, KeyError):
        return f"'{error.args[0]}' is missing"
    return first_line(error)


def _prepare(converter: cattrs.Converter) -> None:
    """Let ``converter`` pass free-form objects unchanged."""
    free_form = override(struct_hook=_object)
    conditions = make_dict_structure_fn(Conditions, converter, other=free_form)
    converter.register_structure_hook(
        Conditions, lambda value, _: conditions(fields_of(_object(value)), Conditions)
    )
    converter.register_unstructure_hook(Conditions, Conditions.to_json)
    run = make_dict_structure_fn(BenchmarkRun, converter, config=free_form)
    converter.register_structure_hook(BenchmarkRun, run)


_STRUCTURE = Structure(_prepare)
