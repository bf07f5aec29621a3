"""The record of random networks: what is written is read again, and a run goes on where it ends."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from fakes import network_log
from fakes.network_log import ENOUGH, LETTERS, WAYS, Tried
from fakes.random_layers import ALL

OTHER = ("as-is fp16", "as-is static_wi4_ai8", "qat", "worker")
CHAIN = st.lists(st.sampled_from(("Dense", "Conv2D", "ops.clip")), min_size=1, max_size=4)


def tried(number: int, outcome: str = "right", *chain: str) -> Tried:
    outcomes = dict.fromkeys(WAYS, outcome)
    return Tried(number=number, day="2026-11-26", outcomes=outcomes, chains=(chain,))


@given(
    st.dictionaries(st.sampled_from((*WAYS, *OTHER)), st.sampled_from(sorted(LETTERS))),
    st.lists(CHAIN, max_size=3),
)
def test_what_is_written_is_read_again(outcomes: dict[str, str], chains: list[list[str]]) -> None:
    entry = Tried(
        number=7, day="2026-11-26", outcomes=outcomes, chains=tuple(tuple(one) for one in chains)
    )
    assert Tried.parse(str(entry)) == entry


def test_an_entry_is_a_short_line(tmp_path: Path) -> None:
    entry = tried(12, "right", "Dense", "ReLU")
    line = "12 2026-11-26 as-is=rrrr optimized=rrrr unfused=r Dense>ReLU"
    assert str(entry) == line
    network_log.write(tmp_path / "record", [entry])
    assert (tmp_path / "record").read_text() == line + "\n"
    assert network_log.read(tmp_path / "record") == [entry]


def test_faults_run_again_first_then_what_never_ran_and_then_the_oldest() -> None:
    record = [tried(3), tried(0), tried(2, "wrong")]
    assert network_log.order(record, range(5)) == [2, 1, 4, 3, 0]
    after = network_log.merged(record, [tried(2), tried(3)])
    assert [each.number for each in after] == [0, 2, 3]


def test_a_network_whose_layer_met_its_graph_mode_too_seldom_runs_before_the_others() -> None:
    rare, common = ALL[3], ALL[2]
    record = [tried(1000 + number, "right", common) for number in range(ENOUGH)]
    assert network_log.order(record, range(2, 5))[:3] == [3, 4, 2]
    record += [tried(2000 + number, "right", rare) for number in range(ENOUGH - 1)]
    assert network_log.order(record, range(2, 5))[:3] == [4, 3, 2]
    record += [tried(3000, "right", rare)]
    assert network_log.order(record, range(2, 5))[:3] == [4, 2, 3]


def test_a_graph_mode_that_a_layer_met_does_not_count_for_the_other() -> None:
    met = dict.fromkeys(("unfused fp32", "as-is fp32"), "right")
    entry = replace(tried(0, "right", ALL[2]), outcomes=met)
    record = [replace(entry, number=5000 + number) for number in range(ENOUGH)]
    unfused, optimized = 2, len(ALL) + 2
    numbers = range(unfused, optimized + 1, len(ALL))
    assert network_log.order(record, numbers)[:2] == [optimized, unfused]


def test_ten_meetings_are_enough_and_neighbours_count_once() -> None:
    record = [tried(number, "right", "Dense", "ReLU", "Dense") for number in range(9)]
    said = network_log.coverage(record)
    assert said.startswith("2 layers; 0 of 18 combinations")
    assert said.endswith("2 pairs of neighbours")
    assert "18 of 18" in network_log.coverage([*record, tried(9, "far", "Dense", "ReLU")])
    assert network_log.summary(record)[1] == ("as-is dynamic_wi8_afp32", "9", "0", "0", "0", "0")
