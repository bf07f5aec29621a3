"""The page of the study of MobileNetV2 and a vision transformer says what its parts recorded."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from trained_networks import STUDIES, percent

from tflconv import results
from tflconv.core import stats
from tflconv.results import BenchmarkRun

STUDY = STUDIES / "mobile-vit"
PAGE = (STUDY / "README.md").read_text(encoding="utf-8")
FLAT = " ".join(PAGE.split())
FILES = ("int8-vit/arm64.json", "int8-vit/others.json", "small/measured.json")
RUNS = {
    run.model.slug: run
    for file in FILES
    for run in results.load(STUDY / file).runs
    if run.device.id == "arm64:cortex-a76"
}
PLAIN = RUNS["vit-mnist-fp32"]
SHOWN = (
    *("vit-mnist-fp32", "vit-mnist-static_wi8_ai8", "vit-mnist-selective_wi8_ai8"),
    *("vit_int8-mnist-fp32", "vit_int8-mnist-static_wi8_ai8"),
    *("vit_patch7-mnist-fp32", "vit_patch7-mnist-selective_wi8_ai8"),
    *("mobilenet_v2-mnist-fp32", "mobilenet_v2-mnist-static_wi8_ai8"),
    *(f"mnist-{seed}-mnist-{recipe}" for seed in range(3) for recipe in ("fp32", "static_wi8_ai8")),
)


def counted(run: BenchmarkRun) -> float:
    assert run.instructions is not None
    return run.instructions.total


def right(run: BenchmarkRun) -> int:
    assert run.accuracy is not None
    assert run.accuracy.total == 10_000
    return run.accuracy.correct


def rows() -> Iterator[str]:
    for slug in SHOWN:
        run = RUNS[slug]
        low, high = stats.wilson(right(run), 10_000)
        cells = [
            f"`{run.model.name}`",
            f"`{run.model.recipe}`",
            f"{run.model.bytes / 1000:.0f} KB",
            percent(right(run) / 10_000),
            f"{100 * low:.2f} to {100 * high:.2f}",
            f"{counted(run) / 1e6:.3f} M",
            "–" if run is PLAIN else f"{counted(PLAIN) / counted(run):.1f}",
        ]
        yield f"| {' | '.join(cells)} |"


def test_the_table_says_what_was_recorded() -> None:
    assert "\n".join(rows()) in PAGE


def test_the_claims_are_answered_by_what_was_recorded() -> None:
    small = [run for slug, run in RUNS.items() if slug.startswith("mnist-") and "static" in slug]
    native, usual = RUNS["vit_int8-mnist-static_wi8_ai8"], RUNS["vit-mnist-static_wi8_ai8"]
    selective, mobile = (
        RUNS["vit-mnist-selective_wi8_ai8"],
        RUNS["mobilenet_v2-mnist-static_wi8_ai8"],
    )

    def smaller(run: BenchmarkRun) -> str:
        return f"{100 * (1 - run.model.bytes / PLAIN.model.bytes):.0f} %"

    def ahead(run: BenchmarkRun) -> str:
        return f"{(right(run) - right(PLAIN)) / 100:.2f}"

    def lost(slug: str, recipe: str) -> str:
        return f"{(right(RUNS[f'{slug}-fp32']) - right(RUNS[f'{slug}-{recipe}'])) / 100:.2f}"

    most, least = max(small, key=right), min(small, key=right)
    told = [
        f"{smaller(native)} fewer bytes than the plain float transformer at {ahead(native)} points",
        f"{smaller(max(small, key=lambda run: run.model.bytes))} fewer at {ahead(least)} to"
        f" {ahead(most)} more",
        f"full INT8 takes {counted(usual) / counted(PLAIN):.2f} times as many instructions",
        f"{counted(PLAIN) / counted(selective):.2f} times fewer where only products are INT8",
        f"{counted(PLAIN) / counted(native):.0f} times fewer in the transformer built for integers",
        f"{lost('vit-mnist', 'selective_wi8_ai8')} points (plain),"
        f" {lost('vit_int8-mnist', 'static_wi8_ai8')} (built for integers),"
        f" {lost('mobilenet_v2-mnist', 'static_wi8_ai8')} (MobileNetV2)",
    ]
    for text in told:
        assert text in FLAT
    assert counted(native) < counted(mobile)
    assert right(native) > right(mobile)


def test_training_for_int8_is_told_as_it_was_recorded() -> None:
    recorded = json.loads((STUDY / "qat" / "results.json").read_text(encoding="utf-8"))

    def lost(engine: str, pictures: str) -> str:
        (one,) = (
            entry
            for name, entry in recorded.items()
            if name.startswith(f"{engine}/") and f"mobilenet_v2-{pictures}-" in name
        )
        points = (one["reference_correct"] - one["target_correct"]) / 100
        return f"{points:+.2f}".replace("-", "−")

    trained = f"{lost('own', 'mnist')} and {lost('own', 'fashion-mnist')} points lost with it"
    assert f"{trained}, {lost('ptq', 'mnist')} and {lost('ptq', 'fashion-mnist')} without" in FLAT


def test_pruning_is_told_as_it_was_recorded() -> None:
    found = results.load(STUDIES / "compression" / "sparse" / "measured.json").runs
    whole, sparse = found[0], found[-1]
    assert whole.model.download_bytes is not None
    assert sparse.model.download_bytes is not None
    times = whole.model.download_bytes / sparse.model.download_bytes
    points = (right(whole) - right(sparse)) / 100
    assert f"{times:.1f} times smaller after gzip at {points:.2f} points" in FLAT
    assert counted(sparse) == counted(found[1])


def test_a_leaking_split_is_told_as_it_was_recorded() -> None:
    recorded = json.loads((STUDY / "asl-leak" / "results.json").read_text(encoding="utf-8"))
    blocks, random = (recorded[split]["test"]["fp32"] for split in ("blocks", "random"))
    flattered = random["correct"] / random["total"] - blocks["correct"] / blocks["total"]
    assert f"flatters a network by {100 * flattered:.0f} points" in FLAT


@pytest.mark.parametrize(("recipe", "word"), [("static_wi8_ai8", "INT8"), ("fp32", "float")])
def test_what_a_phone_should_count_is_what_was_counted(recipe: str, word: str) -> None:
    found = results.load(STUDY / "small" / "measured.json").runs
    on = {
        run.device.id: f"{counted(run) / 1e6:.3f} M"
        for run in found
        if run.model.slug == f"mnist-0-mnist-{recipe}"
    }
    assert word in FLAT
    for core in ("cortex-a76", "cortex-a55"):
        assert on[f"arm64:{core}"] in FLAT
