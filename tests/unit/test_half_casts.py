"""A detour through half precision is left out, unless somebody wants the half."""

from __future__ import annotations

from ai_edge_litert import schema_py_generated as fb
from tiny_graphs import FLOAT, HALF, Builder

from tflconv.tflite import editing, half_casts, packing


def kinds(model: fb.ModelT) -> list[str]:
    return [name for _, _, name in editing.operators(model)]


def chain(*types: int, also: int | None = None) -> fb.ModelT:
    """A RELU, casts through ``types``, and a RELU; ``also`` is the cast whose value is given."""
    builder = Builder()
    source, first = builder.tensor((1, 4)), builder.tensor((1, 4))
    builder.op("RELU", [source], [first])
    ends = [first]
    for dtype in types:
        ends.append(builder.tensor((1, 4), dtype))
        builder.op("CAST", ends[-2:-1], ends[-1:])
    target = builder.tensor((1, 4))
    builder.op("RELU", ends[-1:], [target])
    more = [] if also is None else [ends[also]]
    return packing.unpack(builder.content([source], [target, *more]))


def test_a_detour_is_left_out_however_often() -> None:
    for times in (1, 2, 3):
        model = chain(*(HALF, FLOAT) * times)
        half_casts.drop_half_casts(model)
        assert kinds(model) == ["RELU", "RELU"]
        first, second = model.subgraphs[0].operators
        assert list(second.inputs) == list(first.outputs)


def test_what_somebody_wants_stays() -> None:
    model = chain(HALF, FLOAT, also=1)
    half_casts.drop_half_casts(model)
    assert kinds(model) == ["RELU", "CAST", "RELU"]
    model = chain(HALF, FLOAT, also=2)
    half_casts.drop_half_casts(model)
    assert kinds(model) == ["RELU", "CAST", "CAST", "RELU"]


def test_other_casts_stay() -> None:
    integers = fb.TensorType.INT32
    model = chain(integers, FLOAT)
    half_casts.drop_half_casts(model)
    assert kinds(model) == ["RELU", "CAST", "CAST", "RELU"]
