"""Settings of a benchmark; the defaults are those of TensorFlow Lite's ``benchmark_model``."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, fields, replace
from typing import Literal

from tflconv.core.jsonvalue import JsonValue
from tflconv.errors import refuse_idle, require

Precision = Literal["fp32", "fp16"]

BLOCKS = 4
"""Blocks of each of several files that are measured together: two rounds, each with its reverse."""

MASK = re.compile(r"|big|all|0x0*[1-9a-fA-F][0-9a-fA-F]{0,15}")

LOWEST = {
    "blocks": 0,
    "num_runs": 1,
    "min_secs": 0,
    "max_secs": 0.001,
    "run_delay": 0,
    "warmup_runs": 0,
    "warmup_min_secs": 0,
    "num_threads": 1,
    "rate_hz": 0,
    "rate_secs": 0,
    "profile_runs": 0,
    "sustained_secs": 0,
    "burst_secs": 0,
    "seed": 0,
    "timeout": 1,
}


_WHOLE, _HOUR = 2**31 - 1, 3600.0
HIGHEST = {
    "num_runs": _WHOLE,
    "min_secs": 24 * _HOUR,
    "max_secs": 24 * _HOUR,
    "run_delay": _HOUR,
    "warmup_runs": _WHOLE,
    "warmup_min_secs": _HOUR,
    "num_threads": 1024,
    "rate_hz": 1e6,
    "rate_secs": 24 * _HOUR,
    "profile_runs": _WHOLE,
    "sustained_secs": 24 * _HOUR,
    "burst_secs": _HOUR,
    "seed": _WHOLE,
}
"""What the harness takes at most."""


@dataclass(frozen=True, kw_only=True)
class BenchmarkConfig:
    """Settings of one benchmark; checked when built.

    Args:
        blocks: Process starts per file, each with its own warm-up and steady state; those of
            files that are measured together are interleaved (``benchmark.schedule``). Runs and
            seconds are those of one block; 0 shares them among four blocks where several files are
            measured, and leaves a file alone one block.
        num_runs: Least number of inferences in the steady state.
        min_secs: Least duration of the steady state, in seconds; 20 000 inferences end it sooner.
        max_secs: Longest duration of the steady state, in seconds.
        run_delay: Pause after each inference, in seconds.
        warmup_runs: Least number of inferences before the steady state.
        warmup_min_secs: Least duration of the warm-up, in seconds.
        num_threads: Threads of XNNPACK.
        cpu_mask: Cores to run on: ``big``, ``all``, a hex mask, or empty for the system's choice.
        accelerator: ``cpu`` or ``gpu``.
        precision: ``fp32``, or ``fp16`` for half precision in place of every float operator of
            XNNPACK.
        memory: Whether to measure memory, in a process of its own.
        weight_cache: Whether to measure starts with XNNPACK's weight cache and without it.
        rate_hz: Inferences per second at which CPU use is measured as in an app; 0 for none.
        rate_secs: Duration of that measurement, in seconds.
        profile_runs: Inferences that are profiled per operator; 0 for none.
        sustained_secs: Duration of a long run with a time series, in seconds; 0 for none.
        duty_cycle: Share of time that the long run is at work, from 0.01 to 1.
        burst_secs: Seconds of work in a row before it rests; by default it rests after each run.
        seed: Seed of the random input numbers.
        input_file: File with the raw bytes of all inputs, which replaces random numbers.
        timeout: Seconds that a process may take beyond its planned duration.

    Raises:
        UsageError: A setting is out of range.

    Example:
        >>> BenchmarkConfig(num_runs=10, num_threads=4).max_secs
        150.0

    """

    blocks: int = 0
    num_runs: int = 50
    min_secs: float = 1.0
    max_secs: float = 150.0
    run_delay: float = 0.0
    warmup_runs: int = 1
    warmup_min_secs: float = 0.5
    num_threads: int = 1
    cpu_mask: str = ""
    accelerator: Literal["cpu", "gpu"] = "cpu"
    precision: Precision = "fp32"
    memory: bool = True
    weight_cache: bool = False
    rate_hz: float = 10.0
    rate_secs: float = 2.0
    profile_runs: int = 20
    sustained_secs: float = 0.0
    duty_cycle: float = 1.0
    burst_secs: float = 0.0
    seed: int = 0
    input_file: str = ""
    timeout: float = 120.0

    def __post_init__(self) -> None:
        require(
            "benchmark",
            self,
            **self._bounds,
            duty_cycle=(0.01 <= self.duty_cycle <= 1, "from 0.01 to 1"),
            accelerator=(self.accelerator in ("cpu", "gpu"), "cpu or gpu"),
            precision=(
                self.precision == "fp32" or (self.precision, self.accelerator) == ("fp16", "cpu"),
                "fp32 or fp16, and fp16 on the cpu only (a GPU chooses its own)",
            ),
            cpu_mask=(MASK.fullmatch(self.cpu_mask) is not None, "big, all or hex"),
        )
        longest = (self.max_secs >= self.min_secs, f"at least {self.min_secs}")
        require("benchmark", self, max_secs=longest)
        lasting = (self.sustained_secs > 0, "there is no sustained run (sustained_secs=0)")
        refuse_idle(
            "benchmark",
            self,
            duty_cycle=lasting,
            burst_secs=lasting if self.duty_cycle < 1 else (False, "it never rests (duty_cycle=1)"),
            rate_secs=(self.rate_hz > 0, "CPU use at a rate is not measured (rate_hz=0)"),
        )

    @property
    def _bounds(self) -> dict[str, tuple[bool, str]]:
        """Of each setting with bounds whether it keeps them, and the bound that it breaks."""
        rules = {
            name: (getattr(self, name) >= least, f"at least {least}")
            for name, least in LOWEST.items()
        }
        for name, most in HIGHEST.items():
            if getattr(self, name) > most:
                rules[name] = (False, f"at most {most:.10g}")
        return rules

    def in_blocks(self, files: int) -> BenchmarkConfig:
        """Return the settings with a number of blocks, and with runs and seconds of one block.

        Args:
            files: Number of files that are measured together. One alone has nothing to take turns
                with.

        Example:
            >>> shared = BenchmarkConfig().in_blocks(files=2)
            >>> shared.blocks, shared.num_runs, shared.min_secs
            (4, 13, 0.25)
        """
        if self.blocks:
            return self
        blocks = BLOCKS if files > 1 else 1
        return replace(
            self,
            blocks=blocks,
            num_runs=math.ceil(self.num_runs / blocks),
            min_secs=self.min_secs / blocks,
            max_secs=max(self.max_secs / blocks, LOWEST["max_secs"]),
            warmup_min_secs=self.warmup_min_secs / blocks,
        )

    def to_json(self) -> dict[str, JsonValue]:
        """Return every setting by name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


@dataclass(frozen=True, kw_only=True)
class ComparisonConfig(BenchmarkConfig):
    """Settings of a comparison: many short blocks, and nothing that is not compared.

    Example:
        >>> ComparisonConfig().blocks
        20

    """

    blocks: int = 20
    num_runs: int = 20
    min_secs: float = 0.25
    warmup_min_secs: float = 0.1
    memory: bool = False
    rate_hz: float = 0.0
    profile_runs: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        require("comparison", self, blocks=(self.blocks >= 1, "at least 1"))
