"""The processes that measure one model file on one device, each for one purpose."""

from __future__ import annotations

import posixpath
import secrets
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

from tflconv.benchmark.config import BenchmarkConfig
from tflconv.benchmark.harness import Harness
from tflconv.benchmark.protocol import Conversation

REPORT_SECS = 1.0
"""How often a sustained run reports."""


@dataclass(frozen=True)
class Session:
    """The file ``model``, which lies at ``remote_model`` on the harness's device."""

    harness: Harness
    model: Path
    remote_model: str
    config: BenchmarkConfig
    input_file: str | None = None

    def latency(self) -> Conversation:
        """Closed loop: the next inference starts when the last one ends."""
        config = self.config
        return self.run(
            warmup_runs=config.warmup_runs,
            warmup_min_secs=config.warmup_min_secs,
            num_runs=config.num_runs,
            min_secs=config.min_secs,
            max_secs=config.max_secs,
            run_delay=config.run_delay,
        )

    def at_rate(self) -> Conversation:
        """``rate_hz`` inferences per second, as an application would want them."""
        return self.run(
            warmup_min_secs=0,
            num_runs=1,
            min_secs=self.config.rate_secs,
            run_frequency=self.config.rate_hz,
        )

    def sustained(self) -> Conversation:
        """Minutes of work, reported every second, to see what heat does."""
        config = self.config
        return self.run(
            warmup_runs=0,
            warmup_min_secs=0,
            num_runs=1,
            min_secs=config.sustained_secs,
            max_secs=config.sustained_secs,
            duty_cycle=config.duty_cycle,
            report_secs=REPORT_SECS,
        )

    def memory(self) -> Conversation:
        """A fresh process that does next to nothing else."""
        return self.run(warmup_runs=0, warmup_min_secs=0, num_runs=1, min_secs=0)

    def profile(self, runs: int) -> Conversation:
        """Which ops ran where, and for how long."""
        return self.run(enable_op_profiling=True, warmup_min_secs=0, num_runs=runs)

    def accuracy(self, test_set: str) -> Conversation:
        """Every picture of the packed set that lies at ``test_set`` on the device."""
        return self.run(test_set=test_set)

    def outputs(self) -> tuple[Conversation, bytes]:
        """One inference of the numbers that ``seed`` stands for, and the bytes that came out."""
        remote = posixpath.join(posixpath.dirname(self.harness.path), secrets.token_hex(8))
        device = self.harness.device
        try:
            said = self.run(
                warmup_runs=0, warmup_min_secs=0, num_runs=1, min_secs=0, output_filepath=remote
            )
            with tempfile.TemporaryDirectory() as folder:
                local = Path(folder) / "outputs"
                device.pull(remote, local)
                return said, local.read_bytes()
        finally:
            device.remove(remote)

    def once(self) -> list[str]:
        """The command line of a process that runs the model as seldom as it can, in one thread.

        More threads would wait for each other in a loop, and an emulator would count that.
        """
        alone = replace(self, config=replace(self.config, num_threads=1))
        return alone._argv(warmup_runs=0, warmup_min_secs=0, num_runs=1, min_secs=0)

    def run(self, **flags: object) -> Conversation:
        """Run the harness with ``flags`` and the settings that all processes share."""
        return self.harness.hear(self._argv(**flags), subject=self.subject, timeout=self.timeout)

    @property
    def subject(self) -> str:
        """What an error is about."""
        return f"{self.model.name} on {self.harness.device.id}"

    @property
    def timeout(self) -> float:
        """Seconds after which a process is given up."""
        return self.config.timeout + self.config.max_secs + self.config.sustained_secs

    def _argv(self, **flags: object) -> list[str]:
        config = self.config
        return self.harness.argv(
            graph=self.remote_model,
            num_threads=config.num_threads,
            cpu_mask=config.cpu_mask,
            accelerator=config.accelerator,
            seed=config.seed,
            input_file=self.input_file,
            **flags,
        )
