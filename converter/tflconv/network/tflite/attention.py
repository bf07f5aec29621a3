"""Find attention in a graph: two products of activations with softmax or ReLU between them.

Between the layers that make queries, keys and values and the products lie reshapes, transposes,
splits and slices, another set in each exporter. What they do is found by sending numbers of
positions through them: a value of a product that holds position ``p`` came from there. If every
token stays in its place, each head owns some columns of the layers' weights, and the node
``attention`` says the same with those columns in order.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tflconv.network.nodes import Array, Node
from tflconv.network.tflite.graph import MainGraph, Region, is_closed
from tflconv.tflite import arithmetic
from tflconv.tflite.arithmetic import Values
from tflconv.tflite.contents import Operator

_SOFT = {"SOFTMAX": "softmax", "RELU": "relu"}
_LONGEST = 12

Positions = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, eq=False)
class Path:
    """The way of values from one tensor to another through operators that only move them.

    Attributes:
        start: The tensor at its beginning.
        end: The tensor at its end.
        operators: The operators, in the order of execution.
        factor: What the values are multiplied by on the way.
    """

    start: int
    end: int
    operators: tuple[Operator, ...]
    factor: float = 1.0

    def positions(self, graph: MainGraph) -> Positions:
        """Return the position in ``start`` that each value of ``end`` comes from."""
        shape = graph.shape(self.start)
        values: dict[int, Values] = {self.start: np.arange(np.prod(shape)).reshape(shape)}
        for operator in self.operators:
            (taken,) = graph.varying(operator)
            if arithmetic.moves(operator):
                values |= graph.compute([operator], {taken: values[taken]})
            else:
                values[operator.outputs[0]] = values[taken]
        return np.asarray(values[self.end], np.int64)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Projection:
    """A layer that makes queries, keys or values of tokens.

    Attributes:
        source: The tokens.
        kernel: ``[c, heads, size]``.
        bias: ``[heads, size]``.
        operators: The layer, and what moves its output.
    """

    source: int
    kernel: Array
    bias: Array
    operators: tuple[Operator, ...]


def find(graph: MainGraph) -> Iterator[Region]:
    """Yield the attentions in ``graph`` whose heads are columns of their layers."""
    for operator in graph.operators:
        if operator.name in _SOFT and operator.options.get("beta", 1.0) == 1.0:
            region = _around(graph, operator)
            if region is not None:
                yield region


def _around(graph: MainGraph, middle: Operator) -> Region | None:
    before = _back(graph, middle.inputs[0], "BATCH_MATMUL")
    after = _forth(graph, middle.outputs[0], "BATCH_MATMUL")
    if before is None or after is None or not _still(graph, after):
        return None
    scores, mixing = graph.producers[before.start], graph.consumers(after.end)[0]
    turned = _turned(graph, before)
    if not turned and not _still(graph, before):
        return None
    if after.factor != 1 and (middle.name == "SOFTMAX" or after.factor < 0):
        return None
    if mixing.inputs[0] != after.end or scores.options.get("adjX") or mixing.options.get("adjX"):
        return None
    left = _projected(graph, scores.inputs[0], transposed=False)
    right = _projected(graph, scores.inputs[1], transposed=not scores.options.get("adjY"))
    query, key = (right, left) if turned else (left, right)
    value = _projected(graph, mixing.inputs[1], transposed=bool(mixing.options.get("adjY")))
    leaving = _leaving(graph, mixing)
    if query is None or key is None or value is None or leaving is None:
        return None
    output, kernel, bias, ways = leaving
    heads, size = value.kernel.shape[1:]
    if kernel.shape[:2] != (heads, size) or query.kernel.shape[1:] != key.kernel.shape[1:]:
        return None
    inside = (*query.operators, *key.operators, *value.operators, *before.operators,
              *after.operators, *ways, scores, middle, mixing)  # fmt: skip
    if len(graph.shape(query.source)) != 3 or not is_closed(graph, inside, output):
        return None
    tokens = graph.shape(key.source)[1]
    factor = after.factor * (tokens if middle.name == "RELU" else 1)
    weights = {
        "query_kernel": query.kernel, "query_bias": query.bias,
        "key_kernel": key.kernel, "key_bias": key.bias,
        "value_kernel": value.kernel * factor, "value_bias": value.bias * factor,
        "output_kernel": kernel, "output_bias": bias,
    }  # fmt: skip
    node = Node(
        name="",
        kind="attention",
        options={"function": _SOFT[middle.name], "scale": before.factor},
    ).with_weights(**weights)
    return Region(
        node=node,
        inputs=(query.source, value.source, key.source),
        output=output,
        operators=frozenset(operator.index for operator in inside),
    )


def _back(graph: MainGraph, end: int, wanted: str) -> Path | None:
    """The way back from ``end`` to what an operator called ``wanted`` computed."""
    operators, tensor, factor = list[Operator](), end, 1.0
    while len(operators) < _LONGEST:
        operator = graph.producers.get(tensor)
        if operator is None:
            return None
        if operator.name == wanted:
            return Path(start=tensor, end=end, operators=tuple(operators[::-1]), factor=factor)
        step = _factor(graph, operator)
        if step is None:
            return None
        operators.append(operator)
        factor, (tensor,) = factor * step, graph.varying(operator)
    return None


def _forth(graph: MainGraph, start: int, wanted: str) -> Path | None:
    """The only way from ``start`` to an operator called ``wanted``."""
    operators, tensor, factor = list[Operator](), start, 1.0
    while len(operators) < _LONGEST:
        operator = graph.only_consumer(tensor)
        if operator is None:
            return None
        if operator.name == wanted:
            return Path(start=start, end=tensor, operators=tuple(operators), factor=factor)
        step = _factor(graph, operator)
        if step is None or len(operator.outputs) != 1:
            return None
        operators.append(operator)
        factor, tensor = factor * step, operator.outputs[0]
    return None


def _factor(graph: MainGraph, operator: Operator) -> float | None:
    """What ``operator`` multiplies by, 1 if it only moves values; None if it does anything else."""
    if len(graph.varying(operator)) != 1:
        return None
    if arithmetic.moves(operator):
        return 1.0
    number = graph.scalar(operator)
    if number is None:
        return None
    if operator.name == "MUL":
        return number
    divides = operator.name == "DIV" and operator.inputs[1] in graph.constants
    return 1 / number if divides and number else None


def _still(graph: MainGraph, path: Path) -> bool:
    """Whether every value stays where it is along ``path``."""
    positions = path.positions(graph)
    same = [side for side in graph.shape(path.start) if side != 1]
    kept = same == [side for side in graph.shape(path.end) if side != 1]
    return kept and bool((positions.ravel() == np.arange(positions.size)).all())


def _turned(graph: MainGraph, path: Path) -> bool:
    """Whether ``path`` swaps the last two sides: keys were multiplied by queries.

    Where there is one query, or one key, only the sides tell.
    """
    positions, shape = path.positions(graph), graph.shape(path.start)
    if 1 in shape[-2:] and graph.shape(path.end)[-2:] == shape[-2:]:
        return False
    return bool(
        (
            positions.ravel() == np.arange(positions.size).reshape(shape).swapaxes(-1, -2).ravel()
        ).all()
    )


def _projected(graph: MainGraph, end: int, *, transposed: bool) -> _Projection | None:
    """The layer whose output is operand ``end`` of a product, head by head."""
    path = _back(graph, end, "FULLY_CONNECTED")
    layer = None if path is None else _layer(graph, graph.producers[path.start])
    if path is None or layer is None:
        return None
    source, kernel, bias = layer
    positions = _by_heads(path.positions(graph), transposed=transposed)
    columns = _columns(positions, tokens=graph.shape(source)[1], width=kernel.shape[1])
    if columns is None:
        return None
    return _Projection(
        source=source,
        kernel=kernel[:, columns] * path.factor,
        bias=bias[columns] * path.factor,
        operators=(graph.producers[path.start], *path.operators),
    )


def _by_heads(positions: Positions, *, transposed: bool) -> Positions:
    """``positions`` as ``[heads, tokens, size]``."""
    heads = positions.reshape(-1, *positions.shape[-2:])
    return heads.swapaxes(1, 2) if transposed else heads


def _columns(positions: Positions, *, tokens: int, width: int) -> Positions | None:
    """The column ``[heads, size]`` that each value comes from; None if a token is moved."""
    token, column = np.divmod(positions, width)
    in_place = positions.shape[1] == tokens and (token == np.arange(tokens)[:, np.newaxis]).all()
    return column[:, 0] if in_place and (column == column[:, :1]).all() else None


def _layer(graph: MainGraph, operator: Operator) -> tuple[int, Array, Array] | None:
    """The tokens that a dense layer takes, its kernel ``[in, out]`` and its bias."""
    if operator.inputs[1] not in graph.constants:
        return None
    kernel = np.asarray(graph.constants[operator.inputs[1]], np.float32).T
    bias = np.zeros(kernel.shape[1], np.float32)
    if len(operator.inputs) > 2 and operator.inputs[2] >= 0:
        if operator.inputs[2] not in graph.constants:
            return None
        bias = np.asarray(graph.constants[operator.inputs[2]], np.float32)
    source = _tokens(graph, operator.inputs[0], width=len(kernel))
    return None if source is None else (source, kernel, bias)


def _tokens(graph: MainGraph, tensor: int, *, width: int) -> int | None:
    """The tensor ``[1, tokens, width]`` that ``tensor`` is, perhaps without its batch."""
    for _ in range(_LONGEST):
        shape = graph.shape(tensor)
        if len(shape) == 3 and shape[0] == 1 and shape[2] == width:
            return tensor
        before = graph.producers.get(tensor)
        if before is None or before.name not in ("RESHAPE", "SQUEEZE", "EXPAND_DIMS"):
            return None
        tensor = before.inputs[0]
    return None


def _leaving(
    graph: MainGraph, mixing: Operator
) -> tuple[int, Array, Array, Sequence[Operator]] | None:
    """Where attention ends: its output, the last layer's ``[heads, size, c]`` and bias, the way."""
    path = _forth(graph, mixing.outputs[0], "FULLY_CONNECTED")
    if path is None or path.factor != 1:
        return None
    operator = graph.consumers(path.end)[0]
    if operator.inputs[0] != path.end:
        return None
    kernel = np.asarray(graph.constants[operator.inputs[1]], np.float32).T
    bias = np.zeros(kernel.shape[1], np.float32)
    if len(operator.inputs) > 2 and operator.inputs[2] >= 0:
        bias = np.asarray(graph.constants[operator.inputs[2]], np.float32)
    *_, tokens, size = graph.shape(path.start)
    head, rest = np.divmod(path.positions(graph).reshape(-1, len(kernel)), tokens * size)
    token, place = np.divmod(rest, size)
    columns = head * size + place
    still = len(token) == tokens and (token == np.arange(tokens)[:, np.newaxis]).all()
    if not still or not (columns == columns[:1]).all():
        return None
    ordered = np.empty_like(kernel)
    ordered[columns[0]] = kernel
    return (
        operator.outputs[0],
        ordered.reshape(-1, size, kernel.shape[1]),
        bias,
        (*path.operators, operator),
    )
