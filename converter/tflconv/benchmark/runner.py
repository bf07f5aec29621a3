"""Measuring one model on one device.

Latency, CPU at a given rate, memory and the profile of ops come from processes of their own,
because each would disturb the others: profiling alone quadruples the memory of a small model.
"""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path

from tflconv.benchmark import harness as harnesses
from tflconv.benchmark.config import BenchmarkConfig
from tflconv.benchmark.harness import Harness
from tflconv.benchmark.protocol import Conversation
from tflconv.device.protocol import Device
from tflconv.results import BenchmarkRun, Cpu, Graph, Latency, Memory, Model, Op


def bench(model: Path, device: Device, config: BenchmarkConfig, *, identity: Model) -> BenchmarkRun:
    """Measure the file ``model`` on ``device``; ``identity`` says what it is in the results.

    Raises ``DeviceError`` if the device was lost, the runtime crashed or the time was up, and
    ``TflconvError`` if the model cannot be read or run.
    """
    started = datetime.now(timezone.utc).isoformat(timespec="seconds")
    harness = harnesses.install(device)
    session = Session(harness, device.push(model), config)
    steady = session.latency()
    at_rate = session.at_rate() if config.rate_hz else None
    memory = session.memory() if config.memory else None
    profile = session.profile() if config.profile_runs else None
    return BenchmarkRun(
        model=identity,
        device=device.info(),
        harness=harness.software,
        runtime=harness.runtime.software,
        config=config.to_json(),
        started=started,
        latency=_latency(steady),
        cpu=_cpu(steady, at_rate),
        memory=_memory(memory) if memory else None,
        graph=_graph(profile) if profile else None,
    )


class Session:
    """The processes that measure one model file on one device."""

    def __init__(self, harness: Harness, graph: str, config: BenchmarkConfig) -> None:
        self._harness, self._graph, self._config = harness, graph, config

    def latency(self) -> Conversation:
        """Closed loop: the next inference starts when the last one ends."""
        config = self._config
        return self._run(
            warmup_runs=config.warmup_runs,
            warmup_min_secs=config.warmup_min_secs,
            num_runs=config.num_runs,
            min_secs=config.min_secs,
            max_secs=config.max_secs,
            run_delay=config.run_delay,
        )

    def at_rate(self) -> Conversation:
        """So many inferences a second, as an application would want them."""
        config = self._config
        return self._run(
            warmup_min_secs=0,
            num_runs=1,
            min_secs=config.rate_secs,
            run_frequency=config.rate_hz,
        )

    def memory(self) -> Conversation:
        """A fresh process that does next to nothing else."""
        return self._run(warmup_runs=0, warmup_min_secs=0, num_runs=1, min_secs=0)

    def profile(self) -> Conversation:
        """Which ops ran where, and for how long."""
        runs = self._config.profile_runs
        return self._run(enable_op_profiling=True, warmup_min_secs=0, num_runs=runs)

    def _run(self, **flags: object) -> Conversation:
        config = self._config
        return self._harness.run(
            timeout=config.timeout + config.max_secs,
            graph=self._graph,
            num_threads=config.num_threads,
            cpu_mask=config.cpu_mask,
            accelerator=config.accelerator,
            seed=config.seed,
            **flags,
        )


def _latency(steady: Conversation) -> Latency:
    init = steady["init"]
    return Latency(
        samples_ns=steady.samples("steady"),
        warmup_ns=steady.samples("warmup"),
        init_ns=init["init_ns"],
        first_inference_ns=init["first_inference_ns"],
    )


def _cpu(steady: Conversation, at_rate: Conversation | None) -> Cpu:
    closed = steady["cpu"]
    open_loop = at_rate["cpu"] if at_rate else None
    return Cpu(
        ms_per_inference=closed["cpu_ns"] / closed["runs"] / 1e6,
        percent_closed_loop=100 * closed["cpu_ns"] / closed["wall_ns"],
        percent_at_rate=100 * open_loop["cpu_ns"] / open_loop["wall_ns"] if open_loop else None,
        rate_hz=open_loop["rate_hz"] if open_loop else None,
        voluntary_switches=closed["voluntary_switches"],
        involuntary_switches=closed["involuntary_switches"],
    )


def _memory(conversation: Conversation) -> Memory:
    line = conversation["memory"]
    return Memory(
        peak_bytes=line["peak_bytes"],
        before_init_bytes=line["before_init_bytes"],
        after_init_bytes=line["after_init_bytes"],
        current_bytes=line["current_bytes"],
    )


def _graph(conversation: Conversation) -> Graph:
    line = conversation["ops"]
    return Graph(
        nodes=line["nodes"],
        delegated=line["delegated"],
        partitions=line["partitions"],
        ops=tuple(
            Op(
                name=op["name"],
                kind=op["name"],
                delegate=op["delegate"],
                mean_ns=op["mean_ns"],
            )
            for op in line["ops"]
        ),
    )
