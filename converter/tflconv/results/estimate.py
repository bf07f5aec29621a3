"""What a cost table says that a file needs, before anything is measured."""

from __future__ import annotations

from dataclasses import dataclass

from tflconv.results.ranges import require_counts


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """Estimated arm64 instructions of one inference on a core with a dot product.

    Attributes:
        table: The cost table, such as ``cortex-a76 2``.
        total: With the operators in built-in kernels that XNNPACK refuses.
        whole: Were all operators run by XNNPACK, in one partition.
        products: Those of ``whole`` that are int8 products, which need the dot product.
        refused: Operators that XNNPACK refuses, and why, one sentence per kind.
    """

    table: str
    total: float
    whole: float
    products: float = 0.0
    refused: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        require_counts("estimate", self)
