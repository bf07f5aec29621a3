"""Devices that are ready to measure, each prepared once per command.

Pushing the harness and LiteRT to a device hashes both and asks the device what it has; a run on a
phone also needs the host and an emulated core. So a command makes one ``Laboratory`` and passes it
to every run.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from tflconv.benchmark import harness as harnesses
from tflconv.benchmark.config import BenchmarkConfig
from tflconv.benchmark.cooling import REST_SECONDS, Cooling
from tflconv.benchmark.harness import Harness
from tflconv.benchmark.session import Session
from tflconv.device import emulator
from tflconv.device.host import Host
from tflconv.device.interface import Device


class Laboratory:
    """The harnesses that are installed so far, by device; threads may share it.

    Args:
        host: The device that others' outputs are compared with, by default this computer.
        find_core: Returns the emulated core of a name; raises ``DeviceError`` if there is none.

    Example:
        >>> laboratory = Laboratory()
        >>> runs = [bench(file, device, config, identity=identify(file), laboratory=laboratory)
        ...         for file in files]  # doctest: +SKIP

    """

    def __init__(
        self,
        *,
        host: Device | None = None,
        find_core: Callable[[str], Device] = emulator.find,
    ) -> None:
        self.host = host or Host()
        self._find_core = find_core
        self._cores: dict[str, Device] = {}
        self._harnesses: dict[str, Harness] = {}
        self._coolings: dict[str, Cooling] = {}
        self._locks: dict[str, threading.Lock] = {}

    def harness(self, device: Device) -> Harness:
        """Return the harness on ``device``, installed on the first call.

        Raises:
            DeviceError: The device is lost or has no LiteRT.

        """
        with self._locks.setdefault(device.id, threading.Lock()):
            if device.id not in self._harnesses:
                self._harnesses[device.id] = harnesses.install(device)
            return replace(self._harnesses[device.id], device=device)

    def core(self, name: str) -> Device:
        """Return the emulated core ``name``. Raises ``DeviceError`` if there is none."""
        with self._locks.setdefault(f"core {name}", threading.Lock()):
            if name not in self._cores:
                self._cores[name] = self._find_core(name)
            return self._cores[name]

    def cooling(self, device: Device) -> Cooling:
        """Return the waits before sustained runs, until ``device`` is as cool as at the first call.

        Raises:
            DeviceError: The device is lost.

        """
        with self._locks.setdefault(f"cooling {device.id}", threading.Lock()):
            if device.id not in self._coolings:
                self._coolings[device.id] = Cooling(
                    device, at_once=REST_SECONDS, in_all=float("inf")
                )
            return self._coolings[device.id]

    def session(self, model: Path, device: Device, config: BenchmarkConfig) -> Session:
        """Push the model and its input file to ``device`` and return what measures it there."""
        harness = self.harness(device)
        inputs = device.push(Path(config.input_file)) if config.input_file else None
        return Session(harness, model, device.push(model), config, inputs)
