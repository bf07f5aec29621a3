"""How many values in a row an operator treats in one go.

XNNPACK joins neighbouring dimensions that it treats alike, so that a picture with its channels
first, plus a value per channel, is one row per channel and not one per line of the picture.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from tflconv.tflite.contents import Operator, Subgraph

BINARY = ("ADD", "SUB", "MUL", "DIV", "MAXIMUM", "MINIMUM", "SQUARED_DIFFERENCE")
REDUCING = ("MEAN", "SUM", "REDUCE_MAX", "REDUCE_MIN")
_BLOCKS = {"float": 4, "int8": 16}
"""Rows and columns of the square that the kernel of a TRANSPOSE turns at once."""

Shape = tuple[int, ...]


def rows(graph: Subgraph, operator: Operator) -> int:
    """Return how many rows an operator treats one by one.

    Args:
        graph: The graph.
        operator: Any operator of it that is no product.

    Returns:
        Rows of a softmax, pieces of a CONCATENATION and the like; 0 for arithmetic that needs no
        more than one.
    """
    tensors = [*graph.output_tensors(operator), *graph.input_tensors(operator)[:1]]
    if not tensors:  # CALL_ONCE, which prepares variables
        return 0
    if operator.name == "CONCATENATION":
        axis, parts = operator.options.get("axis"), graph.input_tensors(operator)
        sides = tensors[0].shape[: axis if isinstance(axis, int) else -1]
        return len(parts) * math.prod(sides)
    widest = max(tensors, key=lambda tensor: tensor.elements)
    count = widest.elements // max(_row(graph, operator, widest.shape), 1)
    return 0 if operator.name in BINARY and count == 1 else count


def blocks(graph: Subgraph, operator: Operator, type_: str) -> tuple[int, int] | None:
    """Return how many squares a TRANSPOSE turns.

    Args:
        graph: The graph.
        operator: A TRANSPOSE of it.
        type_: ``float`` or ``int8``.

    Returns:
        Squares that are filled, and those that are not; None if what is last stays last, so that
        whole rows are copied.
    """
    shape, order = graph.input_tensors(operator)[0].shape, _steering(graph, operator)
    if sorted(order) != list(range(len(shape))):
        return None
    groups = _groups(shape, order)
    if len(groups) < 2 or max(groups[-1]) == max(max(group) for group in groups):
        return None
    last = max(groups, key=max)
    sides = [math.prod(shape[axis] for axis in group) for group in (last, groups[-1])]
    size, pictures = _BLOCKS[type_], math.prod(shape) // max(math.prod(sides), 1)
    whole = pictures * math.prod(side // size for side in sides)
    return whole, pictures * math.prod(math.ceil(side / size) for side in sides) - whole


def _row(graph: Subgraph, operator: Operator, shape: Shape) -> int:
    """Values in a row of ``shape``, the largest that ``operator`` reads or makes."""
    last, steering = shape[-1] if shape else 1, _steering(graph, operator)
    if operator.name in BINARY:
        sources = [t.shape for t in graph.input_tensors(operator) if t.elements > 1]
        full = [(1,) * (len(shape) - len(source)) + source for source in sources]
        stretched = [tuple(source[axis] == 1 for source in full) for axis in range(len(shape))]
        return _joined(shape, stretched)
    if operator.name in REDUCING and steering:
        axes = {axis % max(len(shape), 1) for axis in steering}
        return _joined(shape, [axis in axes for axis in range(len(shape))])
    return last


def _joined(shape: Shape, treated: Sequence[object]) -> int:
    """Values of the last dimensions that are treated alike; one of size 1 is like any other."""
    count, last = 1, None
    for side, how in zip(reversed(shape), reversed(treated), strict=True):
        if side == 1:
            continue
        if last is not None and how != last:
            break
        count, last = count * side, how
    return count


def _groups(shape: Shape, order: Sequence[int]) -> list[list[int]]:
    """Axes in the order of a TRANSPOSE, those that stay neighbours together."""
    moved = [axis for axis in order if shape[axis] > 1]
    ranks = {axis: rank for rank, axis in enumerate(sorted(moved))}
    groups: list[list[int]] = []
    for axis in moved:
        if groups and ranks[axis] == ranks[groups[-1][-1]] + 1:
            groups[-1].append(axis)
        else:
            groups.append([axis])
    return groups


def _steering(graph: Subgraph, operator: Operator) -> list[int]:
    """Values of the second input, if it is a constant of integers: axes, an order or amounts."""
    steering = next(iter(graph.input_tensors(operator)[1:2]), None)
    if steering is None or not steering.constant or steering.dtype not in ("int32", "int64"):
        return []
    return [int(value) for value in steering.integers()]
