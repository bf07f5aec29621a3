"""Random networks of all Keras 3 layers, each in several recipes and ways: right, or refused.

``networks.txt`` is the record of all that ran so far; a run goes on where it ends, and adds to it
where ``--record`` is given. So ``--share 0.02`` tries the next 54 networks.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fakes import network_log, network_trials
from fakes.network_log import Tried
from fakes.random_layers import ALL

FULL = 20 * len(ALL)
RECORD = Path(__file__).with_name("networks.txt")


@pytest.mark.timeout(0)
def test_random_networks_convert_or_are_refused(
    tmp_path: Path,
    pytestconfig: pytest.Config,
    count: Callable[[int], int],
    tell: Callable[[str, str], None],
    table: Callable[[str, list[Any]], None],
) -> None:
    log = (pytestconfig.getoption("--log") or tmp_path) / "networks.jsonl"
    before = network_log.read(RECORD)
    chosen = network_log.order(before, range(FULL))[: count(FULL)]
    found = network_trials.run(log, chosen, jobs=max(1, (os.cpu_count() or 1) // 2))
    record = network_log.merged(before, map(Tried.of, found))
    if pytestconfig.getoption("--record"):
        network_log.write(RECORD, record)
    table("Random networks", network_log.summary(record))
    wrong = network_trials.faults(found)
    table("Faults", [("number, way and outcome",), *((fault[:300],) for fault in wrong)])
    unbuilt = sum(not each.outcomes for each in record)
    tell(
        f"{len(record)} of {FULL} networks so far, {len(found)} of them now, {unbuilt} of which"
        f" Keras cannot run; {network_log.coverage(record)}",
        f"{len(wrong)} faults",
    )
    assert not wrong
