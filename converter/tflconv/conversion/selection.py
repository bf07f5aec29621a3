"""Which operators of a rewritten float file a selective recipe computes in integers.

The products are: fully connected layers, convolutions, and matrix products of two activations, as
attention has them. What stands between products and only hands integers on is carried along, for a
way through float would cost more than it saves. All else stays in float, softmax among it: LiteRT's
int8 SOFTMAX has the fixed step 1/256, which rounds a flat row of many tokens to zero.

XNNPACK takes an integer product of two activations only if its right operand has the zero point 0,
so the range of that operand is made symmetric.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator

import numpy as np
from ai_edge_litert import schema_py_generated as fb

from tflconv.conversion.calibration import TensorRanges
from tflconv.conversion.extremes import Ends
from tflconv.network.symmetric import symmetric_ends
from tflconv.tflite.dividing import PRODUCT, divided_by
from tflconv.tflite.wiring import WiredOperator, Wiring

FILTERS = ("FULLY_CONNECTED", "CONV_2D", "DEPTHWISE_CONV_2D")
"""Operators with trained weights, which selective recipes compute in integers in every file."""

UPWARDS = "TRANSPOSE_CONV"
_FEWEST_CHANNELS, _FEWEST_PRODUCTS = 3, 128
"""What an integer TRANSPOSE_CONV must have, and multiply per pixel that it makes: XNNPACK has float
kernels of two channels, but integers always fill sixteen."""

_CARRIED = (
    "ADD", "CONCATENATION", "MAX_POOL_2D", "MEAN", "MUL", "PAD", "RESHAPE", "STRIDED_SLICE",
    "TRANSPOSE",
)  # fmt: skip
_MOVING = ("RESHAPE", "TRANSPOSE")
_SATURATED = "RELU"

_LARGEST_SUM = 1.125
"""Rounded weights of a row add up to less."""

_HEADROOM = 1 + 1 / 16
"""What is divided by a sum may be as much larger than in float as most sums are larger than 1."""

_SHARES = ("LOGISTIC", "SOFTMAX")
"""Operators whose results lie between 0 and 1, whatever range is foreseen for them."""

Makes = tuple[str, ...]


class _Products(Wiring):
    """A graph whose layers and products stay in float where they are ``spared``.

    They are named by their results, or products by a softmax that is their left operand.
    """

    def __init__(self, model: fb.ModelT, spared: Collection[str]) -> None:
        super().__init__(model)
        self.spared = spared
        self.upwards = frozenset(upwards(model))

    def multiplies(self, step: WiredOperator) -> bool:
        """Return whether it is a product of two activations, the left one as it is."""
        transposes = bool(getattr(step.operator.builtinOptions, "adjX", False))
        two = step.kind == PRODUCT and len(step.reads) == 2
        return two and not transposes and not self.spares(step)

    def spares(self, step: WiredOperator) -> bool:
        """Return whether it stays in float."""
        return step.makes[0] in self.spared or (
            step.kind == PRODUCT and step.reads[0] in self.spared
        )


def selected(model: fb.ModelT, spared: Collection[str] = ()) -> dict[str, list[str]]:
    """Return the results of products of activations and of what is carried along, by operator.

    Args:
        model: A float model.
        spared: What stays in float: results of layers and of products, or the left operands of
            the latter.
    """
    by_kind: dict[str, list[str]] = {}
    for step in _integer_steps(_Products(model, spared)):
        if step.kind not in FILTERS:
            by_kind.setdefault(step.kind, []).append(step.makes[0])
    return by_kind


def upwards(model: fb.ModelT) -> list[str]:
    """Return the results of the TRANSPOSE_CONV that take fewer instructions in integers.

    Args:
        model: A float model.
    """
    tensors, results = model.subgraphs[0].tensors, list[str]()
    for step in Wiring(model).steps:
        if step.kind == UPWARDS and step.reads:
            _, kernel, source = (tensors[int(i)].shape for i in step.operator.inputs[:3])
            pixels = math.prod(map(int, tensors[int(step.operator.outputs[0])].shape[:3]))
            products = math.prod(map(int, source)) * math.prod(map(int, kernel[:3]))
            if kernel[0] >= _FEWEST_CHANNELS and products >= _FEWEST_PRODUCTS * pixels:
                results.append(step.makes[0])
    return results


def integers(model: fb.ModelT, spared: Collection[str] = ()) -> frozenset[str]:
    """Return all results that are computed in integers.

    Args:
        model: A float model.
        spared: What stays in float, as for ``selected``.
    """
    steps = _integer_steps(_Products(model, spared))
    return frozenset(name for step in steps for name in step.makes)


def products(model: fb.ModelT, spared: Collection[str] = ()) -> list[WiredOperator]:
    """Return the products of two activations that are computed in integers.

    Args:
        model: A float model.
        spared: What stays in float, as for ``selected``.
    """
    wiring = _Products(model, spared)
    return [step for step in wiring.steps if wiring.multiplies(step)]


def users(model: fb.ModelT) -> dict[str, tuple[WiredOperator, ...]]:
    """Return the operators that make and read each activation, but for the inputs.

    What only moves values is passed: its result is the same activation.

    Args:
        model: A float model.
    """
    wiring = Wiring(model)
    return {
        step.makes[0]: (step, *_reading(wiring, step))
        for step in wiring.steps
        if step.reads and step.kind not in _MOVING
    }


def _reading(wiring: Wiring, step: WiredOperator) -> Iterator[WiredOperator]:
    for reader in wiring.readers(step.makes[0]):
        yield reader
        if reader.kind in _MOVING:
            yield from _reading(wiring, reader)


def fit(model: fb.ModelT, ranges: TensorRanges, spared: Collection[str] = ()) -> TensorRanges:
    """Return ``ranges`` as the kernels of products need them.

    The right operand of a product gets a symmetric range. A product that only a ReLU reads gets the
    range of the ReLU: what saturates is what the ReLU would cut off.

    Args:
        model: The float model that they were measured with.
        ranges: Ranges of its activations.
        spared: What stays in float, as for ``selected``.
    """
    wiring = _Products(model, spared)
    fitted = dict(ranges)
    for step in wiring.steps:
        if step.kind in _SHARES:
            ends = fitted[step.makes[0]]
            fitted[step.makes[0]] = {key: ends[key].clip(0, 1) for key in ends}
        if wiring.multiplies(step):
            for name in _moved_from(wiring, step.reads[1]):
                fitted[name] = _symmetric(fitted[name])
            relu = _only_relu(wiring, step)
            if relu is not None:
                fitted[step.makes[0]] = fitted[relu.makes[0]]
        product = divided_by(wiring, step)
        if product is not None:
            ends = fitted[product.makes[0]]
            fitted[product.makes[0]] = {key: ends[key] * _HEADROOM for key in ends}
            fitted[step.makes[0]] = _ends_like(fitted[step.makes[0]], 0, _LARGEST_SUM)
    return fitted


def _integer_steps(wiring: _Products) -> list[WiredOperator]:
    """The products, and the most that can be carried along: all its neighbours are among them."""
    chosen = {step.makes: step for step in wiring.steps if _may_be(wiring, step)}
    while True:
        kept = {makes: step for makes, step in chosen.items() if _stays(wiring, step, chosen)}
        if len(kept) == len(chosen):
            return list(kept.values())
        chosen = kept


def _may_be(wiring: _Products, step: WiredOperator) -> bool:
    if step.kind == _SATURATED:
        maker = wiring.maker(step.reads[0])
        return maker is not None and wiring.multiplies(maker) and _only_relu(wiring, maker) is step
    return step.kind in _CARRIED or _is_own(wiring, step)


def _stays(wiring: _Products, step: WiredOperator, chosen: Collection[Makes]) -> bool:
    """Whether it is a product, or all that it reads and all that read it are chosen.

    Padding needs only the latter: it has the range of what it pads.
    """
    if _is_own(wiring, step):
        return True
    makers = [wiring.maker(name) for name in step.reads]
    readers = [reader for name in step.makes for reader in wiring.readers(name)]
    handed = all(maker is None or maker.makes in chosen for maker in makers)
    handed = handed or step.kind == "PAD"
    read = bool(readers) and all(reader.makes in chosen for reader in readers)
    return handed and read and wiring.outputs.isdisjoint(step.makes)


def _is_own(wiring: _Products, step: WiredOperator) -> bool:
    """Whether it is in integers by its own right, and not because it is carried along."""
    if step.kind in FILTERS or step.makes[0] in wiring.upwards:
        return not wiring.spares(step)
    return wiring.multiplies(step) or divided_by(wiring, step) is not None


def _only_relu(wiring: _Products, product: WiredOperator) -> WiredOperator | None:
    reader = wiring.only_reader(product.makes[0])
    return reader if reader is not None and reader.kind == _SATURATED else None


def _moved_from(wiring: _Products, name: str) -> Iterator[str]:
    """``name``, and the activations that are moved to become it."""
    yield name
    maker = wiring.maker(name)
    if maker is not None and maker.kind in _MOVING:
        yield from _moved_from(wiring, maker.reads[0])


def _symmetric(ends: Ends) -> Ends:
    low, high = min(0.0, ends["min"].item()), max(0.0, ends["max"].item())
    return _ends_like(ends, *symmetric_ends(low, high, larger=max))


def _ends_like(ends: Ends, low: float, high: float) -> Ends:
    return {"min": np.full_like(ends["min"], low), "max": np.full_like(ends["max"], high)}
