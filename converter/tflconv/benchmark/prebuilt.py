"""The harness as it travels in the wheel, so that measuring a phone takes no compiler.

``python -m tflconv.android_benchmark.prebuild`` builds it again after a change of its sources.
Equal sources and an equal zig give equal bytes, which a test holds; binaries that are older than
the sources beside them are never used.
"""

from __future__ import annotations

import json
import shutil
from importlib.metadata import version
from pathlib import Path
from typing import TypedDict

from tflconv.benchmark import build
from tflconv.core import resources
from tflconv.core.files import replacing_folder, sha256_file, write_json

ABIS = ("aarch64-android", "aarch64-linux")
MANIFEST = "manifest.json"


class Manifest(TypedDict, total=False):
    """What was built from what: the hash of the sources, zig's version, SHA-256 by ABI."""

    sources: str
    zig: str
    files: dict[str, str]


def find(abi: str) -> Path | None:
    """The prebuilt harness for ``abi``, if it is there, whole and of these sources."""
    manifest = read_manifest()
    path = folder() / f"harness-{abi}"
    expected = manifest.get("files", {}).get(abi)
    if manifest.get("sources") != build.digest() or not path.is_file():
        return None
    return path if sha256_file(path) == expected else None


def make(target: Path) -> None:
    """Build the harness for every ABI into the folder ``target``."""
    with replacing_folder(target) as temporary:
        files = {abi: temporary / f"harness-{abi}" for abi in ABIS}
        for abi, path in files.items():
            build.cross_build(abi, path)
        manifest: Manifest = {
            "sources": build.digest(),
            "zig": version("ziglang"),
            "files": {abi: sha256_file(path) for abi, path in files.items()},
        }
        write_json(temporary / MANIFEST, manifest)
        shutil.copymode(resources.harness_dir(), temporary)


def read_manifest() -> Manifest:
    """What was built from what; empty if nothing was."""
    try:
        manifest: Manifest = json.loads((folder() / MANIFEST).read_text())
    except FileNotFoundError:
        return {}
    return manifest


def folder() -> Path:
    """Where the prebuilt binaries are."""
    return resources.harness_dir() / "prebuilt"
