"""A few of the random networks of ``tests/nightly/test_networks.py``, each of which found a fault.

27: an output that a quantized operator reads; 148: a crash in the TFLite converter's quantizer;
261: a table without rows; 40: integers between layers; 728: ranges of several outputs; 917: a
dilation that LiteRT lacks; 783: names that two graphs of a file had in common.
"""

from __future__ import annotations

import pytest

from fakes import network_trials

pytest.importorskip("keras", minversion="3")


@pytest.mark.parametrize("number", [27, 40, 148, 261, 728, 783, 917])
def test_a_network_converts_or_is_refused(number: int) -> None:
    line = network_trials.trial(number)
    assert line["outcomes"]
    assert not network_trials.faults([line])
    assert not any("not unique" in outcome for outcome in line["outcomes"].values())


@pytest.mark.parametrize("number", [10, 60, 160, 270, 440, 590])
def test_a_network_of_ordinary_layers_is_trained_for_int8(number: int) -> None:
    assert network_trials.trained(number) == "right"
