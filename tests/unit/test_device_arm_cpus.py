"""The cores of phones by their numbers, as ``/proc/cpuinfo`` of those phones has them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tflconv.device import arm_cpus, parse, phone_report
from tflconv.device.arm_cpus import core_name

NUMBERS = st.integers(0, 0xFFF).map(lambda number: f"0x{number:03x}")


@pytest.mark.parametrize(
    ("implementer", "part", "name"),
    [
        ("0x41", "0xd03", "Cortex-A53"),
        ("0x41", "0xd05", "Cortex-A55"),
        ("0x41", "0xd0b", "Cortex-A76"),
        ("0x41", "0xd41", "Cortex-A78"),
        ("0x41", "0xd44", "Cortex-X1"),
        ("0x41", "0xd46", "Cortex-A510"),
        ("0x41", "0xd47", "Cortex-A710"),
        ("0x41", "0xd48", "Cortex-X2"),
        ("0x41", "0xd4b", "Cortex-A78C"),
        ("0x41", "0xd4c", "Cortex-X1C"),
        ("0x41", "0xd4d", "Cortex-A715"),
        ("0x41", "0xd4e", "Cortex-X3"),
        ("0x41", "0xd80", "Cortex-A520"),
        ("0x41", "0xd81", "Cortex-A720"),
        ("0x41", "0xd82", "Cortex-X4"),
        ("0x41", "0xd85", "Cortex-X925"),
        ("0x41", "0xd87", "Cortex-A725"),
        ("0x41", "0xd8a", "C1-Nano"),
        ("0x41", "0xd8b", "C1-Pro"),
        ("0x41", "0xd8c", "C1-Ultra"),
        ("0x41", "0xd90", "C1-Premium"),
        ("0x41", "0xd96", "C2-Ultra"),
        ("0x41", "0xd0c", "Neoverse-N1"),
        ("0x48", "0xd01", "TaiShan v110"),
        ("0x48", "0xd02", "TaiShan v120"),
        ("0x48", "0xd03", "TaiShan v121"),
        ("0x48", "0xd05", "TaiShan v123"),
        ("0x48", "0xd42", "TaiShan v120 (middle)"),
        ("0x48", "0xd40", "Cortex-A76"),
        ("0x48", "0xd41", "Cortex-A77"),
        ("0x51", "0x001", "Oryon"),
        ("0x51", "0x002", "Oryon V3"),
        ("0x51", "0x804", "Kryo 4xx Gold (Cortex-A76)"),
        ("0x53", "0x001", "Exynos M1"),
        ("0x53", "0x002", "Exynos M3"),
        ("0x53", "0x003", "Exynos M4"),
        ("0x53", "0x004", "Exynos M5"),
    ],
)
def test_names(implementer: str, part: str, name: str) -> None:
    assert core_name(implementer, part, "0x1") == name
    assert core_name(implementer, part.upper().replace("X", "x")) == name


def test_two_cores_that_differ_in_the_variant_alone() -> None:
    assert core_name("0x53", "0x001", "0x4") == "Exynos M2"
    assert core_name("0x41", "0xd03", "0x4") == "Cortex-A53"


@given(NUMBERS, NUMBERS)
def test_what_is_unknown_keeps_its_numbers(implementer: str, part: str) -> None:
    name = core_name(implementer, part)
    assert name == f"CPU {implementer}/{part}" or not name.startswith("CPU ")


@pytest.mark.parametrize("word", ["", "?", "-", "0xzz", "A53"])
def test_words_that_are_no_numbers(word: str) -> None:
    assert core_name(word, "0xd03") == f"CPU {word}/0xd03"


def test_a_flagship_of_2025_with_all_its_features() -> None:
    core = "Features\t: fp asimd asimddp sve sve2 i8mm bf16 sme sme2\nCPU implementer\t: 0x41\n"
    parts = ["0xd8b"] * 4 + ["0xd90"] * 3 + ["0xd8c"]
    cpuinfo = "\n".join(f"processor\t: 0\n{core}CPU part\t: {part}\n" for part in parts)
    assert parse.processor(cpuinfo).name == "4x C1-Pro + 3x C1-Premium + 1x C1-Ultra"
    described = phone_report.describe("adb:a", {"cpuinfo": cpuinfo})
    assert described.features == (
        "asimd", "asimddp", "i8mm", "bf16", "sve", "sve2", "sme", "sme2"
    )  # fmt: skip
    assert set(described.features) < set(arm_cpus.FEATURES)


def test_exynos_m2_is_told_by_its_variant() -> None:
    text = "CPU implementer : 0x53\nCPU variant : 0x4\nCPU part : 0x001\n"
    assert parse.processor(text).name == "1x Exynos M2"


def test_a_kirin_of_2023_has_cores_of_two_makers() -> None:
    cores = [("0x41", "0xd46")] * 4 + [("0x48", "0xd42")] * 3 + [("0x48", "0xd02")]
    text = "\n".join(f"CPU implementer : {maker}\nCPU part : {part}\n" for maker, part in cores)
    named = "4x Cortex-A510 + 3x TaiShan v120 (middle) + 1x TaiShan v120"
    assert parse.processor(text).name == named
