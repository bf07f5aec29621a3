"""A content-addressed store: a stage runs only if it has not run with the same inputs before.

An entry is a folder named by the hash of what went into it (stage, settings, hashes of inputs,
versions of the libraries that did the work). It holds the files that came out and a manifest with
the hash of each. An entry whose files no longer match its manifest counts as missing and is built
again. Because inputs are named by content, later stages do not run again where it comes out equal.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tflconv.core.files import replacing_folder, sha256_file, sha256_json, sweep, write_json

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
        self, stage: str, inputs: Mapping[str, object], build: Callable[[Path], None]
    ) -> Entry:
        """Return the entry for ``inputs``; build it if there is none.

        Args:
            stage: Name of the stage, such as ``convert``.
            inputs: Everything that the result depends on, as JSON values.
            build: Fills the new folder that it is called with. If it raises, the store stays as
                it was.

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
        known = self.find(stage, inputs)
        if known is not None:
            return known
        key = self.key(stage, inputs)
        path = self.root / stage / key
        with replacing_folder(path) as folder:
            build(folder)
            hashes = _hashes(folder)
            write_json(folder / MANIFEST, {"stage": stage, "inputs": inputs, "files": hashes})
        return Entry(path=path, key=key, digest=sha256_json(hashes), fresh=True)

    def find(self, stage: str, inputs: Mapping[str, object]) -> Entry | None:
        """Return the entry for ``inputs``; None if there is none or it is damaged."""
        key = self.key(stage, inputs)
        path = self.root / stage / key
        digest = _verified_digest(path)
        return None if digest is None else Entry(path=path, key=key, digest=digest, fresh=False)

    def sweep(self) -> None:
        """Delete what killed builds left half-written."""
        sweep(self.root)

    def discard(self, stage: str, inputs: Mapping[str, object]) -> None:
        """Delete the entry for ``inputs``, if there is one."""
        shutil.rmtree(self.root / stage / self.key(stage, inputs), ignore_errors=True)


def _hashes(folder: Path) -> dict[str, str]:
    return {
        file.relative_to(folder).as_posix(): sha256_file(file)
        for file in sorted(folder.rglob("*"))
        if file.is_file() and file.name != MANIFEST
    }


def _verified_digest(folder: Path) -> str | None:
    try:
        recorded = json.loads((folder / MANIFEST).read_text())["files"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return sha256_json(recorded) if recorded == _hashes(folder) else None
