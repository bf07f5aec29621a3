"""Phones that can run models and phones that cannot, by what they report."""

from __future__ import annotations

import pytest

from tflconv.device import connecting, phone_report
from tflconv.device.suitability import obstacle
from tflconv.errors import DeviceError

ABI, ABIS = "ro.product.cpu.abi", "ro.product.cpu.abilist"
SDK, RELEASE = "ro.build.version.sdk", "ro.build.version.release"


@pytest.mark.parametrize(
    ("properties", "machine"),
    [
        ({ABIS: "arm64-v8a,armeabi-v7a,armeabi", SDK: "34"}, "aarch64"),
        ({ABI: "arm64-v8a", SDK: "24"}, "aarch64"),
        ({ABIS: "arm64-v8a"}, ""),
        ({ABIS: "armeabi-v7a,armeabi,arm64-v8a", SDK: "30"}, "aarch64"),
        ({SDK: "REL"}, "aarch64"),
        ({}, "aarch64"),
        ({}, "arm64"),
        ({}, ""),
    ],
)
def test_phones_that_can(properties: dict[str, str], machine: str) -> None:
    assert obstacle(properties, machine) is None


@pytest.mark.parametrize(
    ("properties", "machine", "state"),
    [
        ({ABIS: "armeabi-v7a,armeabi", SDK: "29"}, "armv8l", "unsupported (armeabi-v7a)"),
        ({ABI: "armeabi-v7a"}, "aarch64", "unsupported (armeabi-v7a)"),
        ({ABIS: "x86_64,arm64-v8a", SDK: "34"}, "x86_64", "unsupported (x86_64)"),
        ({ABI: "x86"}, "i686", "unsupported (x86)"),
        ({ABI: "riscv64"}, "riscv64", "unsupported (riscv64)"),
        ({}, "x86_64", "unsupported (x86_64)"),
        ({}, "armv7l", "unsupported (armv7l)"),
        ({ABI: "arm64-v8a", SDK: "23", RELEASE: "6.0.1"}, "aarch64", "unsupported (Android 6.0.1)"),
        ({SDK: "21"}, "aarch64", "unsupported (Android API level 21)"),
    ],
)
def test_phones_that_cannot(properties: dict[str, str], machine: str, state: str) -> None:
    found = obstacle(properties, machine)
    assert found
    assert found.state == state


@pytest.mark.parametrize("machine", ["aarch64", "armv8l"])
def test_a_32_bit_android_on_a_64_bit_processor_is_called_that(machine: str) -> None:
    found = obstacle({ABIS: "armeabi-v7a,armeabi", SDK: "29"}, machine)
    assert found
    assert "its processor has 64 bits, but its Android has 32" in found.sentence
    assert "No setting changes that" in found.hint
    plain = obstacle({ABIS: "armeabi-v7a,armeabi", SDK: "29"}, "armv7l")
    assert plain
    assert "64 bits" not in plain.sentence


def test_a_phone_without_dot_product_can() -> None:
    cpuinfo = "Features : fp asimd\nCPU implementer : 0x41\nCPU part : 0xd03\n"
    machine = "Linux aarch64\r"
    assert phone_report.obstacle({"cpuinfo": cpuinfo, "machine": machine}) is None


def test_without_adb_the_first_step_is_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> None:
        raise DeviceError("there is no adb on this computer.", hint="Install it.")

    monkeypatch.setattr("tflconv.device.adb.program", missing)
    first, *others = connecting.steps()
    assert first == "There is no adb on this computer. Install it."
    assert tuple(others) == connecting.STEPS
