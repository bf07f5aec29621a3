"""Divide a product by the sums of the rows of its left operand.

    A B  =  (A B) / sum(A)        where each row of A adds up to 1, as softmax makes it

In float the sums change nothing. In integers they make up for what rounding did to the rows.
"""

from __future__ import annotations

from collections.abc import Collection

from ai_edge_litert import schema_py_generated as fb

from tflconv.tflite import editing, rows
from tflconv.tflite.wiring import WiredOperator, Wiring

PRODUCT = "BATCH_MATMUL"


def divide_by_sums(model: fb.ModelT, names: Collection[str]) -> None:
    """Divide each product whose left operand is one of ``names``.

    Args:
        model: A float model; its tensors have names.
        names: Left operands of products, with rows that add up to 1.
    """
    graph = model.subgraphs[0]
    for step in Wiring(model).steps:
        if step.kind == PRODUCT and step.reads[0] in names:
            place = graph.operators.index(step.operator)
            graph.operators[place + 1 : place + 1] = _sum_and_division(model, step.operator)


def divided_by(wiring: Wiring, step: WiredOperator) -> WiredOperator | None:
    """Return the product that is divided by what ``step`` sums up, its left operand."""
    division = wiring.only_reader(step.makes[0]) if step.kind == "SUM" else None
    if division is None or division.kind != "DIV" or division.reads[1:] != step.makes:
        return None
    product = wiring.maker(division.reads[0])
    multiplies = product is not None and product.kind == PRODUCT
    return product if product and multiplies and product.reads[:1] == step.reads else None


def undivided(model: fb.ModelT, names: Collection[str]) -> None:
    """Take the division of each product away whose result is one of ``names``.

    Args:
        model: What ``divide_by_sums`` made; results are called as after the division.
        names: Names of results.
    """
    graph, wiring = model.subgraphs[0], Wiring(model)
    for step in wiring.steps:
        product = divided_by(wiring, step)
        division = wiring.only_reader(step.makes[0])
        if product is not None and division is not None and division.makes[0] in names:
            product.operator.outputs = division.operator.outputs
            graph.operators.remove(step.operator)
            graph.operators.remove(division.operator)


def _sum_and_division(model: fb.ModelT, product: fb.OperatorT) -> list[fb.OperatorT]:
    graph, kinds = model.subgraphs[0], fb.BuiltinOperator
    left, result = int(product.inputs[0]), int(product.outputs[0])
    undivided = editing.tensor_like(graph, result, "/undivided")
    product.outputs = [undivided]
    summing, sums = rows.reduce(model, kinds.SUM, left, "/sums")
    division = rows.pair(model, kinds.DIV, fb.DivOptionsT(), (undivided, sums), result)
    return [summing, division]
