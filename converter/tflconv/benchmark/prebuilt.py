"""The prebuilt harness in the wheel, so that measuring a phone needs no compiler.

``python -m tflconv.android_benchmark.prebuild`` builds it again after a change of its sources.
Equal sources and an equal zig give equal bytes, as a test ensures; binaries that are older than
the sources beside them are never used.
"""

from __future__ import annotations

import json
from importlib.metadata import version
from pathlib import Path
from typing import TypedDict

from tflconv.benchmark import build
from tflconv.core import resources
from tflconv.core.files import replacing_folder, sha256_file, write_json

ABIS = ("aarch64-android", "aarch64-linux")
MANIFEST = "manifest.json"


class Manifest(TypedDict, total=False):
    """Origin of the binaries: hash of the sources, version of zig, SHA-256 of the file by ABI."""

    sources: str
    zig: str
    files: dict[str, str]


def find(abi: str) -> Path | None:
    """Return the prebuilt harness for ``abi``, or None if it is missing, damaged or outdated."""
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


def read_manifest() -> Manifest:
    """Return the origin of the binaries; empty if there are none."""
    try:
        manifest: Manifest = json.loads((folder() / MANIFEST).read_text())
    except FileNotFoundError:
        return {}
    return manifest


def folder() -> Path:
    """Return the folder of the prebuilt binaries."""
    return resources.harness_dir() / "prebuilt"
