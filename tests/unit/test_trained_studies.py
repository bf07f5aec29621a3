"""What studies say of networks that were trained on a GPU is what was recorded of them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from trained_networks import (
    STUDIES,
    against,
    ahead,
    check_files,
    check_plans,
    percent,
    recorded,
    right,
    row,
    spaced,
)

from tflconv import results
from tflconv.core.files import sha256_file
from tflconv.pipeline import plan

MNIST, FASHION, PRUNED = "mobile-vit/small", "ecommerce/compact", "compression/pruned"
STUDY = {name: STUDIES / name for name in (MNIST, FASHION, PRUNED)}
NETWORKS = {name: recorded(path) for name, path in STUDY.items()}
README = {name: (path / "README.md").read_text(encoding="utf-8") for name, path in STUDY.items()}


def _each() -> Iterator[tuple[str, str]]:
    for study, networks in NETWORKS.items():
        for name in networks:
            yield study, name


def _pairs() -> Iterator[tuple[str, str, str]]:
    """Networks beside their twin from scratch."""
    for study, name in _each():
        stem, _, way = name.rpartition("-")
        if way in ("soft", "labels"):
            yield study, name, f"{stem}-scratch"


@pytest.mark.parametrize(("study", "name"), list(_each()))
def test_the_tables_say_what_was_recorded(study: str, name: str) -> None:
    one = NETWORKS[study][name]
    assert row(name, one) in README[study]
    assert "right" not in one or right(one).sum() == one["correct"]


@pytest.mark.parametrize(("study", "name", "twin"), list(_pairs()))
def test_twins_are_compared_on_the_same_pictures(study: str, name: str, twin: str) -> None:
    assert against(name, twin, NETWORKS[study]) in README[study]


@pytest.mark.parametrize("study", [MNIST, FASHION])
def test_the_text_says_what_the_float_networks_get_right(study: str) -> None:
    *before, last = (spaced(one["float_correct"]) for one in NETWORKS[study].values())
    assert f"{', '.join(before)} and {last} right" in " ".join(README[study].split())


@pytest.mark.parametrize("study", STUDY)
def test_networks_were_trained_as_the_plans_say(study: str) -> None:
    trained = {name: one for name, one in NETWORKS[study].items() if "epochs" in one}
    check_plans(trained, STUDY[study] / "plans")


@pytest.mark.parametrize("study", STUDY)
def test_kept_files_are_those_that_were_measured(study: str) -> None:
    check_files(NETWORKS[study], STUDY[study] / "models")


def test_small_networks_of_mnist_reach_their_goal_with_each_seed() -> None:
    seeds = NETWORKS[MNIST].values()
    shares = sorted(one["correct"] / one["total"] for one in seeds)
    most = max(seeds, key=lambda one: one["bytes"])
    cost = f"{spaced(most['bytes'])} bytes and {most['instructions']['cortex-a76'] / 1e6:.3f} M"
    assert f"**{100 * shares[0]:.2f} to {percent(shares[-1])} in {cost}" in README[MNIST]
    transformers = results.load(STUDIES / "mobile-vit" / "int8-vit" / "arm64.json").runs
    (other,) = (r for r in transformers if r.model.slug == "vit_int8-mnist-static_wi8_ai8")
    assert other.instructions is not None
    told = f"{spaced(round(other.instructions.total))} instructions and {spaced(other.model.bytes)}"
    assert f"{told} bytes" in README[MNIST]
    for one in seeds:
        assert one["correct"] >= 9_940
        assert one["bytes"] <= 60_000
        assert one["instructions"]["cortex-a76"] <= 300_000


@pytest.mark.parametrize("study", STUDY)
def test_a_plan_of_tflconv_names_kept_networks(study: str) -> None:
    file = STUDY[study] / "plan.toml"
    for model in plan.load(file).models if file.exists() else ():
        assert (
            sha256_file(STUDY[study] / model.model) == NETWORKS[study][model.title]["keras_sha256"]
        )


def test_compact_networks_of_fashion_mnist_reach_their_goals_in_the_mean() -> None:
    networks, text = NETWORKS[FASHION], README[FASHION]
    for shape, goal, largest in (("compact100", 9_350, 100_000), ("compact150", 9_400, 150_000)):
        seeds = [one for name, one in networks.items() if name.startswith(shape)]
        right_ones = sorted(one["correct"] for one in seeds)
        mean = sum(right_ones) / 3
        worst, most = right_ones[0] / 100, max(one["bytes"] for one in seeds)
        assert len(seeds) == 3
        assert mean >= goal
        assert most <= largest
        assert f"{worst:.2f} to {percent(right_ones[-1] / 1e4)} in {spaced(most)} bytes" in text
        assert f"| {percent(mean / 1e4)} |" in text
        if shape == "compact100":
            (counted,) = {one["instructions"]["cortex-a76"] for one in seeds}
            assert counted <= 1_500_000
            assert f"and {counted / 1e6:.3f} M |" in text


def test_the_goals_of_pruning_are_told_as_they_were_met_or_missed() -> None:
    networks, text = NETWORKS[PRUNED], README[PRUNED]
    teacher = recorded(STUDIES / "compression" / "students")["teacher"]
    whole = networks["w64"]["instructions"]["cortex-a76"]
    for name in ("w64-35-soft", "w64-20-soft"):
        one = networks[name]
        counted = one["instructions"]["cortex-a76"]
        behind = (teacher["correct"] - one["correct"]) / 100
        assert f"`{name}`, {counted / whole:.3f} of them at {behind:.2f} points" in text
    fewer = teacher["instructions"]["cortex-a76"] / counted
    assert f"`w64-20-soft`, {fewer:.1f} times at {behind:.2f} points" in text
    for stem in ("w64-35", "w64-20"):
        student, twin = networks[f"{stem}-soft"], networks[f"{stem}-scratch"]
        points = (student["correct"] - twin["correct"]) / 100
        assert ahead(student, twin)[0] > 0
        assert f"`{stem}-soft`, {points:+.2f} points" in text
