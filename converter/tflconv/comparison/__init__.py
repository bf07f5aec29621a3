"""Comparisons that hold: is a difference real, does it matter, and does it break a limit?

>>> from tflconv import comparison
>>> comparison.Limit.parse("latency:5%")
Limit(metric='latency', share=0.05)
"""

from tflconv.comparison.comparing import Comparison, RunPair, Settings, compare
from tflconv.comparison.effects import BLOCKS, CONFIDENCE, METRICS, THRESHOLDS, Effect, Metric
from tflconv.comparison.limits import Decision, Inconclusive, Limit

__all__ = [
    "BLOCKS",
    "CONFIDENCE",
    "METRICS",
    "THRESHOLDS",
    "Comparison",
    "Decision",
    "Effect",
    "Inconclusive",
    "Limit",
    "Metric",
    "RunPair",
    "Settings",
    "compare",
]
