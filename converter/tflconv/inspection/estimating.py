"""Estimate what a file costs on a phone, in the parts that a device may do without."""

from __future__ import annotations

import math

from tflconv.core.text import clean
from tflconv.inspection import cost, delegation
from tflconv.results import Estimate
from tflconv.tflite.contents import TfliteModel

SHOWN, LENGTH = 3, 160
"""Kinds of refused operators that are named, and characters that each may take."""


def of(model: TfliteModel) -> Estimate | None:
    """Return the estimated instructions of a model; None where the table cannot tell."""
    graph, predicted = model.main, delegation.predict(model)
    everything = [range(len(graph.operators))]
    costs = (
        cost.instructions(graph, predicted.partitions),
        cost.instructions(graph, everything),
        cost.dot_products(graph),
    )
    if not all(math.isfinite(each) and 0 <= each < 2**62 for each in costs):
        return None
    total, whole, products = map(float, costs)
    return Estimate(
        table=cost.TABLE,
        total=max(total, whole),
        whole=whole,
        products=min(products, whole),
        refused=tuple(
            clean(f"{count} × {name}: {why}", LENGTH)
            for name, why, count in delegation.refusals(graph, predicted)[:SHOWN]
        ),
    )
