"""What single operators of a ``.tflite`` file are as nodes of a network.

A network has a batch before everything else; a file has what its maker left of it, since most are
made for one picture. A tensor whose first side is not 1 gets a batch here, and axes move along; a
node of kind ``operator`` sees the shapes of the file.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast

import numpy as np

from tflconv.core.typing import Shape
from tflconv.network.nodes import Array, Node, NodeOptions
from tflconv.network.tflite.graph import MainGraph
from tflconv.tflite.arithmetic import Values
from tflconv.tflite.contents import Operator

if TYPE_CHECKING:
    from typing_extensions import Unpack

Step = tuple[Node, tuple[int, ...]]


@dataclass(frozen=True, kw_only=True, eq=False)
class Steps:
    """Nodes in a row that do what an operator does.

    Attributes:
        inputs: Tensors that the first of them takes.
        nodes: The nodes, without names and inputs; none where nothing is done.
    """

    inputs: tuple[int, ...]
    nodes: tuple[Node, ...]


def read(graph: MainGraph, operator: Operator) -> list[Steps]:
    """Return what ``operator`` does, for each of its outputs."""
    reader = _READERS.get(operator.name) if _is_float(graph, operator) else None
    steps = None if reader is None else reader(graph, operator)
    if steps is None or not graph.constants.keys().isdisjoint(steps.inputs):
        return [_as_it_is(graph, operator, place) for place in range(len(operator.outputs))]
    return [steps]


def _is_float(graph: MainGraph, operator: Operator) -> bool:
    """Whether it computes floats of floats, as all nodes but those of kind ``operator`` do."""
    ends = (*graph.varying(operator), *operator.outputs)
    return all("float" in graph.dtype(tensor) for tensor in ends)


def batched(shape: Shape) -> Shape:
    """Return ``shape`` with a batch of 1 before it, if it has none."""
    return shape if shape[:1] == (1,) else (1, *shape)


def _as_it_is(graph: MainGraph, operator: Operator, place: int) -> Steps:
    """A node that computes ``operator`` as the file says, for its output at ``place``."""
    constants = {
        position: graph.constants[tensor]
        for position, tensor in enumerate(operator.inputs)
        if tensor in graph.constants
    }
    node = _make(
        "operator",
        operator=replace(operator, index=graph.origins[operator.index]),
        constants=constants,
        place=place,
        shapes=tuple(graph.shape(tensor) for tensor in graph.varying(operator)),
        shape=batched(graph.shape(operator.outputs[place]))[1:],
    )
    return Steps(inputs=tuple(graph.varying(operator)), nodes=(node,))


def _make(
    kind: str, weights: dict[str, Values] | None = None, **options: Unpack[NodeOptions]
) -> Node:
    arrays = {key: np.asarray(value, np.float32) for key, value in (weights or {}).items()}
    return Node(name="", kind=kind, weights=arrays, options=options)


def _weight(graph: MainGraph, operator: Operator, place: int) -> Array | None:
    """The constant input at ``place`` as floats; None if it is left out or varies."""
    tensor = operator.inputs[place] if place < len(operator.inputs) else -1
    return np.asarray(graph.constants[tensor], np.float32) if tensor in graph.constants else None


def _bias(graph: MainGraph, operator: Operator, size: int) -> Array | None:
    """The constant bias, zeros where there is none; None if it varies."""
    given = len(operator.inputs) > 2 and operator.inputs[2] >= 0
    return _weight(graph, operator, 2) if given else np.zeros(size, np.float32)


def _option(operator: Operator, name: str) -> int:
    return int(cast(int, operator.options.get(name) or 0))


def _axis(shape: Shape, axis: int) -> int:
    """``axis`` of ``shape`` in the shape with a batch."""
    return axis % len(shape) + len(batched(shape)) - len(shape)


def _shaped(graph: MainGraph, operator: Operator, made: Shape) -> tuple[Node, ...]:
    """A reshape of ``made``, a shape with batch, to that of the output; nothing if it is that."""
    wanted = batched(graph.shape(operator.outputs[0]))
    return () if made == wanted else (_make("reshape", shape=wanted[1:]),)


def _sliding(operator: Operator) -> NodeOptions:
    return {
        "strides": (_option(operator, "strideH"), _option(operator, "strideW")),
        "padding": _PADDINGS[_option(operator, "padding")],
        "dilation": (
            _option(operator, "dilationHFactor") or 1, _option(operator, "dilationWFactor") or 1
        ),
    }  # fmt: skip


_PADDINGS = ("SAME", "VALID")


def _is_picture(graph: MainGraph, operator: Operator) -> bool:
    """Whether the first input is one picture, and not several, such as windows of one."""
    shape = graph.shape(operator.inputs[0])
    return len(shape) == 4 and shape[0] == 1


def _conv(graph: MainGraph, operator: Operator) -> Steps | None:
    kernel, channels = _weight(graph, operator, 1), graph.shape(operator.inputs[0])[-1]
    if kernel is None or not _is_picture(graph, operator):
        return None
    if kernel.shape[-1] != channels:
        return _grouped(graph, operator, kernel, channels)
    bias = _bias(graph, operator, len(kernel))
    if bias is None:
        return None
    weights: dict[str, Values] = {"kernel": kernel.transpose(1, 2, 3, 0), "bias": bias}
    return Steps(inputs=operator.inputs[:1], nodes=(_make("conv", weights, **_sliding(operator)),))


def _grouped(graph: MainGraph, operator: Operator, kernel: Array, channels: int) -> Steps | None:
    """A convolution with one group per channel, which is depthwise."""
    if kernel.shape[-1] != 1 or len(kernel) % channels:
        return None
    return _channelwise(graph, operator, kernel.transpose(3, 1, 2, 0))


def _depthwise(graph: MainGraph, operator: Operator) -> Steps | None:
    kernel = _weight(graph, operator, 1)
    if kernel is None or not _is_picture(graph, operator):
        return None
    return _channelwise(graph, operator, kernel)


def _channelwise(graph: MainGraph, operator: Operator, kernel: Array) -> Steps | None:
    """A depthwise convolution with a kernel ``[1, height, width, channels * multiplier]``."""
    channels = graph.shape(operator.inputs[0])[-1]
    bias, options = _bias(graph, operator, kernel.shape[-1]), _sliding(operator)
    if bias is None or (max(options["strides"]) > 1 and max(options["dilation"]) > 1):
        return None
    kernel = kernel.reshape(*kernel.shape[1:3], channels, -1)
    node = _make("depthwise", {"kernel": kernel, "bias": bias}, **options)
    return Steps(inputs=operator.inputs[:1], nodes=(node,))


def _dense(graph: MainGraph, operator: Operator) -> Steps | None:
    kernel, shape = _weight(graph, operator, 1), batched(graph.shape(operator.inputs[0]))
    if kernel is None:
        return None
    bias = _bias(graph, operator, len(kernel))
    if bias is None:
        return None
    nodes = [_make("dense", {"kernel": kernel.T, "bias": bias})]
    if shape[-1] != kernel.shape[1]:
        shape = (1, int(np.prod(shape)) // kernel.shape[1], kernel.shape[1])
        nodes.insert(0, _make("reshape", shape=shape[1:]))
    shape = (*shape[:-1], len(kernel))
    return Steps(inputs=operator.inputs[:1], nodes=(*nodes, *_shaped(graph, operator, shape)))


def _matmul(graph: MainGraph, operator: Operator) -> Steps | None:
    if len(graph.varying(operator)) != 2 or operator.options.get("adjX"):
        return None
    ranks = {len(batched(graph.shape(tensor))) for tensor in operator.inputs}
    if len(ranks) > 1 or batched(graph.shape(operator.inputs[0]))[0] != 1:
        return None
    node = _make("matmul", transpose_right=bool(operator.options.get("adjY")))
    return Steps(inputs=operator.inputs, nodes=(node,))


def _added(graph: MainGraph, operator: Operator) -> Steps | None:
    return _elementwise(graph, operator, "add", shift=lambda constant: constant)


def _multiplied(graph: MainGraph, operator: Operator) -> Steps | None:
    return _elementwise(graph, operator, "mul", scale=lambda constant: constant)


def _subtracted(graph: MainGraph, operator: Operator) -> Steps | None:
    if operator.inputs[0] in graph.constants:
        return None
    return _elementwise(graph, operator, None, shift=lambda constant: -constant)


def _divided(graph: MainGraph, operator: Operator) -> Steps | None:
    if operator.inputs[0] in graph.constants:
        return None
    return _elementwise(graph, operator, None, scale=np.reciprocal)


def _elementwise(
    graph: MainGraph,
    operator: Operator,
    kind: str | None,
    *,
    scale: Callable[[Array], Array] | None = None,
    shift: Callable[[Array], Array] | None = None,
) -> Steps | None:
    """An affine node where one input is constant, else a node of ``kind``."""
    varying = graph.varying(operator)
    if len(varying) == 2:
        alike = len({len(batched(graph.shape(tensor))) for tensor in varying}) == 1
        if kind is None or not alike:
            return None
        return Steps(inputs=operator.inputs, nodes=(_make(kind),))
    constants = [graph.constants[t] for t in operator.inputs if t in graph.constants]
    if not constants or not varying:  # it adds the state that an operator keeps
        return None
    values = np.atleast_1d(np.asarray(constants[0], np.float32))
    came, made = (batched(graph.shape(each)) for each in (varying[0], operator.outputs[0]))
    if graph.dtype(varying[0]) != "float32" or made != came:  # or it is repeated for the constant
        return None
    weights: dict[str, Values] = {
        "scale": np.ones(1) if scale is None else scale(values),
        "shift": np.zeros(1) if shift is None else shift(values),
    }
    return Steps(inputs=tuple(varying), nodes=(_make("affine", weights),))


def _mean(graph: MainGraph, operator: Operator) -> Steps | None:
    axes, shape = graph.constants.get(operator.inputs[1]), graph.shape(operator.inputs[0])
    if axes is None:
        return None
    places = tuple(sorted({_axis(shape, int(axis)) for axis in np.ravel(axes)}))
    if 0 in places:
        return None
    keep = bool(operator.options.get("keepDims"))
    full = batched(shape)
    made = tuple(1 if axis in places else side for axis, side in enumerate(full))
    if not keep:
        made = tuple(side for axis, side in enumerate(full) if axis not in places)
    node = _make("mean", axes=places, keep=keep)
    return Steps(inputs=operator.inputs[:1], nodes=(node, *_shaped(graph, operator, made)))


def _pool(function: str) -> Callable[[MainGraph, Operator], Steps | None]:
    def read_pool(graph: MainGraph, operator: Operator) -> Steps | None:
        if not _is_picture(graph, operator):
            return None
        node = _make(
            "pool",
            function=function,
            size=(_option(operator, "filterHeight"), _option(operator, "filterWidth")),
            strides=(_option(operator, "strideH"), _option(operator, "strideW")),
            padding=_PADDINGS[_option(operator, "padding")],
        )
        return Steps(inputs=operator.inputs, nodes=(node,))

    return read_pool


def _pad(graph: MainGraph, operator: Operator) -> Steps | None:
    borders = graph.constants.get(operator.inputs[1])
    value = _weight(graph, operator, 2)
    if borders is None or not _is_picture(graph, operator) or (value is not None and value.any()):
        return None
    sides = [(int(before), int(after)) for before, after in borders]
    if any(sides[0]) or any(sides[3]):
        return None
    node = _make("pad", borders=(sides[1], sides[2]))
    return Steps(inputs=operator.inputs[:1], nodes=(node,))


def _reshaped(graph: MainGraph, operator: Operator) -> Steps:
    varying = graph.varying(operator)[:1]
    made = batched(graph.shape(varying[0]))
    return Steps(inputs=tuple(varying), nodes=_shaped(graph, operator, made))


def _transposed(graph: MainGraph, operator: Operator) -> Steps | None:
    """A transpose of the sides that are longer than 1, among which the batch is not."""
    order, shape = graph.constants.get(operator.inputs[1]), graph.shape(operator.inputs[0])
    if order is None:
        return None
    long = [axis for axis, side in enumerate(shape) if side > 1]
    moved = [long.index(int(axis)) + 1 for axis in order if int(axis) in long]
    if moved == sorted(moved):
        return _reshaped(graph, operator)
    flat = (1, *(shape[axis] for axis in long))
    ahead = () if batched(shape) == flat else (_make("reshape", shape=flat[1:]),)
    made = (1, *(flat[axis] for axis in moved))
    node = _make("transpose", axes=(0, *moved))
    return Steps(inputs=operator.inputs[:1], nodes=(*ahead, node, *_shaped(graph, operator, made)))


def _concat(graph: MainGraph, operator: Operator) -> Steps | None:
    axis = _axis(graph.shape(operator.outputs[0]), _option(operator, "axis"))
    varying = graph.varying(operator)
    ranks = {len(batched(graph.shape(t))) for t in (*operator.inputs, *operator.outputs)}
    if len(ranks) > 1 or axis == 0:
        return None
    if len(varying) == len(operator.inputs):
        return Steps(inputs=operator.inputs, nodes=(_make("concat", axis=axis),))
    first, shapes = _weight(graph, operator, 0), [graph.shape(t) for t in operator.inputs]
    if len(shapes) != 2 or axis != 1 or len(shapes[1]) != 3 or shapes[0][:2] != (1, 1):
        return None
    if first is None:
        return None
    return Steps(inputs=tuple(varying), nodes=(_make("token", {"token": first[0]}),))


def _crop(graph: MainGraph, operator: Operator) -> Steps | None:
    """A crop where only tokens are left out, which come right after the batch."""
    shape = batched(graph.shape(operator.inputs[0]))
    positions = np.arange(np.prod(shape)).reshape(graph.shape(operator.inputs[0]))
    try:
        taken = graph.compute([operator], {operator.inputs[0]: positions})[operator.outputs[0]]
    except (KeyError, ValueError):
        return None
    length = int(np.prod(shape[2:]))
    begin, count = int(taken.ravel()[0]) // length, taken.size // length
    whole = np.arange(begin * length, (begin + count) * length)
    if len(shape) < 3 or taken.size != len(whole) or (taken.ravel() != whole).any():
        return None
    node = _make("crop", begin=begin, end=begin + count)
    made = (1, count, *shape[2:])
    return Steps(inputs=operator.inputs[:1], nodes=(node, *_shaped(graph, operator, made)))


def _softmax(_: MainGraph, operator: Operator) -> Steps | None:
    if operator.options.get("beta") != 1.0:
        return None
    return Steps(inputs=operator.inputs, nodes=(_make("activation", function="softmax"),))


def _gelu(_: MainGraph, operator: Operator) -> Steps:
    function = "gelu_tanh" if operator.options.get("approximate") else "gelu"
    return Steps(inputs=operator.inputs, nodes=(_make("activation", function=function),))


def _activation(function: str) -> Callable[[MainGraph, Operator], Steps | None]:
    return lambda _, operator: Steps(
        inputs=operator.inputs, nodes=(_make("activation", function=function),)
    )


_READERS: dict[str, Callable[[MainGraph, Operator], Steps | None]] = {
    "ADD": _added,
    "AVERAGE_POOL_2D": _pool("average"),
    "BATCH_MATMUL": _matmul,
    "CONCATENATION": _concat,
    "CONV_2D": _conv,
    "DEPTHWISE_CONV_2D": _depthwise,
    "DIV": _divided,
    "EXPAND_DIMS": _reshaped,
    "FULLY_CONNECTED": _dense,
    "GELU": _gelu,
    "HARD_SWISH": _activation("hard_swish"),
    "LOGISTIC": _activation("sigmoid"),
    "MAX_POOL_2D": _pool("max"),
    "MEAN": _mean,
    "MUL": _multiplied,
    "PAD": _pad,
    "PADV2": _pad,
    "RELU": _activation("relu"),
    "RELU6": _activation("relu6"),
    "RESHAPE": _reshaped,
    "SLICE": _crop,
    "SOFTMAX": _softmax,
    "SQUEEZE": _reshaped,
    "STRIDED_SLICE": _crop,
    "SUB": _subtracted,
    "TANH": _activation("tanh"),
    "TRANSPOSE": _transposed,
}
"""Readers of operators; None from one means that it is used in a way that no node has."""
