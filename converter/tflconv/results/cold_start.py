"""Start-up of a model in fresh processes, with and without XNNPACK's weight cache."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median

from tflconv.errors import require
from tflconv.results.ranges import require_counts


@dataclass(frozen=True, kw_only=True)
class Start:
    """One start in a process of its own.

    Attributes:
        init_ns: Time to load and compile the model and to allocate its tensors.
        first_inference_ns: Time of the first inference.
        after_init_bytes: Resident memory after that.
        peak_bytes: Highest resident memory, pages of a mapped cache included.
    """

    init_ns: int
    first_inference_ns: int
    after_init_bytes: int
    peak_bytes: int

    def __post_init__(self) -> None:
        require_counts("start", self)


@dataclass(frozen=True, kw_only=True)
class ColdStart:
    """Starts without and with a weight cache, which took turns, and the one that wrote the cache.

    Example:
        >>> slow, fast = (
        ...     Start(init_ns=n, first_inference_ns=1, after_init_bytes=1, peak_bytes=1)
        ...     for n in (9, 3)
        ... )
        >>> ColdStart(without=(slow,), cached=(fast,), writing=slow).median("cached", "init_ns")
        3.0
    """

    without: tuple[Start, ...]
    cached: tuple[Start, ...]
    writing: Start

    def __post_init__(self) -> None:
        for name in ("without", "cached"):
            require("cold start", self, **{name: (bool(getattr(self, name)), "at least one start")})

    def median(self, kind: str, figure: str) -> float:
        """Return the median of a ``figure`` over the starts ``without`` or ``cached``."""
        return float(median(getattr(start, figure) for start in getattr(self, kind)))
