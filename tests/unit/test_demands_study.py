"""The study of what products ask of a network says what its plan recorded."""

from __future__ import annotations

from trained_networks import STUDIES, module

from tflconv import results
from tflconv.pipeline import planning

STUDY = STUDIES / "ecommerce" / "demands"
PAGE = (STUDY / "README.md").read_text(encoding="utf-8")
FLAT = " ".join(PAGE.split())
FOUND = results.load(STUDY / "measured.json")

tables = module(STUDY / "tables.py")


def test_the_table_says_what_was_measured() -> None:
    rows = list(tables.rows(FOUND))
    assert "\n".join([tables.HEAD, *rows]) in PAGE
    assert len(rows) == 5


def test_the_same_networks_were_trained_alike_on_both_sets() -> None:
    planned = planning.read(STUDY / "plan.toml")
    options = {
        kind: [dict(m.options) for m in planned.models if m.title.startswith(f"{kind}-")]
        for kind in tables.SETS
    }
    assert options["cifar"] == options["fashion"]
    assert len({str(m.training) for m in planned.models}) == 1
    assert {m.title for m in planned.models} == {run.model.name for run in FOUND.runs}
