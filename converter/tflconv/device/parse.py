"""What adb and Android print, as values. Pure functions; nothing here starts or asks anything.

The texts come from many vendors and adb versions: with CR LF, with a daemon's banner in front, cut
before the last newline. What is not understood is skipped, and what is not there is None.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_DEVICE = re.compile(
    r"""^(?P<serial>\(no\ serial\ number\)|\S+)
        [ \t]+
        (?P<state>no\ permissions|device|unauthorized|authorizing|offline|recovery|sideload|rescue
          |bootloader|host|connecting|detached|no\ device|unknown)
        (?P<rest>(?:[ \t;(].*)?)$""",
    re.VERBOSE,
)
_PROPERTY = re.compile(r"^\[(?P<name>[^\]]+)\]: \[(?P<value>.*?)\]$", re.MULTILINE | re.DOTALL)
_TEMPERATURE = re.compile(r"Temperature\{mValue=(?P<value>[-+.\dEeNa]+),.*?mName=(?P<name>[^,}]+)")
_CORES = {
    ("0x41", "0xd03"): "Cortex-A53",
    ("0x41", "0xd04"): "Cortex-A35",
    ("0x41", "0xd05"): "Cortex-A55",
    ("0x41", "0xd07"): "Cortex-A57",
    ("0x41", "0xd08"): "Cortex-A72",
    ("0x41", "0xd09"): "Cortex-A73",
    ("0x41", "0xd0a"): "Cortex-A75",
    ("0x41", "0xd0b"): "Cortex-A76",
    ("0x41", "0xd0d"): "Cortex-A77",
    ("0x41", "0xd41"): "Cortex-A78",
    ("0x41", "0xd44"): "Cortex-X1",
    ("0x41", "0xd46"): "Cortex-A510",
    ("0x41", "0xd47"): "Cortex-A710",
    ("0x41", "0xd48"): "Cortex-X2",
    ("0x41", "0xd4d"): "Cortex-A715",
    ("0x41", "0xd4e"): "Cortex-X3",
    ("0x51", "0x800"): "Kryo 2xx Gold (Cortex-A73)",
    ("0x51", "0x801"): "Kryo 2xx Silver (Cortex-A53)",
    ("0x51", "0x802"): "Kryo 3xx Gold (Cortex-A75)",
    ("0x51", "0x803"): "Kryo 3xx Silver (Cortex-A55)",
    ("0x51", "0x804"): "Kryo 4xx Gold (Cortex-A76)",
    ("0x51", "0x805"): "Kryo 4xx Silver (Cortex-A55)",
}
"""Linux's (CPU implementer, CPU part) of the cores phones have: Linux ``cputype.h``."""


@dataclass(frozen=True, kw_only=True)
class AdbDevice:
    """One line of ``adb devices -l``."""

    serial: str
    state: str
    details: dict[str, str] = field(default_factory=dict)

    @property
    def usable(self) -> bool:
        """Whether commands reach it."""
        return self.state == "device"


@dataclass(frozen=True, kw_only=True)
class Battery:
    """The battery as ``dumpsys battery`` tells it; level in percent, temperature in °C."""

    level: int | None = None
    charging: bool | None = None
    temperature: float | None = None


@dataclass(frozen=True, kw_only=True)
class Thermal:
    """Android's thermal status, 0 none to 6 shutdown, and the sensors it may show, in °C."""

    status: int | None = None
    temperatures: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Processor:
    """``/proc/cpuinfo``: the kind of every core that is online, and what all of them can do."""

    cores: tuple[str, ...] = ()
    features: tuple[str, ...] = ()

    @property
    def name(self) -> str | None:
        """``4x Cortex-A53 + 4x Cortex-A73``."""
        kinds = dict.fromkeys(self.cores)
        return " + ".join(f"{self.cores.count(kind)}x {kind}" for kind in kinds) or None


def lines(text: str) -> list[str]:
    """Lines without their ends, whichever kind those are."""
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


def devices(text: str) -> tuple[AdbDevice, ...]:
    """Every device in the output of ``adb devices -l``, usable or not."""
    listed = []
    for line in lines(text):
        match = None if line.startswith(("*", "adb ", "List ")) else _DEVICE.match(line.rstrip())
        if match:
            details = dict(word.split(":", 1) for word in match["rest"].split() if ":" in word)
            listed.append(AdbDevice(serial=match["serial"], state=match["state"], details=details))
    return tuple(listed)


def properties(text: str) -> dict[str, str]:
    """``getprop`` without arguments; a value may run over several lines."""
    plain = "\n".join(lines(text))
    return {match["name"]: match["value"] for match in _PROPERTY.finditer(plain)}


def sections(text: str) -> dict[str, str]:
    """Split what several commands printed after lines ``=== name`` of their own."""
    parts: dict[str, list[str]] = {}
    current: list[str] = []
    for line in lines(text):
        if line.startswith("=== "):
            current = parts.setdefault(line.removeprefix("=== ").strip(), [])
        else:
            current.append(line)
    return {name: "\n".join(part).strip("\n") for name, part in parts.items()}


def battery(text: str) -> Battery:
    """``dumpsys battery``; the temperature comes in tenths of a degree."""
    values = _pairs(text)
    tenths = number(values.get("temperature"))
    level, scale = number(values.get("level")), number(values.get("scale")) or 100
    sources = [value for name, value in values.items() if name.endswith(" powered")]
    return Battery(
        level=None if level is None else round(100 * level / scale),
        charging="true" in sources if sources else None,
        temperature=None if tenths is None else tenths / 10,
    )


def thermal(text: str) -> Thermal:
    """``dumpsys thermalservice``; the current temperatures win over the cached ones."""
    status = re.search(r"^Thermal Status: *(\d+)", "\n".join(lines(text)), re.MULTILINE)
    temperatures = {}
    for match in _TEMPERATURE.finditer(text):
        value = number(match["value"])
        if value is not None:
            temperatures[match["name"].strip()] = value
    return Thermal(status=int(status[1]) if status else None, temperatures=temperatures)


def awake(text: str) -> bool | None:
    """Whether ``dumpsys power`` calls the device awake, which a screen that is on means."""
    match = re.search(r"mWakefulness=(\w+)", text)
    return match[1] == "Awake" if match else None


def processor(text: str) -> Processor:
    """``/proc/cpuinfo`` of an arm64 Linux; an unknown core keeps its numbers as its name."""
    cores, shared = [], None
    for block in "\n".join(lines(text)).split("\n\n"):
        values = _pairs(block)
        if "CPU part" in values:
            key = (values.get("CPU implementer", "?"), values["CPU part"])
            cores.append(_CORES.get(key, f"CPU {key[0]}/{key[1]}"))
        if "Features" in values:
            mine = values["Features"].split()
            shared = mine if shared is None else [name for name in shared if name in mine]
    return Processor(cores=tuple(cores), features=tuple(shared or ()))


def cpu_list(text: str) -> tuple[int, ...]:
    """``0-3,6`` as Linux writes sets of CPUs; empty for an empty or unknown text."""
    cpus: set[int] = set()
    for part in text.strip().split(","):
        match = re.fullmatch(r"(\d{1,4})(?:-(\d{1,4}))?", part.strip())
        if match:
            cpus.update(range(int(match[1]), int(match[2] or match[1]) + 1))
    return tuple(sorted(cpus))


def clocks(text: str) -> dict[int, float]:
    """MHz by CPU from ``grep . .../cpu*/cpufreq/*_freq``, which prints paths and kHz."""
    matches = re.finditer(r"/cpu(\d+)/cpufreq/\w+:(\d+)", text)
    return {int(match[1]): int(match[2]) / 1000 for match in matches}


def clock_samples(text: str) -> list[dict[int, float]]:
    """Several looks at the clocks, each after a line ``=== sample``; a cut last one counts."""
    return [seen for part in text.split("=== sample") if (seen := clocks(part))]


def sha256(text: str) -> str | None:
    """The hash that ``sha256sum`` printed first, if it printed one."""
    match = re.match(r"\\?([0-9a-f]{64})\b", text)
    return match[1] if match else None


def number(text: str | None) -> float | None:
    """A finite number, or None for what is none."""
    match = re.fullmatch(r"\s*([-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d{1,3})?)\s*", text or "")
    return float(match[1]) if match else None


def cut_exit_code(stderr: str, mark: str) -> tuple[str, int]:
    """Split the line ``mark CODE`` off the end of ``stderr``; ``ValueError`` if it is not whole."""
    before, _, code = stderr.rpartition(mark)
    match = re.fullmatch(r" (\d{1,3})\n", code)
    if not match:
        raise ValueError("the output was cut before the exit code")
    return before, int(match[1])


def _pairs(text: str) -> dict[str, str]:
    pairs = (line.split(":", 1) for line in lines(text) if ":" in line)
    return {name.strip(): value.strip() for name, value in pairs}
