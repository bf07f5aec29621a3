"""Devices that models are measured on: this computer, an emulated core, a phone."""

from tflconv.device.interface import Completed, Device
from tflconv.device.kinds import ListedDevice, check_name, find, listed

__all__ = ["Completed", "Device", "ListedDevice", "check_name", "find", "listed"]
