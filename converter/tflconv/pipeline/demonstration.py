"""The study that comes with tflconv, with arm64 instructions where this computer can count them."""

from __future__ import annotations

from dataclasses import replace

from tflconv.core import resources
from tflconv.device import emulator
from tflconv.device.arm64 import qemu, sysroot
from tflconv.errors import DeviceError
from tflconv.pipeline import plan as plans
from tflconv.pipeline.plan import Plan

CORE = "arm64:cortex-a76"


def plan(*, counted: bool) -> Plan:
    """Return the bundled plan; with ``counted``, its devices have an emulated core, too."""
    bundled = plans.load(resources.demo_plan())
    return replace(bundled, devices=(*bundled.devices, CORE)) if counted else bundled


def obstacle() -> str | None:
    """Return why no instructions can be counted here and what would help; None if they can.

    What the core needs beside QEMU is downloaded once, as by ``tflconv devices setup arm64``.
    """
    try:
        if not qemu.find().has_plugins:
            return f"{qemu.NO_PLUGINS}. {qemu.GET_PLUGINS}"
        _complete()
    except DeviceError as error:
        return str(error)
    return None


def _complete() -> None:
    """Download what is missing, unless it is there."""
    try:
        sysroot.find()
    except DeviceError:
        emulator.setup()
