"""Attention as plain matrix products, and products that the integer delegate accepts.

Keras computes all heads in one tensor of rank 4, which needs transposes; in int8 the delegate takes
neither some of them nor any slice of a joint QKV tensor. Splitting the weights instead of the
activations costs nothing: each head has its own small query, key and value layer.
"""

from __future__ import annotations

from collections.abc import Iterator

from tflconv.network.nodes import Array, Network, Node
from tflconv.network.passes.folding import attended
from tflconv.network.shapes import shapes


def split_heads(network: Network) -> Network:
    """Replace each attention node by dense layers and products, head by head."""
    attentions = network.of_kind("attention")
    known = shapes(network) if attentions else {}
    for node in attentions:
        sources = attended(node)
        tokens = known[sources[2]][1]
        network = network.replacing(node.name, *_attention(node, sources, tokens))
    return network


def symmetric_operands(network: Network) -> Network:
    """Require zero point 0 of the right operand of each product: keys and values.

    XNNPACK takes an integer BATCH_MATMUL only then. It costs up to one bit for a skewed range.
    """
    for product in network.of_kind("matmul"):
        right = network[product.inputs[1]]
        if not right.options.get("symmetric"):
            network = network.updating(right.with_options(symmetric=True))
    return network


def _attention(node: Node, sources: tuple[str, ...], tokens: int) -> Iterator[Node]:
    heads, size, _ = node.weights["output_kernel"].shape
    mixed = []
    for head in range(heads):
        *nodes, last = _head(node, sources, head, tokens)
        yield from (*nodes, last)
        mixed.append(last.name)
    joined = f"{node.name}/heads"
    if heads > 1:
        yield Node(name=joined, kind="concat", inputs=tuple(mixed), options={"axis": -1})
    kernel = node.weights["output_kernel"].reshape(heads * size, -1)
    source = joined if heads > 1 else mixed[0]
    yield _dense(node.name, source, kernel, node.weights["output_bias"])


def _head(node: Node, sources: tuple[str, ...], head: int, tokens: int) -> Iterator[Node]:
    query, value, key = sources
    soft = node.options["function"] == "softmax"
    names = {part: f"{node.name}/{part}{head}" for part in (*_PROJECTIONS, *_PRODUCTS)}
    for part, source in (("query", query), ("key", key), ("value", value)):
        factor = {"query": node.options["scale"], "key": 1.0, "value": 1.0 if soft else 1 / tokens}
        kernel, bias = (node.weights[f"{part}_{which}"] for which in ("kernel", "bias"))
        yield _dense(names[part], source, kernel[:, head] * factor[part], bias[head] * factor[part])
    yield _product(names["scores"], names["query"], names["key"], transpose_right=True)
    yield Node(
        name=names["weights"],
        kind="activation",
        inputs=(names["scores"],),
        options={"function": node.options["function"]},
    )
    yield _product(names["mixed"], names["weights"], names["value"], transpose_right=False)


_PROJECTIONS = ("query", "key", "value")
_PRODUCTS = ("scores", "weights", "mixed")


def _dense(name: str, source: str, kernel: Array, bias: Array) -> Node:
    return Node(name=name, kind="dense", inputs=(source,), weights={"kernel": kernel, "bias": bias})


def _product(name: str, left: str, right: str, *, transpose_right: bool) -> Node:
    return Node(
        name=name,
        kind="matmul",
        inputs=(left, right),
        options={"transpose_right": transpose_right},
    )
