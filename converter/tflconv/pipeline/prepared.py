"""What a model of a study led to: files that may be measured, and what failed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tflconv.benchmark.testset import PackedSet
from tflconv.core.jsonvalue import JsonValue
from tflconv.errors import TflconvError
from tflconv.results import Accuracy, MeasuredModel


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A converted model that was compared with its reference and may now be measured.

    Attributes:
        model: What it is called in results.
        path: The finished file.
        accuracy: How it compares with its reference on this computer.
        warnings: What a user should know about the file.
        test_set: Pictures that devices evaluate, where the plan asks for that.
        golden: Its golden contract, where the plan asks for that.
    """

    model: MeasuredModel
    path: Path
    accuracy: Accuracy
    warnings: tuple[str, ...] = ()
    test_set: PackedSet | None = None
    golden: Path | None = None


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """What a model of a plan led to.

    Attributes:
        candidates: The files that may be measured.
        failures: By slug, what failed or missed its threshold.
        warnings: What there is to say about the model and its pictures.
        curve: What each epoch of its training came to, as its card has it.
    """

    candidates: tuple[Candidate, ...]
    failures: tuple[tuple[str, TflconvError], ...]
    warnings: tuple[str, ...] = ()
    curve: tuple[JsonValue, ...] = ()
