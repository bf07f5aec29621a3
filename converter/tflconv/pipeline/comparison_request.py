"""What a comparison can be asked for."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tflconv.benchmark.config import BenchmarkConfig, ComparisonConfig
from tflconv.comparison import Settings
from tflconv.errors import require
from tflconv.pipeline.verification_request import Preprocessing
from tflconv.results import Results


@dataclass(frozen=True, kw_only=True)
class ComparisonRequest(Preprocessing):
    """What is compared with what, and how.

    Attributes:
        baseline: A ``.tflite`` file, a results file, with ``#NAME`` for one of its models, or the
            beginning of the hash of a run in the history.
        contender: Likewise.
        settings: Limits, confidence and what is allowed to differ.
        config: How files are measured.
        max_blocks: Blocks per file at most, where open limits extend the measurement.
        devices: Where files are measured.
        dataset: Pictures that both files are to classify.
        pictures: How many of them.
        adb: The adb program; by default that of ``$ADB`` or the path.
        adb_servers: adb servers as ``HOST:PORT``, by default that of ``$ADB_SERVER_SOCKET``, else
            this computer's.
        runtime: LiteRT for a phone: its ``.aar`` or ``libLiteRt.so`` for arm64.
        history: Where runs are found by the beginning of their hash, and kept; by default that of
            ``$TFLCONV_HISTORY``, or the user's own; ``off`` keeps none.
    """

    baseline: str | Path | Results
    contender: str | Path | Results
    settings: Settings = field(default_factory=Settings)
    config: BenchmarkConfig = field(default_factory=ComparisonConfig)
    max_blocks: int = 200
    devices: tuple[str, ...] = ("host",)
    dataset: Any = None
    pictures: int | None = None
    adb: str | None = None
    adb_servers: tuple[str, ...] = ()
    runtime: Path | None = None
    history: Path | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        require("comparison", self, max_blocks=(self.max_blocks >= 1, "at least 1"))
