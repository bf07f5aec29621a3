"""Parse what adb and Android print. Pure functions, which need no device.

The texts come from many vendors and adb versions: with CR LF, with a daemon's banner in front, cut
before the last newline. Lines of an unknown form are skipped; missing values are None.
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
"""Names of the cores of phones by CPU implementer and CPU part: Linux ``cputype.h``."""


@dataclass(frozen=True, kw_only=True)
class AdbDevice:
    """One line of ``adb devices -l``."""

    serial: str
    state: str
    details: dict[str, str] = field(default_factory=dict)

    @property
    def usable(self) -> bool:
        """Whether commands can be run on it."""
        return self.state == "device"


@dataclass(frozen=True, kw_only=True)
class Battery:
    """The battery by ``dumpsys battery``; level in percent, temperature in °C."""

    level: int | None = None
    charging: bool | None = None
    temperature: float | None = None


@dataclass(frozen=True, kw_only=True)
class Thermal:
    """Android's thermal status, from 0 (none) to 6 (shutdown), and its sensors in °C."""

    status: int | None = None
    temperatures: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Processor:
    """The kind of each core that is online, and the features that all of them have."""

    cores: tuple[str, ...] = ()
    features: tuple[str, ...] = ()

    @property
    def name(self) -> str | None:
        """The cores by kind, such as ``4x Cortex-A53 + 4x Cortex-A73``."""
        kinds = dict.fromkeys(self.cores)
        return " + ".join(f"{self.cores.count(kind)}x {kind}" for kind in kinds) or None


def lines(text: str) -> list[str]:
    r"""Split a text at LF, CR LF or CR.

    Example:
        >>> lines("one\r\ntwo\nthree")
        ['one', 'two', 'three']

    """
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


def devices(text: str) -> tuple[AdbDevice, ...]:
    """Parse the output of ``adb devices -l``; devices that are not usable are included.

    Example:
        >>> (phone,) = devices("List of devices attached\\n0a388e93 unauthorized usb:1-1\\n")
        >>> phone.serial, phone.state, phone.usable
        ('0a388e93', 'unauthorized', False)

    """
    listed = []
    for line in lines(text):
        match = None if line.startswith(("*", "adb ", "List ")) else _DEVICE.match(line.rstrip())
        if match:
            details = dict(word.split(":", 1) for word in match["rest"].split() if ":" in word)
            listed.append(AdbDevice(serial=match["serial"], state=match["state"], details=details))
    return tuple(listed)


def properties(text: str) -> dict[str, str]:
    """Parse the output of ``getprop``; a value may have several lines."""
    plain = "\n".join(lines(text))
    return {match["name"]: match["value"] for match in _PROPERTY.finditer(plain)}


def sections(text: str) -> dict[str, str]:
    """Split the output of several commands at lines ``=== name``.

    Example:
        >>> sections("=== cores\\n8\\n=== machine\\nLinux aarch64\\n")
        {'cores': '8', 'machine': 'Linux aarch64'}

    """
    parts: dict[str, list[str]] = {}
    current: list[str] = []
    for line in lines(text):
        if line.startswith("=== "):
            current = parts.setdefault(line.removeprefix("=== ").strip(), [])
        else:
            current.append(line)
    return {name: "\n".join(part).strip("\n") for name, part in parts.items()}


def battery(text: str) -> Battery:
    """Parse ``dumpsys battery``, which prints the temperature in tenths of a degree."""
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
    """Parse ``dumpsys thermalservice``; current temperatures replace cached ones."""
    status = re.search(r"^Thermal Status: *(\d+)", "\n".join(lines(text)), re.MULTILINE)
    temperatures = {}
    for match in _TEMPERATURE.finditer(text):
        value = number(match["value"])
        if value is not None:
            temperatures[match["name"].strip()] = value
    return Thermal(status=int(status[1]) if status else None, temperatures=temperatures)


def awake(text: str) -> bool | None:
    """Return whether ``dumpsys power`` reports the device awake, that is, its screen on."""
    match = re.search(r"mWakefulness=(\w+)", text)
    return match[1] == "Awake" if match else None


def processor(text: str) -> Processor:
    """Parse ``/proc/cpuinfo`` of arm64 Linux; an unknown core is named by its numbers."""
    cores, shared = [], None
    for block in "\n".join(lines(text)).split("\n\n"):
        values = _pairs(block)
        if "CPU part" in values:
            key = (values.get("CPU implementer", "?"), values["CPU part"])
            cores.append(_CORES.get(key, f"CPU {key[0]}/{key[1]}"))
        if "Features" in values:
            features = values["Features"].split()
            shared = features if shared is None else [name for name in shared if name in features]
    return Processor(cores=tuple(cores), features=tuple(shared or ()))


def cpu_list(text: str) -> tuple[int, ...]:
    """Parse a set of CPUs as Linux writes it; unknown parts are skipped.

    Example:
        >>> cpu_list("0-3,6")
        (0, 1, 2, 3, 6)

    """
    cpus: set[int] = set()
    for part in text.strip().split(","):
        match = re.fullmatch(r"(\d{1,4})(?:-(\d{1,4}))?", part.strip())
        if match:
            cpus.update(range(int(match[1]), int(match[2] or match[1]) + 1))
    return tuple(sorted(cpus))


def clocks(text: str) -> dict[int, float]:
    """Parse ``grep . .../cpu*/cpufreq/*_freq``, which prints paths and kHz, to MHz by CPU.

    Example:
        >>> clocks("/sys/devices/system/cpu/cpu4/cpufreq/scaling_cur_freq:2400000")
        {4: 2400.0}

    """
    matches = re.finditer(r"/cpu(\d+)/cpufreq/\w+:(\d+)", text)
    return {int(match[1]): int(match[2]) / 1000 for match in matches}


def clock_samples(text: str) -> list[dict[int, float]]:
    """Parse samples of the clocks, each after a line ``=== sample``; the last one may be cut."""
    return [sample for part in text.split("=== sample") if (sample := clocks(part))]


def sha256(text: str) -> str | None:
    """Return the hash at the start of ``sha256sum``'s output, or None."""
    match = re.match(r"\\?([0-9a-f]{64})\b", text)
    return match[1] if match else None


def number(text: str | None) -> float | None:
    """Parse a finite number; return None if ``text`` is none."""
    match = re.fullmatch(r"\s*([-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d{1,3})?)\s*", text or "")
    return float(match[1]) if match else None


def cut_exit_code(stderr: str, mark: str) -> tuple[str, int]:
    """Split the last line ``mark CODE`` off ``stderr``; return the rest and the exit code.

    Raises:
        ValueError: That line is missing or cut.

    """
    before, _, code = stderr.rpartition(mark)
    match = re.fullmatch(r" (\d{1,3})\n", code)
    if not match:
        raise ValueError("the output was cut before the exit code")
    return before, int(match[1])


def _pairs(text: str) -> dict[str, str]:
    pairs = (line.split(":", 1) for line in lines(text) if ":" in line)
    return {name.strip(): value.strip() for name, value in pairs}
