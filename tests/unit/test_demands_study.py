"""The study of what products ask of a network says what its plan recorded."""

from __future__ import annotations

from trained_networks import STUDIES, module

from tflconv import results
from tflconv.pipeline import planning

STUDY = STUDIES / "ecommerce" / "demands"
PAGE = (STUDY / "README.md").read_text(encoding="utf-8")
FLAT = " ".join(PAGE.split())
FOUND, AGAIN = (results.load(STUDY / f"{name}.json") for name in ("measured", "again"))

tables = module(STUDY / "tables.py")


def test_the_table_says_what_was_measured() -> None:
    rows = list(tables.rows(FOUND))
    assert "\n".join([tables.HEAD, *rows]) in PAGE
    assert len(rows) == 5


def test_the_second_table_says_what_both_trainings_came_to() -> None:
    assert "\n".join([tables.TWICE, *tables.pairs(FOUND, AGAIN)]) in PAGE
    for shape in tables.shapes(FOUND)[1:]:
        moved, times = [], []
        for kind in tables.SETS:
            first, second = (tables.behind(each, kind, shape)[0] for each in (FOUND, AGAIN))
            moved.append(abs(first - second))
        for each in (FOUND, AGAIN):
            cifar, fashion = (tables.behind(each, kind, shape)[0] for kind in tables.SETS)
            times.append(cifar / fashion)
        assert max(moved) <= 0.9
        assert min(times) >= 1.8


def test_the_second_training_differs_in_its_seed() -> None:
    first, second = (planning.read(STUDY / f"{name}.toml") for name in ("plan", "again"))
    assert [m.title for m in first.models] == [m.title for m in second.models]
    assert [m.options for m in first.models] == [m.options for m in second.models]
    assert {m.training.epochs for m in (*first.models, *second.models)} == {6}
    assert {m.seed for m in first.models} <= {0, None}
    assert {m.seed for m in second.models} == {1}


def test_the_same_networks_were_trained_alike_on_both_sets() -> None:
    planned = planning.read(STUDY / "plan.toml")
    options = {
        kind: [dict(m.options) for m in planned.models if m.title.startswith(f"{kind}-")]
        for kind in tables.SETS
    }
    assert options["cifar"] == options["fashion"]
    assert len({str(m.training) for m in planned.models}) == 1
    assert {m.title for m in planned.models} == {run.model.name for run in FOUND.runs}


def test_the_answer_is_what_was_measured() -> None:
    points = {
        (kind, shape): tables.behind(FOUND, kind, shape)[0]
        for kind in tables.SETS
        for shape in tables.shapes(FOUND)[1:]
    }
    half, last = (
        [points[kind, shape] for kind in tables.SETS] for shape in ("width-8", "two-blocks")
    )
    assert f"{half[1]:.2f} points on Fashion-MNIST and {half[0]:.2f} on CIFAR-10" in FLAT
    assert f"without its last block {last[1]:.2f} and {last[0]:.2f}" in FLAT
    times = [points["cifar", s] / points["fashion", s] for s in tables.shapes(FOUND)[1:]]
    assert [round(min(times)), round(max(times))] == [2, 5]
    for kind in tables.SETS:
        assert points[kind, "one-block"] > points[kind, "width-4"]
    least = tables.run_of(FOUND, "cifar", "width-4"), tables.run_of(FOUND, "cifar", "one-block")
    assert tables.instructions(least[0]) < tables.instructions(least[1])
    front = " ".join((STUDY.parent / "README.md").read_text(encoding="utf-8").split())
    assert f"loses {half[1]:.2f} points on Fashion-MNIST and {half[0]:.2f} on CIFAR-10" in front
