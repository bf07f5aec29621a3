"""A device that answers the harness's command line as a test wants it to."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from tflconv.device.interface import Completed, Runtime
from tflconv.results import DeviceInfo, Software

Flags = Mapping[str, str]
Answer = Callable[[Flags], list[dict[str, Any]]]

HELLO = {"type": "hello", "protocol": 1, "abi": "x86_64-linux"}
INIT = {
    "type": "init",
    "init_ns": 5_000_000,
    "first_inference_ns": 2_000_000,
    "output_digest": "0" * 16,
    "on_accelerator": False,
    "cpu_mask": 3,
    "cpu_mask_chosen_again": False,
    "outputs": [{"type": "float32", "bytes": 12}],
}
CPU = {
    "type": "cpu",
    "runs": 4,
    "wall_ns": 4_000_000,
    "cpu_ns": 3_960_000,
    "voluntary_switches": 1,
    "involuntary_switches": 2,
    "rate_hz": None,
    "instructions": 400,
    "cycles": 800,
    "why_not_counted": None,
}
MEMORY = {
    "type": "memory",
    "peak_bytes": 4096,
    "before_init_bytes": 1024,
    "after_init_bytes": 2048,
    "current_bytes": 2048,
}
OPS = {
    "type": "ops",
    "nodes": 3,
    "delegated": 2,
    "partitions": 1,
    "runs": 2,
    "ops": [
        {"name": "Convolution (NHWC, F32) IGEMM", "delegate": "XNNPACK", "mean_ns": 900.0},
        {"name": "SOFTMAX", "delegate": None, "mean_ns": 100.0},
    ],
}
END = {"type": "end", "cpu_mask_kept": True}


def samples(*nanoseconds: int, phase: str = "steady", at: int = 0) -> dict[str, Any]:
    """A ``run`` line."""
    return {
        "type": "run",
        "phase": phase,
        "at_ns": at,
        "runs": len(nanoseconds),
        "samples_ns": nanoseconds,
        "khz": [1_000_000],
    }


def accuracy(*predicted: int, labels: Sequence[int], classes: int) -> dict[str, Any]:
    """The ``accuracy`` line of these answers."""
    pairs = list(zip(predicted, labels, strict=True))
    per_class = [
        [sum(p == c == label for p, label in pairs), sum(label == c for _, label in pairs)]
        for c in range(classes)
    ]
    return {
        "type": "accuracy",
        "total": len(pairs),
        "correct": sum(p == label for p, label in pairs),
        "per_class": per_class,
        "digest": "f" * 16,
        "predicted": predicted,
    }


def ordinary(flags: Flags) -> list[dict[str, Any]]:
    """What a harness that finds nothing special says."""
    if flags.get("enable_op_profiling") == "true":
        return [HELLO, INIT, OPS, MEMORY, END]
    rate = flags.get("run_frequency")
    cpu = CPU | {"rate_hz": float(rate), "cpu_ns": 400_000} if rate else CPU
    runs = [samples(3_000_000, phase="warmup"), samples(*[1_000_000] * 4)]
    return [HELLO, INIT, *runs, cpu, MEMORY, END]


class FakeDevice:
    """Runs no program: ``answer`` makes the harness's lines from its flags."""

    def __init__(
        self,
        answer: Answer = ordinary,
        *,
        kind: str = "phone",
        returncode: int = 0,
        outputs: bytes = bytes(12),
        features: tuple[str, ...] = (),
        accelerators: tuple[str, ...] = ("libLiteRtFakeAccelerator.so",),
    ) -> None:
        self.id = {"host": "host", "emulator": "arm64:FAKE"}.get(kind, "adb:FAKE")
        self.answer, self.kind, self.returncode, self.outputs = answer, kind, returncode, outputs
        self.features, self.accelerators = features, accelerators
        self.commands: list[Flags] = []
        self.removed: list[str] = []
        self.installed = 0
        self.pushed: list[str] = []

    def info(self) -> DeviceInfo:
        kind: Any = self.kind
        return DeviceInfo(
            id=self.id,
            kind=kind,
            name="Fake",
            abi="x86_64-linux",
            os="none",
            features=self.features,
        )

    def runtime(self) -> Runtime:
        self.installed += 1
        software = Software(name="LiteRT", version="2.3.0", sha256="0" * 64)
        return Runtime(
            abi="x86_64-linux",
            path="/fake/libLiteRt.so",
            software=software,
            accelerators=self.accelerators,
        )

    def push(self, source: Path, *, executable: bool = False) -> str:
        self.pushed.append(source.name)
        return f"/fake/{source.name}"

    def pull(self, remote: str, target: Path) -> None:
        target.write_bytes(self.outputs)

    def shell(self, argv: Sequence[str], *, timeout: float | None = None) -> Completed:
        flags = dict(word[2:].split("=", 1) for word in argv[1:])
        self.commands.append(flags)
        lines = [json.dumps(line, separators=(",", ":")) for line in self.answer(flags)]
        return Completed(
            returncode=self.returncode, stdout="".join(f"{line}\n" for line in lines), stderr=""
        )

    @contextlib.contextmanager
    def temporary_file(self) -> Iterator[str]:
        yield "/fake/temporary"
        self.removed.append("/fake/temporary")
