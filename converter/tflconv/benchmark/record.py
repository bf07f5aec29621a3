"""The runs of one command, kept in a file: what stands there need not be measured again.

A cable that was pulled costs the run that it broke, not those before it: the same command, given
again, takes the finished runs from the file it wrote and measures the rest. A run is known again by
the content of all that took part (model, harness, LiteRT, input, pictures), by the device with its
build of the system, and by every setting that has an influence on figures.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from tflconv.core.jsonvalue import JsonObject, JsonValue
from tflconv.results import BenchmarkRun, Results, load

WITHOUT_INFLUENCE = {"timeout"}
"""Settings that decide whether a run ends, but not what it says."""

ANY_PHONE = ("adb", "adb:")


class Record:
    """The runs so far, from all devices; written to ``target`` after each one."""

    def __init__(self, target: Path | None = None) -> None:
        self.results = Results(context={"command": "tflconv bench"})
        self._target = target
        self._lock = threading.Lock()

    def resume(self, devices: Sequence[str], models: Iterable[tuple[str, JsonObject]]) -> None:
        """Begin with those runs in the file that the same command may have left there.

        They measured one of ``models`` (its sha256, and the settings it is measured with) on one of
        ``devices``. Raises ``TflconvError`` for a file that holds no results.
        """
        if self._target and self._target.exists():
            wanted = [(sha256, _settings(config)) for sha256, config in models]
            kept = (run for run in load(self._target).runs if _is_among(run.device.id, devices))
            same = [run for run in kept if (run.model.sha256, _settings(run.config)) in wanted]
            self.results = replace(self.results, runs=tuple(same))

    def find(self, wanted: BenchmarkRun) -> BenchmarkRun | None:
        """The run that measured what ``wanted`` outlines, called by its present name."""
        same = (run for run in self.results.runs if _identity(run) == _identity(wanted))
        measured = next(same, None)
        return measured and replace(measured, model=wanted.model)

    def add(self, run: BenchmarkRun) -> None:
        """Keep ``run`` in the place of an older one of its kind."""
        with self._lock:
            self.results = self.results.with_run(run)
            if self._target:
                self.results.save(self._target)


def _is_among(device: str, names: Sequence[str]) -> bool:
    anonymous = device.startswith(ANY_PHONE) and any(name in ANY_PHONE for name in names)
    return device in names or anonymous


def _identity(run: BenchmarkRun) -> tuple[object, ...]:
    software = [part and part.sha256 for part in (run.harness, run.runtime)]
    return run.model.sha256, run.device, *software, _settings(run.config)


def _settings(config: JsonObject) -> dict[str, JsonValue]:
    return {name: value for name, value in config.items() if name not in WITHOUT_INFLUENCE}
