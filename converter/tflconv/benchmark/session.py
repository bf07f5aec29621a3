"""Run the processes that measure one model file on one device, each for one purpose."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from tflconv.benchmark.config import BenchmarkConfig
from tflconv.benchmark.harness import Harness
from tflconv.benchmark.protocol import HarnessOutput
from tflconv.core.private import scratch_folder
from tflconv.core.progress import Callback, Progress, silent
from tflconv.device.interface import LooksOn, Watch, WatchesConditions
from tflconv.results import Moment

_QS8, _QU8, _FORCE_FP16, _DYNAMIC_FULLY_CONNECTED = 1, 2, 4, 8
FORCE_FP16 = _QS8 | _QU8 | _FORCE_FP16 | _DYNAMIC_FULLY_CONNECTED
"""XNNPACK's flags for half precision in place of floats.

They replace its usual ones, so these are said, too: without them it takes no operator in integers.
"""
MOST_SAMPLES = 20_000
"""Durations that a process keeps: a model of a microsecond would fill gigabytes with them."""
REPORT_SECS = 1.0
"""Seconds between two reports of a sustained run."""


@dataclass(frozen=True)
class Session:
    """A model file on a device, ready to be measured.

    Args:
        harness: The harness on the device.
        model: The file on this computer.
        remote_model: Its path on the device.
        config: How to measure it.
        input_file: Path on the device of the raw input bytes, or None for random numbers.
        progress: Is told which process is at work.

    """

    harness: Harness
    model: Path
    remote_model: str
    config: BenchmarkConfig
    input_file: str | None = None
    progress: Callback = silent

    @contextlib.contextmanager
    def watched(self) -> Iterator[Watch]:
        """Watch the conditions during the block, on devices that report any."""
        device = self.harness.device
        if isinstance(device, WatchesConditions):
            with device.conditions() as watch:
                yield watch
        else:
            yield Watch()

    @contextlib.contextmanager
    def looked_at(self) -> Iterator[list[Moment]]:
        """Look at heat and battery during the block, on devices that have any."""
        device = self.harness.device
        if isinstance(device, LooksOn):
            with device.looks() as moments:
                yield moments
        else:
            yield []

    def latency(self) -> HarnessOutput:
        """Measure latency in a closed loop: each inference starts when the one before it ends."""
        config = self.config
        self._tell("latency")
        return self.run(
            warmup_runs=config.warmup_runs,
            warmup_min_secs=config.warmup_min_secs,
            num_runs=config.num_runs,
            min_secs=config.min_secs,
            max_secs=config.max_secs,
            run_delay=config.run_delay,
        )

    def at_rate(self) -> HarnessOutput:
        """Measure CPU use at ``rate_hz`` inferences per second, as an app would run them."""
        self._tell("rate")
        return self.run(
            warmup_min_secs=0,
            num_runs=1,
            min_secs=self.config.rate_secs,
            run_frequency=self.config.rate_hz,
        )

    def sustained(self) -> HarnessOutput:
        """Measure for ``sustained_secs`` with a report per second, to show the effect of heat."""
        config = self.config
        self._tell("sustained")
        return self.run(
            warmup_runs=0,
            warmup_min_secs=0,
            num_runs=1,
            min_secs=config.sustained_secs,
            max_secs=config.sustained_secs,
            duty_cycle=config.duty_cycle,
            burst_secs=config.burst_secs,
            report_secs=REPORT_SECS,
        )

    def memory(self) -> HarnessOutput:
        """Measure memory in a process that runs the model as few times as possible."""
        self._tell("memory")
        return self.run(warmup_runs=0, warmup_min_secs=0, num_runs=1, min_secs=0)

    def start(self, weight_cache: str | None = None) -> HarnessOutput:
        """Start a process that runs the model once, with a weight cache at a path or without."""
        return self.run(
            warmup_runs=0, warmup_min_secs=0, num_runs=1, min_secs=0, weight_cache=weight_cache
        )

    def profile(self, runs: int) -> HarnessOutput:
        """Profile the operators over a number of inferences."""
        self._tell("profile")
        return self.run(enable_op_profiling=True, warmup_min_secs=0, num_runs=runs)

    def accuracy(self, test_set: str) -> HarnessOutput:
        """Classify every picture of the packed set at the path ``test_set`` on the device."""
        self._tell("accuracy")
        return self.run(test_set=test_set)

    def outputs(self) -> tuple[HarnessOutput, bytes]:
        """Run one inference; return the harness's output and the bytes of the model's outputs."""
        device = self.harness.device
        with device.temporary_file() as remote, scratch_folder() as folder:
            output = self.run(
                warmup_runs=0, warmup_min_secs=0, num_runs=1, min_secs=0, output_filepath=remote
            )
            local = folder / "outputs"
            device.pull(remote, local)
            return output, local.read_bytes()

    def minimal_argv(self) -> list[str]:
        """Return the command line that runs the model as few times as possible, in one thread.

        More threads would wait for each other in a loop, and an emulator would count that.
        """
        single = replace(self, config=replace(self.config, num_threads=1))
        return single._argv(warmup_runs=0, warmup_min_secs=0, num_runs=1, min_secs=0)

    def run(self, **flags: object) -> HarnessOutput:
        """Run the harness with ``flags`` and the settings that all processes share."""
        return self.harness.run(self._argv(**flags), subject=self.subject, timeout=self.timeout)

    def _tell(self, part: str) -> None:
        """Report which of the parts that the settings ask for begins; a session knows no more."""
        config = self.config
        asked = {
            "latency": True,
            "rate": config.rate_hz > 0,
            "memory": config.memory,
            "sustained": config.sustained_secs > 0,
            "profile": config.profile_runs > 0,
        }
        parts = [name for name, wanted in asked.items() if wanted or name == part]
        parts += [part] if part not in parts else []
        event = Progress(stage=part, done=parts.index(part), total=len(parts), unit="parts")
        self.progress(event)

    @property
    def subject(self) -> str:
        """What error messages begin with: the model and the device."""
        return f"{self.model.name} on {self.harness.device.id}"

    @property
    def timeout(self) -> float:
        """Seconds after which a process is stopped."""
        return self.config.timeout + self.config.max_secs + self.config.sustained_secs

    def _argv(self, **flags: object) -> list[str]:
        config = self.config
        return self.harness.argv(
            graph=self.remote_model,
            num_threads=config.num_threads,
            cpu_mask=config.cpu_mask,
            accelerator=config.accelerator,
            xnnpack_flags=FORCE_FP16 if config.precision == "fp16" else None,
            seed=config.seed,
            max_samples=max(config.num_runs, MOST_SAMPLES),
            input_file=self.input_file,
            **flags,
        )
