"""A content-addressed store: a stage runs only if nothing that it depends on was seen before.

An entry is a folder named by the hash of what went into it (stage, settings, hashes of inputs,
versions of the libraries that did the work). It holds what came out and a manifest with the hash
of every file. A file that no longer fits its manifest is as good as missing: the entry is built
again. Because inputs are named by content, a rebuilt entry that comes out the same leaves
everything after it untouched.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tflconv.core.files import replacing_folder, sha256_file, sha256_json, sweep, write_json

MANIFEST = "manifest.json"


@dataclass(frozen=True, kw_only=True)
class Entry:
    """What one run of a stage left behind; ``digest`` names its content, ``key`` its inputs."""

    path: Path
    key: str
    digest: str
    fresh: bool


@dataclass(frozen=True)
class Store:
    """Entries under ``root/<stage>/<key>/``."""

    root: Path

    @staticmethod
    def key(stage: str, inputs: Mapping[str, Any]) -> str:
        """The name of the entry for ``inputs``."""
        return sha256_json({"stage": stage, "inputs": inputs})[:16]

    def fetch(self, stage: str, inputs: Mapping[str, Any], build: Callable[[Path], None]) -> Entry:
        """Return the entry for ``inputs`` (JSON values), building it if it is not there.

        ``build(folder)`` fills a new folder; whatever it raises leaves the store as it was.
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

    def find(self, stage: str, inputs: Mapping[str, Any]) -> Entry | None:
        """Return the entry for ``inputs``; None where there is none, or it is damaged."""
        key = self.key(stage, inputs)
        path = self.root / stage / key
        digest = _verified_digest(path)
        return None if digest is None else Entry(path=path, key=key, digest=digest, fresh=False)

    def sweep(self) -> None:
        """Take away what killed builds left half-written."""
        sweep(self.root)

    def discard(self, stage: str, inputs: Mapping[str, Any]) -> None:
        """Forget the entry for ``inputs``, if there is one."""
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
