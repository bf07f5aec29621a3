"""The size of a file as a download."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

from tflconv.core.files import gzip_size
from tflconv.inspection.inspect import inspect
from tflconv.model.artifact import ModelArtifact

TINY = Path(__file__).parents[1] / "golden" / "models" / "tiny_float32.tflite"


def test_a_download_is_what_gzip_makes_of_the_file() -> None:
    packed = len(gzip.compress(TINY.read_bytes(), 9))
    assert gzip_size(TINY) == packed == ModelArtifact.of(TINY).download_bytes
    assert inspect(TINY, packed=True).download == packed
    assert inspect(TINY).download is None


def test_zeros_cost_next_to_nothing(tmp_path: Path) -> None:
    sparse = tmp_path / "sparse"
    sparse.write_bytes(bytes(3 << 20) + os.urandom(2000))
    assert 2000 < gzip_size(sparse) < 8000
