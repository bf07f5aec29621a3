"""Where models are measured: this host, an emulated core, a phone."""

from tflconv.device.protocol import Completed, Device
from tflconv.device.registry import Listed, find, listed

__all__ = ["Completed", "Device", "Listed", "find", "listed"]
