"""A mixed recipe leaves in float what does most harm, and no more than makes the file close."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as fb
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from tiny_graphs import Builder, dense

import tflconv
from tflconv import recipe
from tflconv.compression import technique
from tflconv.errors import TflconvError, UsageError
from tflconv.inspection import delegation
from tflconv.pipeline import mixing
from tflconv.pipeline.choosing import Choice
from tflconv.pipeline.conversion import ConvertedFiles
from tflconv.pipeline.fidelity import Drop, Fidelity
from tflconv.pipeline.limits import CLOSE, FidelityLimits
from tflconv.pipeline.mixing import Levers
from tflconv.tflite import editing, half_precision, packing

WIDTH, FACTOR = 16, 300.0
Samples = NDArray[np.float32]
SAMPLES: Samples = np.random.default_rng(0).normal(size=(32, WIDTH)).astype(np.float32)
MIXED = "mixed_wi8_ai8"


def file(width: int) -> bytes:
    builder = Builder()
    source = builder.tensor((1, width))
    return builder.content([source], [dense(builder, source, width, width)])


def layers(count: int) -> bytes:
    builder = Builder()
    value = source = builder.tensor((1, 16))
    for _ in range(count):
        value = dense(builder, value, 16, 16)
    return builder.content([source], [value])


def nears(cosine: float) -> Fidelity:
    return Fidelity(samples=16, source="noise", cosine=cosine)


Precisions = mixing.Precisions


def measured(harm: dict[str, float], made: list[Precisions]) -> Callable[[bytes], Fidelity]:
    return lambda _: nears(1 - sum(h for name, h in harm.items() if name not in made[-1]))


def tools(
    make: Callable[[Precisions], bytes], measure: Callable[[bytes], Fidelity]
) -> mixing.Tools:
    return mixing.Tools(make=make, rank=measure, judge=measure)


def floats(names: Iterable[str]) -> Levers:
    return Levers(activations={name: [name] for name in names})


@given(
    st.dictionaries(st.sampled_from("abcdef"), st.floats(0, 0.1), min_size=1),
    st.floats(0.9, 0.999),
)
def test_no_more_is_in_float_than_makes_the_file_close(
    harm: dict[str, float], least: float
) -> None:
    made: list[Precisions] = []

    def make(precisions: Precisions) -> bytes:
        made.append(precisions)
        return file(16)

    limits = FidelityLimits(min_cosine=least)
    found = mixing.mix(floats(harm), tools(make, measured(harm, made)), limits)
    spared = tuple(found.precisions)
    assert found.curve[0].activation == ""
    assert spared == tuple(point.activation for point in found.curve[1:])
    assert all(point.cosine < least for point in found.curve[:-1])
    assert found.curve[-1].cosine >= least or len(spared) == len(harm)
    worst = sorted(harm.values(), reverse=True)[: len(spared)]
    assert sorted((harm[name] for name in spared), reverse=True) == pytest.approx(worst)


@given(
    st.dictionaries(
        st.sampled_from("abcdefghij"), st.tuples(st.integers(0, 9), st.integers(0, 3)), min_size=1
    ),
    st.integers(0, 60),
)
def test_who_wants_no_curve_gets_the_same_file_sooner(
    levers: dict[str, tuple[int, int]], allowed: int
) -> None:
    """Each activation takes away some harm and adds some layers."""
    made: list[Precisions] = []

    def make(precisions: Precisions) -> bytes:
        made.append(precisions)
        return layers(1 + sum(levers[name][1] for name in precisions))

    harm = {name: harm / 1000 for name, (harm, _) in levers.items()}
    how = tools(make, measured(harm, made))
    limits = FidelityLimits(min_cosine=1 - allowed / 1000 - 1e-9)
    with_curve = mixing.mix(floats(levers), how, limits)
    count = len(made)
    without = mixing.mix(floats(levers), how, limits, below=math.inf)
    assert without.precisions == with_curve.precisions
    assert without.content == with_curve.content
    assert len(made) - count <= count + 2


def test_files_are_few_where_much_is_raised() -> None:
    names = [f"n{number}" for number in range(40)]
    made: list[Precisions] = []

    def make(precisions: Precisions) -> bytes:
        made.append(precisions)
        return file(16)

    how = tools(make, measured(dict.fromkeys(names, 0.001), made))
    found = mixing.mix(floats(names), how, FidelityLimits(min_cosine=0.9999), below=math.inf)
    assert len(found.precisions) == 40
    assert len(made) <= 1 + 40 + 12 + 39  # all, each alone, some on the way, and each but one again


def test_what_would_be_too_dear_is_not_looked_for() -> None:
    """Each alone is tried, for some may save instructions."""
    made: list[Precisions] = []

    def make(precisions: Precisions) -> bytes:
        made.append(precisions)
        return layers(2 + len(precisions))

    how = tools(make, measured(dict.fromkeys("abc", 0.001), made))
    below = delegation.estimate(layers(2))
    found = mixing.mix(floats("abc"), how, FidelityLimits(min_cosine=0.9999), below=below)
    assert (len(made), found.precisions) == (4, {})
    assert mixing.mix(
        floats("abc"), how, FidelityLimits(min_cosine=0.9999), below=2 * below
    ).precisions


def test_of_two_that_harm_alike_the_cheaper_one_is_in_float() -> None:
    def make(spared: Precisions) -> bytes:
        return file(16 + 64 * ("dear" in spared) + 16 * ("cheap" in spared))

    cosines = {file(16): 0.9, file(32): 0.999, file(80): 0.9995}
    measure = tools(make, lambda content: nears(cosines[content]))
    found = mixing.mix(floats(["dear", "cheap"]), measure, FidelityLimits(min_cosine=0.998))
    assert found.precisions == {"cheap": "float32"}
    assert found.content == file(32)


def outlier(folder: Path, width: int = WIDTH) -> Path:
    """Three dense layers; a channel between the last two is far larger than the others."""
    draw, builder = np.random.default_rng(1), Builder()
    weights = [draw.normal(size=(width, width)) / 4 for _ in range(3)]
    weights[1][0] *= FACTOR
    weights[2][:, 0] /= FACTOR
    value = source = builder.tensor((1, width), name="source")
    for number, matrix in enumerate(weights):
        kernel = builder.tensor((width, width), values=matrix, name=f"kernel{number}")
        bias = builder.tensor((width,), values=np.zeros(width), name=f"bias{number}")
        result = builder.tensor((1, width), name=f"dense{number}")
        builder.op("FULLY_CONNECTED", [value, kernel, bias], [result])
        value = result
    return builder.write(folder / "outlier.tflite", [source], [value])


def made(folder: Path, name: str, **said: object) -> ConvertedFiles:
    return made_of(outlier(folder), SAMPLES, name, **said)


def made_of(model: Path, samples: Samples, name: str, **said: object) -> ConvertedFiles:
    np.save(model.parent / "samples.npy", samples)
    said |= {"calibration": str(model.parent / "samples.npy"), "rewrite": "as-is"}
    return tflconv.convert(model, [name], model.parent / name, **said)  # type: ignore[arg-type]


def test_the_layers_around_an_outlier_stay_in_float_and_the_others_do_not(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="not close"):
        whole = made(tmp_path, "static_wi8_ai8")
    mixed = made(tmp_path, MIXED)
    assert (whole.fidelity[0].cosine or 0) < 0.99
    assert (mixed.fidelity[0].cosine or 0) >= CLOSE
    choice = mixed.choices[0]
    assert choice.precisions == {"dense1": "float32", "dense2": "float32"}
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


def test_what_is_not_needed_is_lowered_again() -> None:
    """Alone ``lever`` helps most, but together the other two are enough."""
    closeness = {
        (): 0.9, ("lever",): 0.95, ("one",): 0.93, ("two",): 0.92,
        ("lever", "one"): 0.96, ("one", "two"): 0.999, ("lever", "one", "two"): 0.9995,
        ("lever", "two"): 0.95,
    }  # fmt: skip
    last: list[tuple[str, ...]] = []

    def make(precisions: Precisions) -> bytes:
        last.append(tuple(sorted(precisions)))
        return file(16)

    measure = tools(make, lambda _: nears(closeness[last[-1]]))
    found = mixing.mix(floats(["lever", "one", "two"]), measure, FidelityLimits(min_cosine=0.998))
    assert set(found.precisions) == {"one", "two"}
    assert [(p.activation, p.precision) for p in found.curve[1:]] == [
        ("lever", "float32"), ("one", "float32"), ("two", "float32"), ("lever", "int8"),
    ]  # fmt: skip


@given(
    st.dictionaries(st.sampled_from("abcdef"), st.floats(1e-4, 0.1), min_size=1),
    st.floats(0.9, 0.999),
)
def test_layers_get_four_bits_while_the_file_stays_close(
    harm: dict[str, float], least: float
) -> None:
    last: list[Precisions] = []

    def make(precisions: Precisions) -> bytes:
        last.append(precisions)
        return file(48 - 2 * len(precisions))

    def measure(_: bytes) -> Fidelity:
        return nears(1 - sum(harm[name] for name in last[-1]))

    levers = Levers(activations={}, layers=tuple(harm))
    found = mixing.mix(levers, tools(make, measure), FidelityLimits(min_cosine=least))
    assert set(found.precisions.values()) <= {"int4"}
    assert all(point.cosine >= least for point in found.curve)
    sizes = [point.bytes for point in found.curve]
    assert sizes == sorted(sizes, reverse=True)
    left = [h for name, h in harm.items() if name not in found.precisions]
    assert all(found.curve[-1].cosine - h < least for h in left)


def test_an_operator_without_the_precision_is_passed_over() -> None:
    def make(precisions: Precisions) -> bytes:
        if "softmax" in precisions:
            raise TflconvError("no int16 SOFTMAX.")
        return file(32 if precisions else 16)

    levers = Levers(activations={n: [n] for n in ("softmax", "dense")}, finer="int16")
    cosines = {file(16): 0.9, file(32): 0.999}
    measure = tools(make, lambda content: nears(cosines[content]))
    found = mixing.mix(levers, measure, FidelityLimits(min_cosine=0.998))
    assert found.precisions == {"dense": "int16"}
    assert str(found.curve[-1]).startswith("dense in int16: ")


def test_a_drop_decides_where_it_has_a_limit() -> None:
    """Calibration samples rank; the labelled pictures say when it is enough."""
    judged: list[int] = []

    def make(precisions: Precisions) -> bytes:
        return file(16 * (1 + len(precisions)))

    def rank(content: bytes) -> Fidelity:
        return nears(0.5)

    def judge(content: bytes) -> Fidelity:
        judged.append(len(content))
        correct = {file(16): 90, file(32): 97, file(48): 99}[content]
        return replace(
            nears(0.5), drop=Drop(source="x", pictures=100, reference_correct=100, correct=correct)
        )

    found = mixing.mix(
        floats("abc"),
        mixing.Tools(make=make, rank=rank, judge=judge),
        FidelityLimits(max_drop=0.01),
    )
    assert len(found.precisions) == 2
    assert [point.drop for point in found.curve] == [0.1, 0.03, 0.01]
    assert "1.00 points lost" in str(found.curve[-1])


def test_four_bit_weights_and_int16_are_in_the_file(tmp_path: Path) -> None:
    samples = np.random.default_rng(0).normal(size=(32, 64)).astype(np.float32)
    model = outlier(tmp_path, width=64)
    small = made_of(model, samples, "mixed_wi4_ai8", min_cosine=0.95)
    kinds = [t.type for t in packing.unpack(small[0].read_bytes()).subgraphs[0].tensors]
    assert small.choices[0].precisions
    chosen = [*small.choices[0].precisions.values()]
    assert kinds.count(fb.TensorType.INT4) == chosen.count("int4") > 0
    assert (small.fidelity[0].cosine or 0) >= 0.95
    with pytest.warns(UserWarning, match="slower than float"):
        wide = made(tmp_path, "mixed_wi8_ai16")
    kinds = [t.type for t in packing.unpack(wide[0].read_bytes()).subgraphs[0].tensors]
    assert fb.TensorType.INT16 in kinds
    assert set(wide.choices[0].precisions.values()) == {"int16"}
    whole, *_, last = wide.choices[0].curve
    assert last.cosine > 0.9 > whole.cosine
    assert last.instructions > whole.instructions


def half_of(content: bytes) -> list[tuple[bytes, bytes]]:
    """The metadata by which a file computes in half precision, as XNNPACK reads them."""
    model = packing.unpack(content)
    return [
        (each.name, bytes(model.buffers[each.buffer].data))
        for each in half_precision.entries(model)
    ]


def test_half_precision_is_of_the_weights_and_of_the_arithmetic(tmp_path: Path) -> None:
    """Weights of the operators in float take half the bytes, and the file lets cores compute so."""
    samples = np.random.default_rng(0).normal(size=(32, 64)).astype(np.float32)
    model = outlier(tmp_path, width=64)
    said = {"strip": True, "with_card": False}
    floats, halves = (made_of(model, samples, n, **said) for n in (MIXED, "mixed_wi8_afp16"))
    choice, spared = halves.choices[0], floats.choices[0].spared
    assert dict.fromkeys(spared, "float16") == choice.precisions
    assert choice.spared == spared
    assert "in half precision: " in str(choice.curve[-1])
    sizes = [each[0].stat().st_size for each in (floats, halves)]
    saved = len(spared) * 64 * 64 * 2
    assert saved * 0.8 < sizes[0] - sizes[1] < saved
    kinds = [t.type for t in packing.unpack(halves[0].read_bytes()).subgraphs[0].tensors]
    assert kinds.count(fb.TensorType.FLOAT16) >= len(spared) > 0
    assert (halves.fidelity[0].cosine or 0) >= CLOSE
    assert half_of(halves[0].read_bytes()) == [(b"reduced_precision_support", b"fp16accfp16")]
    assert half_of(floats[0].read_bytes()) == []


def test_a_file_with_nothing_in_float_says_nothing_of_half_precision(tmp_path: Path) -> None:
    whole = made(tmp_path, "mixed_wi8_afp16", min_cosine=0.0)
    assert whole.choices[0].precisions == {}
    assert half_of(whole[0].read_bytes()) == []


def test_auto_is_mixed_where_int8_does_not_keep_what_is_asked_for(tmp_path: Path) -> None:
    loose = made(tmp_path, "auto", min_cosine=0.5)
    assert not loose.choices[0].recipe.is_mixed
    tight = made(tmp_path, "auto", min_cosine=0.998)
    choice = tight.choices[0]
    assert (tight.fidelity[0].cosine or 0) >= 0.998
    prices = choice.instructions
    assert any(name.startswith(MIXED) for name in prices)


@pytest.mark.parametrize("said", [0.5, "0.5", "1%", "-1pt"])
def test_a_drop_without_points_is_refused(tmp_path: Path, said: object) -> None:
    with pytest.raises(UsageError, match="is not a drop of accuracy"):
        made(tmp_path, MIXED, max_drop=said)
