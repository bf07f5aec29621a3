"""A mixed recipe leaves in float what does most harm, and no more than makes the file close."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny_graphs import Builder, dense

import tflconv
from tflconv import recipe
from tflconv.compression import technique
from tflconv.errors import UsageError
from tflconv.pipeline import choosing, mixing
from tflconv.pipeline.choosing import Choice
from tflconv.pipeline.conversion import ConvertedFiles
from tflconv.pipeline.fidelity import Fidelity
from tflconv.tflite import editing, packing

WIDTH, FACTOR = 16, 300.0
SAMPLES = np.random.default_rng(0).normal(size=(32, WIDTH)).astype(np.float32)
MIXED = "mixed_wi8_ai8"


def file(width: int) -> bytes:
    builder = Builder()
    source = builder.tensor((1, width))
    return builder.content([source], [dense(builder, source, width, width)])


def nears(cosine: float) -> Fidelity:
    return Fidelity(samples=16, source="noise", cosine=cosine)


def measured(harm: dict[str, float], made: list[tuple[str, ...]]) -> Callable[[bytes], Fidelity]:
    return lambda _: nears(1 - sum(h for name, h in harm.items() if name not in made[-1]))


@given(
    st.dictionaries(st.sampled_from("abcdef"), st.floats(0, 0.1), min_size=1),
    st.floats(0.9, 0.999),
)
def test_no_more_is_in_float_than_makes_the_file_close(
    harm: dict[str, float], least: float
) -> None:
    made: list[tuple[str, ...]] = []

    def make(spared: tuple[str, ...]) -> bytes:
        made.append(spared)
        return file(16)

    found = mixing.mix({name: [name] for name in harm}, make, measured(harm, made), least)
    assert found.curve[0].activation == ""
    assert found.spared == tuple(point.activation for point in found.curve[1:])
    assert all(point.cosine < least for point in found.curve[:-1])
    assert found.curve[-1].cosine >= least or len(found.spared) == len(harm)
    worst = sorted(harm.values(), reverse=True)[: len(found.spared)]
    assert sorted((harm[name] for name in found.spared), reverse=True) == pytest.approx(worst)


def test_of_two_that_harm_alike_the_cheaper_one_is_in_float() -> None:
    def make(spared: tuple[str, ...]) -> bytes:
        return file(16 + 64 * ("dear" in spared) + 16 * ("cheap" in spared))

    cosines = {file(16): 0.9, file(32): 0.999, file(80): 0.9995}
    names = {name: [name] for name in ("dear", "cheap")}
    found = mixing.mix(names, make, lambda content: nears(cosines[content]), 0.998)
    assert found.spared == ("cheap",)
    assert found.content == file(32)


def outlier(folder: Path) -> Path:
    """Three dense layers; a channel between the last two is far larger than the others."""
    draw, builder = np.random.default_rng(1), Builder()
    weights = [draw.normal(size=(WIDTH, WIDTH)) / 4 for _ in range(3)]
    weights[1][0] *= FACTOR
    weights[2][:, 0] /= FACTOR
    value = source = builder.tensor((1, WIDTH), name="source")
    for number, matrix in enumerate(weights):
        kernel = builder.tensor((WIDTH, WIDTH), values=matrix, name=f"kernel{number}")
        bias = builder.tensor((WIDTH,), values=np.zeros(WIDTH), name=f"bias{number}")
        result = builder.tensor((1, WIDTH), name=f"dense{number}")
        builder.op("FULLY_CONNECTED", [value, kernel, bias], [result])
        value = result
    return builder.write(folder / "outlier.tflite", [source], [value])


def made(folder: Path, name: str, **said: object) -> ConvertedFiles:
    np.save(folder / "samples.npy", SAMPLES)
    said |= {"calibration": str(folder / "samples.npy"), "rewrite": "as-is"}
    return tflconv.convert(outlier(folder), [name], folder / name, **said)  # type: ignore[arg-type]


def test_the_layers_around_an_outlier_stay_in_float_and_the_others_do_not(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="not close"):
        whole = made(tmp_path, "static_wi8_ai8")
    mixed = made(tmp_path, MIXED)
    assert (whole.fidelity[0].cosine or 0) < 0.99
    assert (mixed.fidelity[0].cosine or 0) >= choosing.CLOSE
    choice = mixed.choices[0]
    assert choice.spared == ("dense1", "dense2")
    assert [point.activation for point in choice.curve] == ["", "dense1"]
    float_ones = editing.float_operators(packing.unpack(mixed[0].read_bytes()))
    assert sum(text.startswith("FULLY_CONNECTED") for text in float_ones) == 2
    assert Choice.from_json(json.loads(json.dumps(choice.to_json())), [recipe.get(MIXED)]) == choice


def test_the_least_cosine_is_what_is_asked_for(tmp_path: Path) -> None:
    whole = made(tmp_path, MIXED, min_cosine=0.0)
    assert whole.choices[0].spared == ()
    closer = made(tmp_path, MIXED, min_cosine=0.999999)
    assert set(closer.choices[0].spared) == {"dense0", "dense1", "dense2"}
    assert (closer.fidelity[0].cosine or 0) >= 0.999999


def test_ranges_are_not_trained_for_what_is_chosen_later() -> None:
    with pytest.raises(UsageError, match="does not store"):
        technique.check(recipe.get(f"qat_{MIXED}"))
    assert technique.check(recipe.get(f"channels50_{MIXED}")).is_mixed
