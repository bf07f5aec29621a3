"""A farm of phones takes hardly longer than its slowest phone."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fakes import device as fake
from fakes.device import FakeDevice
from tflconv.benchmark import BenchmarkConfig, build
from tflconv.pipeline import BenchRequest
from tflconv.pipeline.measuring import bench

GOLDEN = Path(__file__).parents[1] / "golden" / "models"
FILES = (GOLDEN / "tiny_float32.tflite", GOLDEN / "tiny_int8.tflite")
PROCESSES = 5
"""Four blocks of latency, and memory, of each file."""

SLEEPS = (0.4, 0.6, 0.8, 1.0, 1.2, 1.4, 1.6, 1.8)
"""Seconds that each process of a phone takes."""


def asleep(seconds: float) -> fake.Answer:
    def answer(flags: fake.Flags) -> list[dict[str, Any]]:
        time.sleep(seconds)
        return fake.ordinary(flags)

    return answer


def test_eight_phones_take_the_time_of_the_slowest(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, tell: Callable[[str, str], None]
) -> None:
    program = tmp_path / "harness"
    program.write_bytes(b"harness")
    monkeypatch.setattr(build, "for_host", lambda: program)
    phones = {}
    for number, seconds in enumerate(SLEEPS):
        phone = FakeDevice(asleep(seconds), kind="host")
        phone.id = f"adb:{number}"
        phones[phone.id] = phone
    monkeypatch.setattr("tflconv.device.find", lambda name, **_: phones[name])
    config = BenchmarkConfig(rate_hz=0, profile_runs=0)
    began = time.monotonic()
    results, failures = bench(BenchRequest(files=FILES, devices=tuple(phones), config=config))
    took = time.monotonic() - began
    slowest = len(FILES) * PROCESSES * max(SLEEPS)
    assert failures == []
    assert len(results.runs) == len(FILES) * len(SLEEPS)
    assert took <= 1.2 * slowest
    tell(
        f"{len(SLEEPS)} phones of known speed, {len(FILES)} files each, at the same time",
        f"{took:.1f} s, {took / slowest:.2f} of what the slowest takes alone",
    )
