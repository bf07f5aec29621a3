"""What a file may leave in float, so that it becomes close to the float model.

A selective file: first the last layer, whose rounding nothing evens out, and those that read the
input, because all else is made of what they say. Then the products of attention, those first that
rounding of operands and result changes most, measured for the multiply-adds that they have. A layer
that is left keeps its 8-bit weights; its activations get their ranges at run time, each row its
own. The last layer is left in any case where it reads one row that is float: that costs nothing.

A file that is int8 as a whole: what is computed after the last layer but one, such as the mean of
an image and the scores, where the last layer is small.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import replace

import numpy as np
from ai_edge_litert import schema_py_generated as fb
from numpy.typing import NDArray

from tflconv.conversion import selection
from tflconv.conversion.calibration import Calibration, TensorRanges, observe
from tflconv.conversion.correcting import last_layer
from tflconv.conversion.extremes import Ends
from tflconv.conversion.quantization import MATRIX_OPS, SMALLEST_WEIGHT
from tflconv.conversion.selection import FILTERS
from tflconv.tflite import editing, packing
from tflconv.tflite.wiring import WiredOperator, Wiring

_SAMPLES = 8
_STEPS = 255
_MOVING = ("RESHAPE", "TRANSPOSE")

Values = NDArray[np.float32]


def ordered(
    content: bytes, ranges: TensorRanges, calibration: Calibration, spared: Collection[str] = ()
) -> tuple[str, ...]:
    """Return what may be left in float by the names of results, what is worth most first.

    Args:
        content: A float ``.tflite`` file.
        ranges: Ranges of its activations.
        calibration: Samples to run it with.
        spared: What stays in float in any case, as for ``selection.selected``.
    """
    model = packing.unpack(content)
    products = {step.makes[0]: step for step in selection.products(model, spared)}
    errors = _errors(content, products, selection.fit(model, ranges, spared), calibration)
    by_harm = sorted(products, key=lambda name: -errors[name])
    first = [name for name in ends(model) if name not in spared]
    return (*first, *(_quotient(model, name) for name in by_harm))


def ends(model: fb.ModelT) -> tuple[str, ...]:
    """Return the results of the last layer and of those that read the input.

    Args:
        model: A float model.
    """
    wiring = Wiring(model)
    layers_in_order = [step for step in wiring.steps if step.kind in MATRIX_OPS]
    first = [step for step in layers_in_order if _comes_from(wiring, step.reads[0], ())]
    return tuple(dict.fromkeys(step.makes[0] for step in (*layers_in_order[-1:], *first)))


def free(model: fb.ModelT, spared: Collection[str] = ()) -> frozenset[str]:
    """Return what costs nothing in float: the result of a last layer that reads one row of floats.

    Args:
        model: A float model.
        spared: What stays in float in any case, as for ``selection.selected``.
    """
    last = last_layer(model)
    if last is None or _rows(model, last) > 1:
        return frozenset()
    source, result = editing.names(model.subgraphs[0], [last.inputs[0], last.outputs[0]])
    return frozenset() if source in selection.integers(model, spared) else frozenset({result})


def small(model: fb.ModelT) -> frozenset[str]:
    """Return what is in float where bytes count, for conversions to integers and back take many.

    Those are the results of products of activations, and of dense layers that read one or the
    input, which get their ranges at run time.

    Args:
        model: A float model.
    """
    wiring = Wiring(model)
    products = frozenset(step.makes[0] for step in selection.products(model))
    layers = [step for step in wiring.steps if step.kind == "FULLY_CONNECTED"]
    return products.union(
        step.makes[0] for step in layers if _comes_from(wiring, step.reads[0], products)
    )


def tail(model: fb.ModelT) -> tuple[str, ...]:
    """Return the results after the last layer but one, from the end, where the last one is small.

    Args:
        model: A float model.
    """
    results: list[str] = []
    last: WiredOperator | None = None
    for step in reversed(Wiring(model).steps):
        if step.kind in FILTERS:
            if last is not None or _weights(model, step) >= SMALLEST_WEIGHT:
                break
            last = step
        results.append(step.makes[0])
    return tuple(results) if last is not None else ()


def layers(model: fb.ModelT, names: Collection[str]) -> dict[str, list[str]]:
    """Return those of ``names`` that are results of layers, by the kind of operator."""
    by_kind: dict[str, list[str]] = {}
    for step in Wiring(model).steps:
        if step.kind in MATRIX_OPS and step.makes[0] in names:
            by_kind.setdefault(step.kind, []).append(step.makes[0])
    return by_kind


def _comes_from(wiring: Wiring, name: str, chosen: Collection[str]) -> bool:
    """Whether it is the input or one of ``chosen``, or is made of them by moving values alone."""
    maker = wiring.maker(name)
    if maker is None or name in chosen:
        return True
    moves = maker.kind in (*_MOVING, "CONCATENATION")
    return moves and all(_comes_from(wiring, each, chosen) for each in maker.reads)


def _rows(model: fb.ModelT, layer: fb.OperatorT) -> int:
    return math.prod(map(int, model.subgraphs[0].tensors[int(layer.outputs[0])].shape[:-1]))


def _weights(model: fb.ModelT, step: WiredOperator) -> int:
    kernel = model.subgraphs[0].tensors[int(step.operator.inputs[1])]
    return math.prod(map(int, kernel.shape))


def _quotient(model: fb.ModelT, name: str) -> str:
    """What a product is called after the division by the sums of its left operand."""
    reader = Wiring(model).only_reader(name)
    return reader.makes[0] if reader is not None and reader.kind == "DIV" else name


def _errors(
    content: bytes,
    products: Mapping[str, WiredOperator],
    ranges: TensorRanges,
    calibration: Calibration,
) -> dict[str, float]:
    """The square error of each product as a share of its squares, per multiply-add."""
    first = replace(calibration, inputs=tuple(each[:_SAMPLES] for each in calibration.inputs))
    names = {name for step in products.values() for name in (*step.reads, *step.makes)}
    wrong, right, work = (dict.fromkeys(products, 0.0) for _ in range(3))
    for sample in observe(content, first, names):
        values = {name: each.copy() for name, each in sample}
        for name, step in products.items():
            left, other = (_rounded(values[each], ranges[each]) for each in step.reads)
            if getattr(step.operator.builtinOptions, "adjY", False):
                other = other.swapaxes(-1, -2)
            made = _rounded(left @ other, ranges[name])
            wrong[name] += float(np.square(made - values[name]).sum())
            right[name] += float(np.square(values[name]).sum())
            work[name] += math.prod(made.shape) * left.shape[-1]
    return {name: wrong[name] / ((right[name] or 1.0) * work[name]) for name in products}


def _rounded(values: Values, ends: Ends) -> Values:
    """What 256 steps from one of ``ends`` to the other make of ``values``."""
    low, high = min(0.0, ends["min"].item()), max(0.0, ends["max"].item())
    step = (high - low) / _STEPS or 1.0
    return np.asarray(np.rint(values.clip(low, high) / step) * step, np.float32)
