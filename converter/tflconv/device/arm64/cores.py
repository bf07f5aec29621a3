"""The cores that can be emulated, and how each is described to a program.

XNNPACK selects its kernels by the part number in ``/proc/cpuinfo``: an out-of-order Cortex-A76 gets
other code than an in-order Cortex-A55, though both have the same instructions. Part numbers and
features are those that Linux shows on such cores; a Cortex-A53 has no dot product. A Neoverse N2
multiplies int8 matrices (i8mm), as its sibling in phones does, the Cortex-A710. That one's own part
number, and those of the cores after it, crash LiteRT where it has no ``/sys`` of such a phone. SVE2
is left out, for most phones that have it hide it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from tflconv.errors import unknown

_ARMV8_0 = ("fp", "asimd", "evtstrm", "aes", "pmull", "sha1", "sha2", "crc32", "cpuid")
_ARMV8_2 = (*_ARMV8_0, "atomics", "fphp", "asimdhp", "asimdrdm", "lrcpc", "dcpop", "asimddp")
_ARMV8_6 = (*_ARMV8_2, "asimdfhm", "i8mm", "bf16")


@dataclass(frozen=True, kw_only=True)
class Core:
    """A core that can be emulated.

    Attributes:
        name: Such as ``cortex-a76``.
        part: Arm's part number.
        features: Features as Linux names them.
        models: QEMU's names for it with their settings, the best first.

    """

    name: str
    part: int
    features: tuple[str, ...]
    models: tuple[str, ...]

    @property
    def title(self) -> str:
        """Its name for people, such as ``Cortex-A76``."""
        return "-".join(word.capitalize() for word in self.name.split("-"))

    def cpuinfo(self) -> str:
        """Return ``/proc/cpuinfo`` of a machine with one such core."""
        fields = {
            "processor": "0",
            "BogoMIPS": "38.40",
            "Features": " ".join(self.features),
            "CPU implementer": "0x41",
            "CPU architecture": "8",
            "CPU variant": "0x1",
            "CPU part": f"{self.part:#05x}",
            "CPU revision": "0",
        }
        return "".join(f"{name}\t: {value}\n" for name, value in fields.items()) + "\n"


CORES: Mapping[str, Core] = {
    core.name: core
    for core in (
        Core(
            name="neoverse-n2",
            part=0xD49,
            features=_ARMV8_6,
            models=("neoverse-n2,sve=off", "max,sve=off,sme=off"),
        ),
        Core(name="cortex-a76", part=0xD0B, features=_ARMV8_2, models=("cortex-a76",)),
        Core(name="cortex-a55", part=0xD05, features=_ARMV8_2, models=("cortex-a55", "cortex-a76")),
        Core(name="cortex-a53", part=0xD03, features=_ARMV8_0, models=("cortex-a53",)),
    )
}


def find(name: str) -> Core:
    """Return the core called ``name``.

    Raises:
        UsageError: There is none; the hint has the nearest names.

    Example:
        >>> find("cortex-a53").title
        'Cortex-A53'

    """
    if name not in CORES:
        raise unknown("arm64 core", name, CORES)
    return CORES[name]


def nearest(cpu: str | None, features: Collection[str]) -> Core:
    """Return the emulated core that runs the same kernels as a phone.

    The dot product matters most; next, whether there is a big core at all.

    Args:
        cpu: Cores of the phone, such as ``4x Cortex-A55 + 4x Cortex-A78``.
        features: Features of the phone as Linux names them.

    Example:
        >>> nearest("4x Cortex-A55 + 4x Cortex-A78", ["asimd", "asimddp"]).name
        'cortex-a76'
        >>> nearest("4x Cortex-A520 + 4x Cortex-A720", ["asimd", "asimddp", "i8mm"]).name
        'neoverse-n2'

    """
    if "i8mm" in features:
        return CORES["neoverse-n2"]
    if "asimddp" not in features:
        return CORES["cortex-a53"]
    kinds = set(re.findall(r"\d+x ([^ ,]+)", cpu or ""))
    return CORES["cortex-a55" if kinds == {"Cortex-A55"} else "cortex-a76"]
