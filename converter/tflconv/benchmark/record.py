"""Keep the runs of one command in a file, so that finished ones are not measured again.

A pulled cable costs the run that it interrupts, not those before it: the same command, given again,
takes the finished runs from the file that it wrote and measures the rest. A run is recognized by
the content of everything that took part (model, harness, LiteRT, input, pictures), by the device
and its system build, and by every setting that influences figures.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from pathlib import Path

from tflconv.core.jsonvalue import JsonObject, JsonValue
from tflconv.results import BenchmarkRun, GrowingResults, Results, load

WITHOUT_INFLUENCE = {"timeout"}
"""Settings that decide whether a run ends, but not its figures."""

ANY_PHONE = ("adb", "adb:")


class FinishedRuns:
    """The finished runs of all devices.

    Args:
        target: JSON file that is written after each run, or None to keep runs in memory only.

    """

    def __init__(self, target: Path | None = None) -> None:
        self._growing = GrowingResults(target, {"command": "tflconv bench"})
        self._by_identity: dict[str, list[BenchmarkRun]] = {}
        self._target = target
        self._lock = threading.Lock()

    @property
    def results(self) -> Results:
        """All runs."""
        return self._growing.results

    def resume(self, devices: Sequence[str], models: Iterable[tuple[str, JsonObject]]) -> None:
        """Take the runs from the file that an interrupted call of the same command left there.

        Args:
            devices: Only runs on these devices are taken.
            models: Only runs of these are taken: pairs of a model's sha256 and its settings.

        Raises:
            TflconvError: The file holds no results.

        """
        if self._target and self._target.exists():
            wanted = {_key(sha256, _settings(config)) for sha256, config in models}
            runs = (run for run in load(self._target).runs if _is_among(run.device.id, devices))
            same = [r for r in runs if _key(r.model.sha256, _settings(r.config)) in wanted]
            self._growing.take(same)
            for run in same:
                self._by_identity.setdefault(_identity(run), []).append(run)

    def find(self, wanted: BenchmarkRun) -> BenchmarkRun | None:
        """Return the finished run of what ``wanted`` outlines, under the model's present name.

        None if there is no such run.
        """
        measured = self._by_identity.get(_identity(wanted))
        return replace(measured[0], model=wanted.model) if measured else None

    def add(self, run: BenchmarkRun) -> None:
        """Add ``run``, which replaces an older run of the same model on the same device."""
        with self._lock:
            self._growing.add(run)
            self._by_identity.setdefault(_identity(run), []).append(run)

    def close(self) -> None:
        """Leave one whole file."""
        with self._lock:
            self._growing.close()


def _is_among(device: str, names: Sequence[str]) -> bool:
    anonymous = device.startswith(ANY_PHONE) and any(name in ANY_PHONE for name in names)
    return device in names or anonymous


def _identity(run: BenchmarkRun) -> str:
    software = [part and part.sha256 for part in (run.harness, run.runtime)]
    return _key(run.model.sha256, asdict(run.device), software, _settings(run.config))


def _key(*parts: object) -> str:
    """Return text that is equal where all parts are; tuples equal lists, as in a file."""
    return json.dumps(parts, sort_keys=True)


def _settings(config: JsonObject) -> dict[str, JsonValue]:
    return {name: value for name, value in config.items() if name not in WITHOUT_INFLUENCE}
