"""Half precision: who can compute it, and what a user should know."""

from __future__ import annotations

from pathlib import Path

from tflconv.benchmark.config import BenchmarkConfig
from tflconv.device.interface import Device
from tflconv.errors import UsageError

_ARM = "aarch64"
_ARITHMETIC = ("asimdhp", "fphp")
"""What Linux calls the half precision of Armv8.2."""


def check(model: Path, device: Device, config: BenchmarkConfig) -> None:
    """Raise ``UsageError`` where the device is known to have no arithmetic of half precision.

    Args:
        model: The file, for the message.
        device: Where it is to be measured.
        config: How.
    """
    if config.precision != "fp16":
        return
    info = device.info()
    if info.abi.startswith(_ARM) and info.features and not {*_ARITHMETIC} & {*info.features}:
        raise UsageError(
            f"{model.name} on {device.id}: this processor has no arithmetic of half precision"
            " (Armv8.2).",
            hint="Leave --precision out for it.",
        )
