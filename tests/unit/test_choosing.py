"""The cheapest file that is close to the float model; at equal cost the graph as it came.

Candidates are dense layers of different widths: the wider one is the dearer one.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Mapping

import pytest
from tiny_graphs import Builder, dense

from tflconv import recipe
from tflconv.conversion import Rewrite
from tflconv.errors import TflconvError, UsageError
from tflconv.pipeline import choosing
from tflconv.pipeline.choosing import Choice
from tflconv.pipeline.fidelity import Fidelity
from tflconv.recipe import Recipe

GRAPHS: list[Rewrite] = ["as-is", "optimized"]
FP32, AUTO = recipe.get("fp32"), recipe.get("auto")
SELECTIVE, DYNAMIC = recipe.get("selective_wi8_ai8"), recipe.get("dynamic_wi8_afp32")


def file(width: int) -> bytes:
    builder = Builder()
    source = builder.tensor((1, width))
    return builder.content([source], [dense(builder, source, width, width)])


def makes(widths: Mapping[tuple[str, str], int]) -> Callable[[Recipe, Rewrite], bytes]:
    def make(chosen: Recipe, rewrite: Rewrite) -> bytes:
        width = widths.get((chosen.name, rewrite))
        if width is None:
            raise TflconvError(f"no {chosen.name} of the graph {rewrite}.")
        warnings.warn(f"{chosen.name} of {rewrite}", stacklevel=1)
        return file(width)

    return make


def nears(cosines: Mapping[int, float]) -> Callable[[bytes], Fidelity]:
    files = {file(width): cosine for width, cosine in cosines.items()}
    return lambda content: Fidelity(samples=16, source="noise", cosine=files[content])


def chosen(
    recipes: list[Recipe], widths: dict[tuple[str, str], int], cosines: dict[int, float]
) -> Choice:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        choice, content = choosing.choose(recipes, GRAPHS, makes(widths), nears(cosines))
    assert content == file(widths[choice.recipe.name, choice.rewrite])
    return choice


@pytest.mark.parametrize(("came", "rewritten"), [(64, 64), (64, 128)])
def test_a_graph_that_is_no_dearer_stays_as_it_came(came: int, rewritten: int) -> None:
    widths = {("fp32", "as-is"): came, ("fp32", "optimized"): rewritten}
    choice = chosen([FP32], widths, {})  # nothing is measured
    assert (choice.rewrite, choice.fidelity) == ("as-is", None)
    assert [*choice.instructions] == ["fp32 as-is", "fp32 optimized"]


@pytest.mark.parametrize(
    ("came", "rewritten", "expected"),
    [
        (0.5, 0.999, "optimized"),
        (0.9999, 0.997, "as-is"),
        (0.98, 0.99, "optimized"),
        (0.99, 0.98, "as-is"),
        (0.9, 0.9, "optimized"),
    ],
)
def test_a_cheaper_graph_is_taken_if_it_is_close_or_the_closest(
    came: float, rewritten: float, expected: Rewrite
) -> None:
    widths = {("fp32", "as-is"): 128, ("fp32", "optimized"): 32}
    choice = chosen([FP32], widths, {128: came, 32: rewritten})
    assert choice.rewrite == expected
    assert choice.fidelity is not None
    assert choice.fidelity.cosine == (rewritten if expected == "optimized" else came)


@pytest.mark.parametrize(
    ("came", "rewritten", "expected"),
    [
        (0.9999, 0.9998, "as-is"),
        (0.9999, 0.99988, "optimized"),
        (0.9998, 0.9999, "optimized"),
        (1 - 1e-9, 1 - 1e-7, "optimized"),
    ],
)
def test_with_float_activations_rewriting_must_be_as_faithful(
    came: float, rewritten: float, expected: Rewrite
) -> None:
    widths = {(DYNAMIC.name, "as-is"): 128, (DYNAMIC.name, "optimized"): 32}
    assert chosen([DYNAMIC], widths, {128: came, 32: rewritten}).rewrite == expected
    integers = {(SELECTIVE.name, "as-is"): 128, (SELECTIVE.name, "optimized"): 32}
    assert chosen([SELECTIVE], integers, {128: came, 32: rewritten}).rewrite == "optimized"


def test_auto_is_the_cheapest_recipe_that_is_close_whatever_cannot_be_made() -> None:
    widths = {
        ("selective_wi8_ai8", "as-is"): 32,
        ("selective_wi8_ai8", "optimized"): 16,
        ("dynamic_wi8_afp32", "as-is"): 64,
    }
    cosines = {16: 0.99, 32: 0.9985, 64: 0.9999}
    static, *others = choosing.recipes(AUTO, None, has_samples=True)
    choice = chosen([static, *others], widths, cosines)
    assert str(choice) == "selective_wi8_ai8, as it came"


def test_without_samples_auto_is_dynamic() -> None:
    assert choosing.recipes(AUTO, None, has_samples=False) == [DYNAMIC]
    assert choosing.recipes(SELECTIVE, None, has_samples=False) == [SELECTIVE]


def test_auto_keeps_the_type_of_inputs_and_outputs_unless_another_is_said() -> None:
    for said, expected in ((None, "float32"), ("int8", "int8")):
        static, *_ = choosing.recipes(AUTO, said, has_samples=True)  # type: ignore[arg-type]
        assert (static.scheme, static.io) == ("static_wi8_ai8", expected)


def test_only_what_was_chosen_warns() -> None:
    widths = {("fp32", "as-is"): 128, ("fp32", "optimized"): 32}
    with pytest.warns(UserWarning, match="fp32 of optimized") as told:
        choosing.choose([FP32], GRAPHS, makes(widths), nears({32: 1.0}))
    assert len(told) == 1


def test_what_cannot_be_made_at_all_is_the_error_of_the_graph_that_came() -> None:
    with pytest.raises(TflconvError, match="no fp32 of the graph as-is"):
        choosing.choose([FP32], GRAPHS, makes({}), nears({}))


def test_what_is_missing_is_asked_for_before_anything_is_rewritten() -> None:
    def make(_: Recipe, rewrite: Rewrite) -> bytes:
        assert rewrite == "as-is"
        raise UsageError("samples are missing.")

    with pytest.raises(UsageError, match="samples are missing"):
        choosing.choose([SELECTIVE], GRAPHS, make, nears({}))


def test_a_choice_is_read_as_it_was_written() -> None:
    widths = {("fp32", "as-is"): 128, ("fp32", "optimized"): 32}
    choice = chosen([FP32], widths, {32: 0.999, 128: 0.999})
    for one in (choice, choosing.narrowed(choice, FP32, "as-is", Fidelity(samples=1, source=""))):
        assert Choice.from_json(json.loads(json.dumps(one.to_json())), [FP32]) == one
    assert choice.table == "cortex-a76 5"
    assert choosing.settled(FP32, "as-is").table is None


def test_cheaper_candidates_with_ranges_come_cheapest_first() -> None:
    recipes = choosing.recipes(AUTO, None, has_samples=True)
    static, selective, dynamic = recipes
    prices = {
        choosing.title(static, "as-is"): 1000,
        choosing.title(static, "optimized"): 998,
        choosing.title(selective, "optimized"): 500,
        choosing.title(selective, "as-is"): 1200,
        choosing.title(dynamic, "as-is"): 100,
    }
    best = Choice(recipe=selective, rewrite="as-is", instructions=prices)
    found = choosing.cheaper_with_ranges(best, recipes, 1200)
    assert found == [(selective, "optimized"), (static, "as-is"), (static, "optimized")]
