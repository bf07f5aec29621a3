"""The least that a mixed file may cost, known before it is made.

Each operator costs what it does in the int8 file or what it does in the float one, whichever is
less, and conversions between the two come on top. What cannot be told apart is left out.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from tflconv.inspection import cost, delegation
from tflconv.tflite import reading


def within(
    activations: Mapping[str, Sequence[str]], whole: bytes, plain: bytes, below: float
) -> dict[str, Sequence[str]]:
    """Return those of ``activations`` that a file which is cheap enough may raise.

    Args:
        activations: For each activation, results of the operators that make and read it.
        whole: The file with all operators in int8.
        plain: The float file.
        below: Instructions that the file must stay below.
    """
    if below == math.inf:
        return dict(activations)
    float_prices, int8_prices = _by_result(plain), _by_result(whole)
    saved = {
        name: max(0.0, int8_prices[name] - price)
        for name, price in float_prices.items()
        if name in int8_prices
    }
    least = cost.price("file") + sum(int8_prices.values()) - sum(saved.values())

    def dearer(results: Sequence[str]) -> float:
        shared = set(results) & saved.keys()
        return sum(max(0.0, float_prices[name] - int8_prices[name]) for name in shared)

    return {
        name: results for name, results in activations.items() if least + dearer(results) < below
    }


def _by_result(content: bytes) -> dict[str, float]:
    """What each operator costs, by its first result; conversions are left out."""
    main = reading.parse(content, Path("model.tflite")).main
    prices = cost.per_operator(main, delegation.of_graph(main).partitions)
    return {
        main.output_tensors(operator)[0].name: price
        for operator, price in zip(main.operators, prices, strict=True)
        if operator.outputs and operator.name not in ("QUANTIZE", "DEQUANTIZE")
    }
