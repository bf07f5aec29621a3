"""Histograms that cost a fraction of a microsecond per value, for Prometheus to fetch.

Those of ``prometheus_client`` take a lock and walk through their buckets for each value, as
programs of many threads need it. The service counts on its event loop only, five per picture.
"""

from __future__ import annotations

import itertools
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence

from prometheus_client.core import HistogramMetricFamily
from prometheus_client.registry import Collector


class Histogram:
    """Values of one kind.

    Args:
        bounds: Upper bounds of its buckets, ascending; beyond the last is one more.

    Example:
        >>> values = Histogram((1, 2))
        >>> for value in (0.5, 1, 1.5, 7):
        ...     values.observe(value)
        >>> values.buckets, values.total
        ([('1.0', 2), ('2.0', 3), ('+Inf', 4)], 10.0)
    """

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = tuple(bounds)
        self._counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def observe(self, value: float) -> None:
        """Count a value."""
        self._counts[bisect_left(self._bounds, value)] += 1
        self.total += value

    @property
    def buckets(self) -> list[tuple[str, int]]:
        """Names of upper bounds, and how many values do not exceed them."""
        names = [*(str(float(bound)) for bound in self._bounds), "+Inf"]
        return list(zip(names, itertools.accumulate(self._counts), strict=True))


class Family(Collector):
    """A histogram per model, or one without a model.

    Args:
        name: Its name.
        text: What it counts.
        bounds: Upper bounds of the buckets.
    """

    def __init__(self, name: str, text: str, bounds: Sequence[float]) -> None:
        self._name, self._text, self._bounds = name, text, bounds
        self._by_model = dict[str, Histogram]()

    def of(self, model: str = "") -> Histogram:
        """Return the histogram of a model."""
        if model not in self._by_model:
            self._by_model[model] = Histogram(self._bounds)
        return self._by_model[model]

    def collect(self) -> Iterator[HistogramMetricFamily]:
        """Yield all of them, as ``prometheus_client`` asks for them."""
        named: Mapping[str, Histogram] = dict(self._by_model)
        family = HistogramMetricFamily(
            self._name, self._text, labels=["model"] if any(named) else ()
        )
        for model, histogram in named.items():
            family.add_metric([model] if model else [], histogram.buckets, histogram.total)
        yield family
