"""LiteRT's own GPU accelerator on a software Vulkan: the one way to test it without a GPU."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tflconv.benchmark import BenchmarkConfig, bench, testset
from tflconv.benchmark.testset import PackedSet
from tflconv.data import Split
from tflconv.device import host
from tflconv.errors import DeviceError
from tflconv.model.normalization import Normalization
from tflconv.results import BenchmarkRun, MeasuredModel

GOLDEN = Path(__file__).parents[1] / "golden" / "models"
DRIVERS = ("/usr/lib/chromium/vk_swiftshader_icd.json",)
IDENTITY = MeasuredModel(slug="tiny", name="tiny", recipe="fp32", sha256="0" * 64, bytes=1)


VARIABLES = ("VK_ICD_FILENAMES", "VK_DRIVER_FILES")
"""Where loaders, old and new, are told their drivers."""

COUNT_DEVICES = """
import ctypes
vulkan = ctypes.CDLL("libvulkan.so.1")
describe, instance, count = (ctypes.c_uint64 * 8)(1), ctypes.c_void_p(), ctypes.c_uint32()
assert vulkan.vkCreateInstance(describe, None, ctypes.byref(instance)) == 0
assert vulkan.vkEnumeratePhysicalDevices(instance, ctypes.byref(count), None) == 0
print(count.value)
"""
"""Asks the loader how many devices its drivers have; 1 is the kind of the structure, all else 0."""


def vulkan_devices(driver: str) -> int:
    """Number of devices of a Vulkan driver: none where only the loader is installed."""
    command = [sys.executable, "-c", COUNT_DEVICES]
    environment = os.environ | dict.fromkeys(VARIABLES, driver)
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    return int(done.stdout) if done.returncode == 0 else 0


@pytest.fixture
def _accelerator(require: Callable[[str, bool, str], None]) -> None:
    library = host.library()
    beside = library is not None and library.with_name("libLiteRtWebGpuAccelerator.so").exists()
    require("vulkan", beside, "LiteRT has no GPU accelerator for this machine")


@pytest.fixture
def _vulkan(
    _accelerator: None, monkeypatch: pytest.MonkeyPatch, require: Callable[[str, bool, str], None]
) -> None:
    driver = next((path for path in DRIVERS if Path(path).exists()), "")
    devices = vulkan_devices(driver) if driver else 0
    require("vulkan", devices > 0, "no software Vulkan (Debian: chromium, libvulkan1)")
    for variable in VARIABLES:
        monkeypatch.setenv(variable, driver)


def test_a_loader_without_a_driver_has_no_device() -> None:
    assert vulkan_devices("/nowhere") == 0


@pytest.fixture
def pictures(tmp_path: Path) -> PackedSet:
    images = np.random.default_rng(0).integers(0, 256, (20, 8, 8, 1), np.uint8)
    labels = np.zeros(20, np.int64)
    split = Split(images=images, labels=labels, ids=tuple(map(str, range(20))))
    return testset.pack(
        tmp_path / "set", split, Normalization(), dataset="noise", classes=("0", "1", "2")
    )


def measured(name: str, pictures: PackedSet) -> BenchmarkRun:
    config = BenchmarkConfig(
        accelerator="gpu", num_runs=5, min_secs=0.0, warmup_min_secs=0.0, rate_hz=0.0
    )
    return bench(GOLDEN / name, host.Host(), config, identity=IDENTITY, test_set=pictures)


@pytest.mark.slow
@pytest.mark.usefixtures("_vulkan")
def test_a_graph_that_runs_there_as_a_whole_is_measured(pictures: PackedSet) -> None:
    run = measured("tiny_float32.tflite", pictures)
    assert run.warnings == ()
    assert run.latency is not None
    assert len(run.latency.samples_ns) == 5
    assert run.accuracy is not None


@pytest.mark.usefixtures("_accelerator")
def test_without_a_graphics_driver_the_message_says_gpu(
    pictures: PackedSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in VARIABLES:
        monkeypatch.setenv(variable, "/nowhere")
    with pytest.raises(DeviceError, match=r"tiny_float32.tflite on host: .* for a GPU"):
        measured("tiny_float32.tflite", pictures)
