"""Estimated arm64 instructions of an inference, by a table that comes with the package.

The table is fitted to instructions counted under qemu cortex-a76, of whole files and of operators
alone, and prices each unit of ``work``. ``tests/figures/cost_table.py`` makes it, and shows how far
it is from what was counted and how often the cheaper of two files is the cheaper one by the table.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from tflconv.inspection import work
from tflconv.inspection.work import Unit, macs
from tflconv.tflite.contents import Subgraph

__all__ = ["TABLE", "float_instructions", "instructions", "macs", "per_operator", "price"]

_CORE, _VERSION = "cortex-a76", 5
TABLE = f"{_CORE} {_VERSION}"
"""Core and version of the table; another version may choose other files."""

_LIKE = {"int4": ("int8", 1.35), "uint8": ("int8", 4.3)}
"""Products that are not in the table, by those that are: int4 weights are unpacked on the way, and
legacy uint8 kernels do not use the dot product."""

_WITH_DOT, _OF_PRODUCTS = ("int8 ", "int4 "), (" step", " tile", " tap", " call")
"""Beginnings and ends of the names of units that are int8 products."""

_OTHERS = {"built-in float": 10.0, "built-in int8": 65.0, "float": 2.0, "int8": 2.0}
"""Price of a value of operators that are not in the table."""

_OTHER_ROW = 20.0


def instructions(graph: Subgraph, partitions: Sequence[Sequence[int]]) -> float:
    """Estimate the arm64 instructions of one inference.

    Args:
        graph: The subgraph.
        partitions: Indices of the operators that XNNPACK runs, by partition.
    """
    delegated = {index for partition in partitions for index in partition}
    units = [*work.units(graph, delegated), ("partition", max(len(partitions) - 1, 0)), ("file", 1)]
    return sum(map(_priced, units))


def per_operator(graph: Subgraph, partitions: Sequence[Sequence[int]]) -> list[float]:
    """Estimate the arm64 instructions of each operator, in the order of execution."""
    delegated = {index for partition in partitions for index in partition}
    return [sum(map(_priced, units)) for units in work.by_operator(graph, delegated)]


def float_instructions(graph: Subgraph) -> float:
    """Estimate the arm64 instructions of the same graph in float, all of it run by XNNPACK."""
    return sum(map(_priced, [*work.in_float(graph), ("file", 1)]))


def dot_products(graph: Subgraph) -> float:
    """Estimate the instructions of the products that need a dot product; depthwise ones do not."""
    return sum(
        _priced((name, count))
        for name, count in work.units(graph, range(len(graph.operators)))
        if name.startswith(_WITH_DOT) and name.endswith(_OF_PRODUCTS) and "depthwise" not in name
    )


@cache
def price(name: str) -> float:
    """Return the instructions of one unit of that name, see ``work``."""
    prices = _prices()
    if name in prices:
        return prices[name]
    kind, _, unit = name.partition(" ")
    if kind in _LIKE:
        like, times = _LIKE[kind]
        return price(f"{like} {unit}") * times
    if name.endswith(" row"):
        return _OTHER_ROW
    return next((amount for kind, amount in _OTHERS.items() if name.startswith(kind)), 0.0)


def _priced(unit: Unit) -> float:
    name, count = unit
    return price(name) * count


@cache
def _prices() -> dict[str, float]:
    table = json.loads(Path(__file__).with_name(f"{_CORE}.json").read_text())
    assert (table["core"], table["version"]) == (_CORE, _VERSION)
    prices: dict[str, float] = table["instructions"]
    return prices
