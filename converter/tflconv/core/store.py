"""A content-addressed store: a stage runs only if it has not run with the same inputs before.

An entry is a folder named by the hash of what went into it (stage, settings, hashes of inputs,
versions of the libraries that did the work). It holds the files that came out and a manifest with
the hash of each. An entry whose files no longer match its manifest counts as missing and is built
again. Because inputs are named by content, later stages do not run again where it comes out equal.

Any number of processes may share a store. An entry is built in a private folder and appears whole,
by one rename, which fails where another process was first: then what that one built is taken. Only
what is damaged, or asked for again, ever makes room for another entry.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tflconv.core.files import (
    beside,
    explain_write_errors,
    place_folder,
    sha256_file,
    sha256_json,
    write_json,
)
from tflconv.core.private import locked, sweep, sweep_once

MANIFEST = "manifest.json"


@dataclass(frozen=True, kw_only=True)
class Entry:
    """The files that one run of a stage wrote.

    Attributes:
        path: The folder.
        key: Hash of the inputs.
        digest: Hash of the content.
        fresh: Whether it was built by this call.
    """

    path: Path
    key: str
    digest: str
    fresh: bool


@dataclass(frozen=True)
class Store:
    """Entries under ``root/<stage>/<key>/``."""

    root: Path

    @staticmethod
    def key(stage: str, inputs: Mapping[str, object]) -> str:
        """Return the name of the entry for ``inputs``."""
        return sha256_json({"stage": stage, "inputs": inputs})[:16]

    def fetch(
        self,
        stage: str,
        inputs: Mapping[str, object],
        build: Callable[[Path], None],
        *,
        again: bool = False,
    ) -> Entry:
        """Return the entry for ``inputs``; build it if there is none.

        Args:
            stage: Name of the stage, such as ``convert``.
            inputs: Everything that the result depends on, as JSON values.
            build: Fills the new folder that it is called with. If it raises, the store stays as
                it was.
            again: Whether to replace the entry that is there; see ``steady``.

        Example:
            >>> import tempfile
            >>> def build(folder: Path) -> None:
            ...     _ = (folder / "answer.txt").write_text("42")
            >>> with tempfile.TemporaryDirectory() as root:
            ...     first = Store(Path(root)).fetch("ask", {"seed": 0}, build)
            ...     second = Store(Path(root)).fetch("ask", {"seed": 0}, build)
            >>> first.fresh, second.fresh
            (True, False)
        """
        sweep_once(self.root / stage)  # a build may have been killed right after it was done
        entry = None if again else self.find(stage, inputs)
        if entry is not None:
            return entry
        key = self.key(stage, inputs)
        path = self.root / stage / key

        def is_sound(folder: Path) -> bool:
            return not again and _verified_digest(folder) is not None

        with explain_write_errors(path), beside(path) as folder:
            draft = folder / key
            draft.mkdir()
            build(draft)
            hashes = _hashes(draft)
            write_json(draft / MANIFEST, {"stage": stage, "inputs": inputs, "files": hashes})
            fresh = place_folder(draft, path, stays=is_sound)
        if not fresh:
            return self.fetch(stage, inputs, build)  # the entry of the process that was first
        return Entry(path=path, key=key, digest=sha256_json(hashes), fresh=True)

    def find(self, stage: str, inputs: Mapping[str, object]) -> Entry | None:
        """Return the entry for ``inputs``; None if there is none or it is damaged."""
        key = self.key(stage, inputs)
        path = self.root / stage / key
        digest = _verified_digest(path)
        return None if digest is None else Entry(path=path, key=key, digest=digest, fresh=False)

    @contextlib.contextmanager
    def steady(self, stage: str) -> Iterator[None]:
        """Replace no entry of ``stage`` while the block reads one.

        Only where entries are fetched ``again`` is there need for it.
        """
        folder = self.root / stage
        folder.mkdir(parents=True, exist_ok=True)
        with locked(folder):
            yield

    def sweep(self) -> None:
        """Delete what killed builds left half-written."""
        for stage in self.root.glob("*/"):
            sweep(stage)


def _hashes(folder: Path) -> dict[str, str]:
    return {
        file.relative_to(folder).as_posix(): sha256_file(file)
        for file in sorted(folder.rglob("*"))
        if file.is_file() and file.name != MANIFEST
    }


def _verified_digest(folder: Path) -> str | None:
    try:
        recorded = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))["files"]
        return sha256_json(recorded) if recorded == _hashes(folder) else None
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return None
