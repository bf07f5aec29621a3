"""Predicted partitions of random graphs against LiteRT's own XNNPACK delegate.

``tests/figures/partitions.py`` does the same for thousands of graphs and for files on disk.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from random_graphs import RandomGraph

from fakes.delegate import compare, measured


@pytest.mark.parametrize("part", range(3))
def test_the_delegate_cuts_random_graphs_as_foretold(part: int, tmp_path: Path) -> None:
    for seed in range(100 * part, 100 * (part + 1)):
        (tmp_path / f"{seed}.tflite").write_bytes(RandomGraph(seed).content())
    real = measured(sorted(tmp_path.iterdir()))
    found = compare(real)
    assert found.loadable > 50
    assert found.differing == ()
