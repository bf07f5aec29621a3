"""80 % zeros, 16 weights per kernel and INT8: what the recorded study says of the download."""

from __future__ import annotations

from pathlib import Path

from tflconv import results
from tflconv.results import BenchmarkRun

STUDY = Path(__file__).parents[2] / "studies" / "compression" / "sparse"
README = (STUDY / "README.md").read_text(encoding="utf-8")
RUNS, LARGER, LONGER = (
    {run.model.recipe: run for run in results.load(STUDY / name).runs}
    for name in ("measured.json", "cifar.json", "longer.json")
)
CLUSTERED = "cluster16_static_wi8_ai8"
SPARSE = "prune80_distill_cluster16_qat_static_wi8_ai8"


def right(run: BenchmarkRun) -> int:
    assert run.accuracy is not None
    assert run.accuracy.total == 10_000
    return run.accuracy.correct


def packed(run: BenchmarkRun) -> int:
    assert run.model.download_bytes is not None
    return run.model.download_bytes


def row(run: BenchmarkRun, whole: int) -> str:
    assert run.instructions is not None
    numbers = (run.model.bytes, packed(run), round(run.instructions.total))
    size, gzip, instructions = (f"{number:,}".replace(",", " ") for number in numbers)
    return (
        f"| `{run.model.recipe}` | {right(run) / 100:.2f} % | {size} | {gzip} |"
        f" {whole / packed(run):.1f} | {instructions} |"
    )


def test_the_table_says_what_was_recorded() -> None:
    for runs in (RUNS, LARGER):
        assert set(runs) == {"fp32", "static_wi8_ai8", SPARSE}
        for run in runs.values():
            assert row(run, packed(runs["fp32"])) in README


def test_a_ninth_of_the_download_costs_less_than_a_point() -> None:
    whole, small = RUNS["fp32"], RUNS[SPARSE]
    assert 8.5 < packed(whole) / packed(small) < 10  # a tenth was hoped for
    assert right(whole) - right(small) <= 100
    assert f"{(right(whole) - right(small)) / 100:.2f} points" in README


def test_a_larger_network_is_below_a_tenth_and_loses_more_than_a_point() -> None:
    whole, small = LARGER["fp32"], LARGER[SPARSE]
    assert 11.5 < packed(whole) / packed(small) < 12.5  # a twelfth
    lost = (right(whole) - right(small)) / 100
    assert 1 < lost < 1.2  # one was allowed
    assert f"{lost:.2f} points are lost where one was allowed" in " ".join(README.split())


def test_pruned_for_longer_it_is_below_a_tenth_and_loses_nothing() -> None:
    whole, small = LARGER["fp32"], LONGER[CLUSTERED]
    assert set(LONGER) == {"fp32", "static_wi8_ai8", CLUSTERED}
    for run in LONGER.values():
        assert row(run, packed(whole)) in README
    assert packed(whole) / packed(small) > 11  # a tenth was to be reached
    assert right(whole) - right(small) <= 0  # at no more than a point
    cost = (right(LONGER["static_wi8_ai8"]) - right(small)) / 100
    assert f"at {cost:.2f} points. On the validation" in " ".join(README.split())
