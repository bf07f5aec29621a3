"""Names of the arm64 cores of phones, and the features that decide how fast a model is.

Linux numbers a core by its implementer and part (and rarely its variant). The numbers come from:

- Arm, Qualcomm, Samsung, HiSilicon, NVIDIA: ``sys-utils/lscpu-arm.c`` of util-linux;
- C1-Pro, C1-Ultra, C1-Premium, Oryon: also ``arch/arm64/include/asm/cputype.h`` of Linux;
- the cores of Kirin 9000S, 9010 and 9020: https://github.com/Dr-Noob/cpufetch/issues/259 and
  ``docs/hardware/huawei.md`` of jiegec/kb; HiSilicon numbers them itself, so 0xd03 is no
  Cortex-A53 there and 0xd05 no Cortex-A55;
- HIP12, Olympus: ``cputype.h`` of Linux; C2-Ultra: ``sys/arch/arm64/arm64/cpu.c`` of OpenBSD;
- Oryon V3 (Snapdragon 8 Elite Gen 5): https://github.com/pytorch/cpuinfo/issues/356;
- Exynos M2, which shares its part number with M1: ``src/arm/uarch.c`` of pytorch/cpuinfo.
"""

from __future__ import annotations

from collections.abc import Mapping

FEATURES = ("asimd", "asimdhp", "asimddp", "i8mm", "bf16", "sve", "sve2", "sme", "sme2")
"""Names in Linux of SIMD, fp16, dot product and matrix instructions."""

_ARM, _HISILICON, _NVIDIA, _QUALCOMM, _SAMSUNG = 0x41, 0x48, 0x4E, 0x51, 0x53

_PARTS: Mapping[int, Mapping[int, str]] = {
    _ARM: {
        0xD02: "Cortex-A34",
        0xD03: "Cortex-A53",
        0xD04: "Cortex-A35",
        0xD05: "Cortex-A55",
        0xD06: "Cortex-A65",
        0xD07: "Cortex-A57",
        0xD08: "Cortex-A72",
        0xD09: "Cortex-A73",
        0xD0A: "Cortex-A75",
        0xD0B: "Cortex-A76",
        0xD0C: "Neoverse-N1",
        0xD0D: "Cortex-A77",
        0xD0E: "Cortex-A76AE",
        0xD40: "Neoverse-V1",
        0xD41: "Cortex-A78",
        0xD42: "Cortex-A78AE",
        0xD43: "Cortex-A65AE",
        0xD44: "Cortex-X1",
        0xD46: "Cortex-A510",
        0xD47: "Cortex-A710",
        0xD48: "Cortex-X2",
        0xD49: "Neoverse-N2",
        0xD4A: "Neoverse-E1",
        0xD4B: "Cortex-A78C",
        0xD4C: "Cortex-X1C",
        0xD4D: "Cortex-A715",
        0xD4E: "Cortex-X3",
        0xD4F: "Neoverse-V2",
        0xD80: "Cortex-A520",
        0xD81: "Cortex-A720",
        0xD82: "Cortex-X4",
        0xD83: "Neoverse-V3AE",
        0xD84: "Neoverse-V3",
        0xD85: "Cortex-X925",
        0xD87: "Cortex-A725",
        0xD88: "Cortex-A520AE",
        0xD89: "Cortex-A720AE",
        0xD8A: "C1-Nano",
        0xD8B: "C1-Pro",
        0xD8C: "C1-Ultra",
        0xD8E: "Neoverse-N3",
        0xD8F: "Cortex-A320",
        0xD90: "C1-Premium",
        0xD96: "C2-Ultra",
    },
    _HISILICON: {
        0xD01: "TaiShan v110",
        0xD02: "TaiShan v120",
        0xD03: "TaiShan v121",
        0xD05: "TaiShan v123",
        0xD06: "HIP12",
        0xD40: "Cortex-A76",
        0xD41: "Cortex-A77",
        0xD42: "TaiShan v120 (middle)",
    },
    _NVIDIA: {0x000: "Denver", 0x003: "Denver 2", 0x004: "Carmel", 0x010: "Olympus"},
    _QUALCOMM: {
        0x001: "Oryon",
        0x002: "Oryon V3",
        0x201: "Kryo",
        0x205: "Kryo",
        0x211: "Kryo",
        0x800: "Kryo 2xx Gold (Cortex-A73)",
        0x801: "Kryo 2xx Silver (Cortex-A53)",
        0x802: "Kryo 3xx Gold (Cortex-A75)",
        0x803: "Kryo 3xx Silver (Cortex-A55)",
        0x804: "Kryo 4xx Gold (Cortex-A76)",
        0x805: "Kryo 4xx Silver (Cortex-A55)",
    },
    _SAMSUNG: {
        0x001: "Exynos M1",
        0x002: "Exynos M3",
        0x003: "Exynos M4",
        0x004: "Exynos M5",
    },
}

_VARIANTS = {(_SAMSUNG, 0x001, 0x4): "Exynos M2"}


def core_name(implementer: str, part: str, variant: str = "") -> str:
    """Return the name of a core by what ``/proc/cpuinfo`` says, else its numbers.

    Args:
        implementer: Value of ``CPU implementer``.
        part: Value of ``CPU part``.
        variant: Value of ``CPU variant``.

    Example:
        >>> core_name("0x41", "0xd85"), core_name("0x41", "0xfff")
        ('Cortex-X925', 'CPU 0x41/0xfff')

    """
    maker, number, version = (_hexadecimal(text) for text in (implementer, part, variant))
    name = _VARIANTS.get((maker, number, version)) or _PARTS.get(maker, {}).get(number)
    return name or f"CPU {implementer}/{part}"


def _hexadecimal(text: str) -> int:
    try:
        return int(text, 16)
    except ValueError:
        return -1
