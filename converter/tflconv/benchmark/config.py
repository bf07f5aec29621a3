"""How a model is measured; the defaults are those of TensorFlow Lite's ``benchmark_model``."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from typing import Literal

from tflconv.core.jsonvalue import JsonValue
from tflconv.errors import require

MASK = re.compile(r"|big|all|0x[0-9a-fA-F]+")

LOWEST = {
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
    "seed": 0,
    "timeout": 1,
}


@dataclass(frozen=True, kw_only=True)
class BenchmarkConfig:
    """Seconds, counts and choices of one benchmark; checked when built.

    The steady state goes on for at least ``num_runs`` runs and ``min_secs`` seconds, but not past
    ``max_secs``. ``rate_hz`` inferences per second for ``rate_secs`` tell what the CPU does in an
    application (0: not measured). ``sustained_secs`` adds a long run with a time series;
    ``duty_cycle`` is its share of time at work. ``cpu_mask`` is empty (leave it to the system),
    ``big``, ``all`` or hex. The model gets the raw bytes of ``input_file``, or numbers drawn from
    ``seed``. ``timeout`` is added to the time that a process is meant to take.
    """

    num_runs: int = 50
    min_secs: float = 1.0
    max_secs: float = 150.0
    run_delay: float = 0.0
    warmup_runs: int = 1
    warmup_min_secs: float = 0.5
    num_threads: int = 1
    cpu_mask: str = ""
    accelerator: Literal["cpu", "gpu"] = "cpu"
    memory: bool = True
    rate_hz: float = 10.0
    rate_secs: float = 2.0
    profile_runs: int = 20
    sustained_secs: float = 0.0
    duty_cycle: float = 1.0
    seed: int = 0
    input_file: str = ""
    timeout: float = 120.0

    def __post_init__(self) -> None:
        for name, lowest in LOWEST.items():
            rule = (getattr(self, name) >= lowest, f"at least {lowest}")
            require("benchmark", self, **{name: rule})
        require(
            "benchmark",
            self,
            max_secs=(self.max_secs >= self.min_secs, f"at least {self.min_secs}"),
            duty_cycle=(0.01 <= self.duty_cycle <= 1, "from 0.01 to 1"),
            accelerator=(self.accelerator in ("cpu", "gpu"), "cpu or gpu"),
            cpu_mask=(MASK.fullmatch(self.cpu_mask) is not None, "big, all or hex"),
        )

    def to_json(self) -> dict[str, JsonValue]:
        """Every setting by name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}
