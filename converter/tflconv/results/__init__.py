"""Benchmark results: one ``BenchmarkRun`` per model and device, with its raw samples.

The file format is ``{schema_version, context, runs: [...]}`` and is documented field by field in
``docs/results-schema.md``. What was not measured is null. Summaries are computed from the samples
and written to the file as well, for readers without Python.

>>> from tflconv import results
>>> results.Results()
Results(no runs)
"""

from tflconv.results.cold_start import ColdStart, Start
from tflconv.results.conditions import (
    Conditions,
    EmulatedInstructions,
    GoldenOutputs,
    OutputComparison,
    SustainedSecond,
)
from tflconv.results.estimate import Estimate
from tflconv.results.exchange import SCHEMA_VERSION, Results, changed, from_json, load, merge
from tflconv.results.growing import GrowingResults
from tflconv.results.measurements import (
    Accuracy,
    Cpu,
    Graph,
    Instructions,
    Latency,
    Memory,
    Op,
    pictures_of,
    right_of,
)
from tflconv.results.mistakes import Disagreement
from tflconv.results.moment import Moment
from tflconv.results.run import (
    BenchmarkRun,
    DeviceInfo,
    MeasuredModel,
    Reason,
    Software,
    Verdict,
)
from tflconv.results.schedule import Block, Schedule

__all__ = [
    "SCHEMA_VERSION",
    "Accuracy",
    "BenchmarkRun",
    "Block",
    "ColdStart",
    "Conditions",
    "Cpu",
    "DeviceInfo",
    "Disagreement",
    "EmulatedInstructions",
    "Estimate",
    "GoldenOutputs",
    "Graph",
    "GrowingResults",
    "Instructions",
    "Latency",
    "MeasuredModel",
    "Memory",
    "Moment",
    "Op",
    "OutputComparison",
    "Reason",
    "Results",
    "Schedule",
    "Software",
    "Start",
    "SustainedSecond",
    "Verdict",
    "changed",
    "from_json",
    "load",
    "merge",
    "pictures_of",
    "right_of",
]
