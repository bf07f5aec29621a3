"""Results that grow by a run at a time, and a file that is never far behind.

Writing all runs after each of them takes time that grows with the square of their number. So only
a small file is written whole each time; beside a larger one, new runs go to ``FILE.part``, a line
each, until they are as much as the file itself. ``load`` reads both, so that whatever ends the
process costs no finished run. The first line of the part is the hash of the file that it continues:
beside any other file it means nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from tflconv.core.files import explain_write_errors, sha256_bytes, write_bytes
from tflconv.core.jsonvalue import JsonObject
from tflconv.core.text import to_json
from tflconv.results.exchange import Results, part_of, record, to_text
from tflconv.results.run import BenchmarkRun

SMALL = 256 << 10
"""Bytes up to which a file is written whole after each run."""


class GrowingResults:
    """Runs by model and device, of which a newer one replaces an older one.

    Args:
        target: JSON file that is kept up to date, or None to keep the runs in memory only.
        context: What ``Results`` have as their context.
    """

    def __init__(self, target: Path | None, context: JsonObject) -> None:
        self._target, self._context = target, context
        self._runs: dict[tuple[str, str], BenchmarkRun] = {}
        self._hash = ""  # of the file as it was last written whole
        self._room = 0  # bytes that the part beside it may still get

    @property
    def results(self) -> Results:
        """All runs; one that was replaced stands where the newer one came."""
        return Results(runs=tuple(self._runs.values()), context=self._context)

    def take(self, runs: Iterable[BenchmarkRun]) -> None:
        """Take runs that are in a file already, without writing them."""
        for run in runs:
            self._put(run)

    def add(self, run: BenchmarkRun) -> None:
        """Take ``run`` and see to it that a file has it. Raises ``TflconvError`` if that fails."""
        self._put(run)
        if self._target is None:
            return
        line = to_json(record(run), indent=None).encode() + b"\n"
        if len(line) > self._room:
            self.write()
        else:
            self._append(self._target, line)

    def write(self) -> None:
        """Write the file whole. Raises ``TflconvError`` if that fails."""
        if self._target is None:
            return
        content = to_text(self.results).encode()
        write_bytes(self._target, content)
        part_of(self._target).unlink(missing_ok=True)
        self._hash = sha256_bytes(content)
        self._room = len(content) if len(content) > SMALL else 0

    def close(self) -> None:
        """Leave one file with everything, and nothing beside it."""
        if self._runs and self._target is not None and part_of(self._target).exists():
            self.write()

    def _append(self, target: Path, line: bytes) -> None:
        part = part_of(target)
        head = b"" if part.exists() else f"{self._hash}\n".encode()
        with explain_write_errors(target), part.open("ab") as stream:
            stream.write(head + line)
        self._room -= len(line)

    def _put(self, run: BenchmarkRun) -> None:
        key = run.model.slug, run.device.id
        self._runs.pop(key, None)
        self._runs[key] = run
