"""Random networks of all Keras 3 layers, each in several recipes and ways: right, or refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fakes import network_trials

FULL = 2600


@pytest.mark.timeout(0)
def test_random_networks_convert_or_are_refused(
    tmp_path: Path,
    pytestconfig: pytest.Config,
    count: Callable[[int], int],
    tell: Callable[[str, str], None],
    table: Callable[[str, list[Any]], None],
) -> None:
    log = (pytestconfig.getoption("--log") or tmp_path) / "networks.jsonl"
    found = network_trials.run(log, range(count(FULL)))
    table("Random networks", network_trials.summary(found))
    wrong = network_trials.faults(found)
    table("Faults", [("number, way and outcome",), *((fault[:300],) for fault in wrong)])
    unbuilt = sum("unbuilt" in line for line in found)
    tell(
        f"{len(found)} networks, {unbuilt} of which Keras cannot run;"
        f" {network_trials.coverage(found)}",
        f"{len(wrong)} faults",
    )
    assert not wrong
