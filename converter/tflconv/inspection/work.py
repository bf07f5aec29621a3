"""What an operator has to do, counted in units of the kernels that do it.

XNNPACK multiplies in tiles: 4 rows and 16 columns of int8 products four deep, 6 rows and 8 columns
of float ones. What does not fill a tile costs as much as what does. A single row has kernels of its
own. Everything else is counted by the values that it reads or makes.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator

from tflconv.tflite.reading import Operator, Subgraph, TfliteTensor

Unit = tuple[str, float]
"""Name of a unit, which a cost table prices, and how many of it."""

_FREE = {"RESHAPE", "SQUEEZE", "EXPAND_DIMS"}
_REDUCING = {"MEAN", "SUM", "REDUCE_MAX", "REDUCE_MIN"}
_POOLING = {"AVERAGE_POOL_2D", "MAX_POOL_2D"}
_BINARY = {"ADD", "SUB", "MUL", "DIV", "MAXIMUM", "MINIMUM", "SQUARED_DIFFERENCE"}
_UNARY = {
    "ABS", "ELU", "EXP", "GELU", "HARD_SWISH", "LEAKY_RELU", "LOG", "LOGISTIC", "NEG", "RELU",
    "RELU6", "RSQRT", "SQRT", "SQUARE", "TANH",
}  # fmt: skip
_PRODUCTS = {"CONV_2D", "CONV_3D", "FULLY_CONNECTED", "TRANSPOSE_CONV"}
_TILES = {"float": (6, 8, 1)}
_INTEGER_TILE = (4, 16, 4)
UNROLLED = (9, 25)
"""Taps of the depthwise kernels that have all of them written out."""

_MOST_TAPS = max(UNROLLED)


def units(graph: Subgraph, delegated: Collection[int]) -> Iterator[Unit]:
    """Yield what one inference does, operator by operator.

    Args:
        graph: The graph.
        delegated: Indices of the operators that XNNPACK runs.
    """
    for each in by_operator(graph, delegated):
        yield from each


def by_operator(graph: Subgraph, delegated: Collection[int]) -> Iterator[list[Unit]]:
    """Yield what each operator does in one inference, in the order of execution.

    Args:
        graph: The graph.
        delegated: Indices of the operators that XNNPACK runs.
    """
    tables = _tables(graph, delegated)
    for operator in graph.operators:
        if operator.index not in delegated:
            yield list(_built_in(graph, operator))
        elif operator.index not in tables:
            yield list(_by_xnnpack(graph, operator))
        elif operator.name == "QUANTIZE":
            yield [("call", 1), ("lookup", _values(graph, operator))]
        else:
            yield []


def in_float(graph: Subgraph) -> Iterator[Unit]:
    """Yield what one inference of the same graph in float does, all of it run by XNNPACK."""
    for operator in graph.operators:
        if operator.name not in ("QUANTIZE", "DEQUANTIZE"):
            yield from _by_xnnpack(graph, operator, "float")


def _tables(graph: Subgraph, delegated: Collection[int]) -> frozenset[int]:
    """Operators between a DEQUANTIZE and a QUANTIZE, of which XNNPACK makes one lookup."""
    readers: dict[int, list[Operator]] = {}
    for operator in graph.operators:
        for tensor in operator.inputs:
            readers.setdefault(tensor, []).append(operator)
    indices: list[int] = []
    for operator in graph.operators:
        chain = [operator] if operator.name == "DEQUANTIZE" else []
        while chain:
            following = readers.get(chain[-1].outputs[0], [])
            if len(following) != 1 or chain[-1].outputs[0] in graph.outputs:
                break
            chain += following
            if following[0].name not in _UNARY:
                break
        whole = len(chain) > 2 and chain[-1].name == "QUANTIZE"
        if whole and all(each.index in delegated for each in chain):
            indices += [each.index for each in chain]
    return frozenset(indices)


def _by_xnnpack(graph: Subgraph, operator: Operator, type_: str | None = None) -> Iterator[Unit]:
    if operator.name in _FREE:
        return
    yield "call", 1
    if operator.name in _PRODUCTS or operator.name == "BATCH_MATMUL":
        yield from _product(graph, operator, type_ or kind(graph, operator))
    elif operator.name == "DEPTHWISE_CONV_2D":
        yield from _depthwise(graph, operator, type_ or kind(graph, operator))
    elif not _unpacks_once(graph, operator):
        name = f"{type_ or _type(graph, operator)} {operator.name}"
        yield name, _values(graph, operator)
        yield f"{name} row", _rows(graph, operator)


def macs(graph: Subgraph, operator: Operator) -> int:
    """Return the multiply-accumulates of one execution of an operator; 0 if it has none."""
    tensors = graph.input_tensors(operator)
    if operator.name == "TRANSPOSE_CONV":
        source, kernel = tensors[2], tensors[1]
        return source.elements * math.prod(kernel.shape[:3])
    if operator.name in ("CONV_2D", "CONV_3D", "FULLY_CONNECTED"):
        kernel = tensors[1]
        outputs = graph.output_tensors(operator)[0].elements
        return outputs * kernel.elements // max(_output_channels(operator, kernel), 1)
    if operator.name == "DEPTHWISE_CONV_2D":
        return graph.output_tensors(operator)[0].elements * math.prod(tensors[1].shape[1:3])
    if operator.name == "BATCH_MATMUL":
        inner = tensors[0].shape[-2 if operator.options.get("adjX") else -1]
        return graph.output_tensors(operator)[0].elements * inner
    return 0


def kind(graph: Subgraph, operator: Operator) -> str:
    """Return what a product computes in: float, hybrid, int8, int4 or uint8."""
    tensors = graph.input_tensors(operator)
    factors = tensors[1:3] if operator.name == "TRANSPOSE_CONV" else tensors[:2]
    kinds = {tensor.dtype for tensor in factors}
    if "float32" not in kinds:
        return next((kind for kind in ("uint8", "int4") if kind in kinds), "int8")
    return "float" if kinds == {"float32"} else "hybrid"


def _product(graph: Subgraph, operator: Operator, name: str) -> Iterator[Unit]:
    outputs = graph.output_tensors(operator)[0]
    columns = _columns(graph, operator)
    batches = math.prod(outputs.shape[:-2]) if operator.name == "BATCH_MATMUL" else 1
    rows = max(outputs.elements // max(columns * batches, 1), 1)
    depth = max(macs(graph, operator) // max(outputs.elements, 1), 1)
    taps = _taps(graph, operator)
    tall, wide, deep = _TILES.get(name, _INTEGER_TILE)
    tall, row = (1, " row") if rows == 1 else (tall, "")
    tiles = batches * math.ceil(rows / tall) * math.ceil(columns / wide)
    yield f"{name}{row} step", tiles * taps * math.ceil(depth / taps / deep)
    yield f"{name}{row} tile", tiles
    if taps > 1:
        yield f"{name} tap", tiles * taps
    if name == "hybrid":
        yield "hybrid value", graph.input_tensors(operator)[0].elements
    if operator.name == "BATCH_MATMUL":
        yield f"{name} packed", graph.input_tensors(operator)[1].elements


def _columns(graph: Subgraph, operator: Operator) -> int:
    if operator.name == "BATCH_MATMUL":
        return graph.output_tensors(operator)[0].shape[-1]
    return max(_output_channels(operator, graph.input_tensors(operator)[1]), 1)


def _taps(graph: Subgraph, operator: Operator) -> int:
    """Places of a kernel that are read apart from each other."""
    if operator.name not in ("CONV_2D", "TRANSPOSE_CONV"):
        return 1
    return max(math.prod(graph.input_tensors(operator)[1].shape[1:3]), 1)


def _depthwise(graph: Subgraph, operator: Operator, name: str) -> Iterator[Unit]:
    outputs, kernel = graph.output_tensors(operator)[0], graph.input_tensors(operator)[1]
    out_channels, channels = outputs.shape[-1], graph.input_tensors(operator)[0].shape[-1]
    tiles = outputs.elements // max(out_channels, 1) * math.ceil(channels / 16)
    taps = math.prod(kernel.shape[1:3])
    if taps > _MOST_TAPS or out_channels > channels:
        yield f"{name} large depthwise step", tiles * taps
    else:
        yield f"{name} depthwise step", tiles * next(n for n in UNROLLED if taps <= n)
        yield f"{name} depthwise tile", tiles


def _built_in(graph: Subgraph, operator: Operator) -> Iterator[Unit]:
    yield "built-in call", 1
    if operator.name in _FREE:
        return
    products = macs(graph, operator)
    if products:
        yield "built-in product", products
        yield "built-in result", _values(graph, operator)
        return
    yield f"built-in {_type(graph, operator)} {operator.name}", _values(graph, operator)


def _type(graph: Subgraph, operator: Operator) -> str:
    tensors = [*graph.output_tensors(operator), *graph.input_tensors(operator)]
    kinds = [tensor.dtype for tensor in tensors if tensor.dtype != "bool"]
    return "float" if kinds and kinds[0].startswith("float") else "int8"


def _values(graph: Subgraph, operator: Operator) -> int:
    """Values that it reads, if it makes fewer; else those that it makes."""
    written = sum(t.elements for t in graph.output_tensors(operator))
    if operator.name in _POOLING:
        sides = [operator.options.get(f"filter{side}", 1) for side in ("Height", "Width")]
        return written * math.prod(int(side) for side in sides if isinstance(side, int))
    if operator.name in _REDUCING:
        return sum(t.elements for t in graph.input_tensors(operator)[:1])
    return written


def _rows(graph: Subgraph, operator: Operator) -> int:
    """Runs of values that it treats in one go: rows of a table, pieces of what is put together."""
    tensors = [*graph.output_tensors(operator), *graph.input_tensors(operator)[:1]]
    if not tensors:  # CALL_ONCE, which prepares variables
        return 0
    if operator.name == "CONCATENATION":
        axis, parts = operator.options.get("axis"), graph.input_tensors(operator)
        sides = tensors[0].shape[: axis if isinstance(axis, int) else -1]
        return len(parts) * math.prod(sides)
    if operator.name in _BINARY:
        shapes = {t.shape for t in graph.input_tensors(operator) if t.elements > 1}
        if len(shapes) < 2:
            return 0
    widest = max(tensors, key=lambda tensor: tensor.elements)
    return widest.elements // max(widest.shape[-1] if widest.shape else 1, 1)


def _unpacks_once(graph: Subgraph, operator: Operator) -> bool:
    sources = [t for t in graph.input_tensors(operator) if t.constant]
    return operator.name in ("DEQUANTIZE", "DENSIFY") and bool(sources)


def _output_channels(operator: Operator, kernel: TfliteTensor) -> int:
    return kernel.shape[-1 if operator.name == "CONV_3D" else 0]
