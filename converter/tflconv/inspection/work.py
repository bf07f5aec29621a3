"""What an operator has to do, counted in units of the kernels that do it.

XNNPACK multiplies in tiles: 4 rows and 16 columns of int8 products four deep, 6 rows and 8 columns
of float ones. What does not fill a tile costs as much as what does. A single row has kernels of its
own, and so have fewer float columns than a tile has: 4 rows and 2 columns. A transposed convolution
with a stride is a convolution per phase of the stride, a pixel at a time. Everything else is
counted by the values that it reads or makes.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator

from tflconv.inspection import runs
from tflconv.tflite.contents import Operator, Subgraph, TfliteTensor

Unit = tuple[str, float]
"""Name of a unit, which a cost table prices, and how many of it."""

_FREE = {"RESHAPE", "SQUEEZE", "EXPAND_DIMS"}
_POOLING = {"AVERAGE_POOL_2D", "MAX_POOL_2D"}
_UNARY = {
    "ABS", "ELU", "EXP", "GELU", "HARD_SWISH", "LEAKY_RELU", "LOG", "LOGISTIC", "NEG", "RELU",
    "RELU6", "RSQRT", "SQRT", "SQUARE", "TANH",
}  # fmt: skip
_PRODUCTS = {"CONV_2D", "CONV_3D", "FULLY_CONNECTED", "TRANSPOSE_CONV"}
_TILES = {"float": (6, 8, 1), "float narrow": (4, 2, 1)}
_INTEGER_TILE = (4, 16, 4)
"""Rows, columns and depth of a tile: of float products, and of all others."""
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
        yield from _by_rows(graph, operator, type_ or _type(graph, operator))


def _by_rows(graph: Subgraph, operator: Operator, type_: str) -> Iterator[Unit]:
    squares = operator.name == "MUL" and len(set(operator.inputs)) == 1
    name = f"{type_} {'SQUARE' if squares else operator.name}"
    blocks = runs.blocks(graph, operator, type_) if operator.name == "TRANSPOSE" else None
    if blocks:
        yield from zip((f"{name} block", f"{name} part of a block"), blocks, strict=True)
    else:
        yield name, _values(graph, operator)
        yield f"{name} row", runs.rows(graph, operator)


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
    form, phased = product_form(graph, operator, name), _strides(graph, operator) is not None
    alike = form.removesuffix(" phase")
    tall, wide, deep = _TILES.get(f"{name}{alike}") or _TILES.get(name, _INTEGER_TILE)
    across = math.ceil(_columns(graph, operator) / wide)
    down, taps = _down(graph, operator, 1 if form in (" row", " phase") else tall)
    yield f"{name}{form} step", across * taps * math.ceil(_depth(graph, operator) / deep)
    yield f"{name}{form} tile", across * down
    if _taps(graph, operator) > 1:
        yield f"{name}{form.removeprefix(' row')} tap", across * taps
    if phased:
        yield f"{name}{form} call", down
    if name == "hybrid":
        yield "hybrid value", graph.input_tensors(operator)[0].elements
    if operator.name == "BATCH_MATMUL":
        yield f"{name} packed", graph.input_tensors(operator)[1].elements


def product_form(graph: Subgraph, operator: Operator, name: str) -> str:
    """Return whose kernels compute a product, as its units are named: `` narrow phase``, say.

    Args:
        graph: The graph.
        operator: A product of it.
        name: What it computes in, see ``kind``.
    """
    few = _columns(graph, operator) < _TILES["float"][1]
    narrow = name == "float" and few and operator.name != "BATCH_MATMUL"
    if _strides(graph, operator) is not None:
        return " narrow phase" if narrow else " phase"
    if narrow:
        return " narrow"
    return " row" if _rows_of_product(graph, operator) == 1 else ""


def _down(graph: Subgraph, operator: Operator, tall: int) -> tuple[int, int]:
    """Tiles of ``tall`` rows, one below the other, and the taps that all of them read."""
    strides = _strides(graph, operator)
    if strides is None:
        rows = math.ceil(_rows_of_product(graph, operator) / tall)
        tiles = _batches(graph, operator) * rows
        return tiles, tiles * _taps(graph, operator)
    batch, height, width, _ = graph.output_tensors(operator)[0].shape
    window = graph.input_tensors(operator)[1].shape[1:3]
    lines, line_taps = _phases(height, window[0], strides[0], 1)
    tiles, tile_taps = _phases(width, window[1], strides[1], tall)
    return batch * lines * tiles, batch * line_taps * tile_taps


def _phases(side: int, window: int, stride: int, tall: int) -> tuple[int, int]:
    """Tiles of ``tall`` pixels along a side of a picture, and the taps that they read along it."""
    tiles = [math.ceil((side - phase) / stride / tall) for phase in range(stride)]
    taps = [math.ceil((window - phase) / stride) for phase in range(stride)]
    return sum(tiles), sum(map(math.prod, zip(tiles, taps, strict=True)))


def _strides(graph: Subgraph, operator: Operator) -> tuple[int, int] | None:
    """Strides, high and wide, of a transposed convolution that is computed phase by phase."""
    if operator.name != "TRANSPOSE_CONV" or len(graph.output_tensors(operator)[0].shape) != 4:
        return None
    window = graph.input_tensors(operator)[1].shape[1:3]
    options = [operator.options.get(f"stride{side}") for side in "HW"]
    strides = [stride for stride in options if isinstance(stride, int) and stride > 0]
    if len(strides) < 2 or max(strides) == 1 or len(window) < 2:
        return None
    high, wide = strides
    return (high, wide) if high <= window[0] and wide <= window[1] else None


def _rows_of_product(graph: Subgraph, operator: Operator) -> int:
    values = graph.output_tensors(operator)[0].elements
    return max(values // max(_columns(graph, operator) * _batches(graph, operator), 1), 1)


def _batches(graph: Subgraph, operator: Operator) -> int:
    if operator.name != "BATCH_MATMUL":
        return 1
    return math.prod(graph.output_tensors(operator)[0].shape[:-2])


def _depth(graph: Subgraph, operator: Operator) -> float:
    """Values that a row multiplies at each tap."""
    if operator.name == "TRANSPOSE_CONV":
        return max(graph.input_tensors(operator)[1].shape[-1:], default=1)
    values = max(graph.output_tensors(operator)[0].elements, 1)
    return max(macs(graph, operator) // values, 1) / _taps(graph, operator)


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
    if products and operator.name != "TRANSPOSE_CONV":
        yield "built-in result", _values(graph, operator)
        return
    hybrid = products and kind(graph, operator) == "hybrid"
    type_ = "hybrid" if hybrid else _type(graph, operator)
    yield f"built-in {type_} {operator.name}", _values(graph, operator)


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
    if operator.name in runs.REDUCING:
        return sum(t.elements for t in graph.input_tensors(operator)[:1])
    return written


def _unpacks_once(graph: Subgraph, operator: Operator) -> bool:
    sources = [t for t in graph.input_tensors(operator) if t.constant]
    return operator.name in ("DEQUANTIZE", "DENSIFY") and bool(sources)


def _output_channels(operator: Operator, kernel: TfliteTensor) -> int:
    return kernel.shape[-1 if operator.name == "CONV_3D" else 0]
