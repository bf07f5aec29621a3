"""Parse what adb and Android print. Pure functions, which need no device.

The texts come from many vendors and adb versions: with CR LF, with a daemon's banner in front, cut
before the last newline. Lines of an unknown form are skipped; missing values are None.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field

from tflconv.device.arm_cpus import core_name

_DEVICE = re.compile(
    r"""^(?P<serial>.*\S)[ \t]+
        (?P<state>no\ permissions|no\ device|(?<!no\ )device|unauthorized|authorizing|offline
          |recovery|sideload|rescue|bootloader|host|connecting|detached|unknown)
        (?P<rest>(?:[ \t]*[;(].*|[ \t]+[a-z_]+:.*)?)$""",
    re.VERBOSE,
)
"""A serial may hold blanks and even a state, so the last state before the details counts."""

_NO_DEVICE = (
    "List of devices attached",
    "* daemon ",
    "* failed to ",
    "adb server ",
    "adb: ",
    "error: ",
)
_PROPERTY = re.compile(r"^\[(?P<name>[^\]]+)\]: \[(?P<value>.*?)\]$", re.MULTILINE | re.DOTALL)
_TEMPERATURE = re.compile(
    r"Temperature\{mValue=(?P<value>[^,}]+),(?: *mType=(?P<type>-?\d+),)?.*?mName=(?P<name>[^,}]+)"
)
_NO_TEMPERATURE = ("6", "7", "8")
"""``android.os.Temperature`` also has voltage, current and charge of the battery (``BCL_*``)."""

_SHUTDOWN = 6
"""The gravest thermal status of Android."""

_COLDEST, _HOTTEST = -40.0, 150.0
"""°C; what lies beyond is a placeholder of the vendor's, such as Samsung's -99.9. A thermistor that
is not connected reads exactly -40."""

_BY_HAND = ("UPDATES STOPPED", "USE_FAKE_BATTERY: true")
"""What ``dumpsys battery`` says where its values are not those of a battery."""

_CORE = re.compile(r"^processor\s*:\s*\d+\s*$", re.MULTILINE)
"""The line of ``/proc/cpuinfo`` that each core begins with."""

_WAKEFULNESS = re.compile(r"(?:mWakeful|get(?:Global)?Wakeful)l?ness(?:Locked\(\))?=(\w+)")
_SCREEN_ON = {"Awake": True, "Dreaming": True, "Dozing": False, "Asleep": False}


@dataclass(frozen=True, kw_only=True)
class AdbDevice:
    """One line of ``adb devices -l``, and the server that was asked by name, if one was."""

    serial: str
    state: str
    details: dict[str, str] = field(default_factory=dict)
    server: str | None = None

    @property
    def usable(self) -> bool:
        """Whether commands can be run on it."""
        return self.state == "device"


@dataclass(frozen=True, kw_only=True)
class Battery:
    """The battery by ``dumpsys battery``; level in percent, temperature in °C, charge in µAh."""

    level: int | None = None
    charging: bool | None = None
    temperature: float | None = None
    charge_uah: int | None = None
    millivolts: int | None = None


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
        match = None if line.startswith(_NO_DEVICE) else _DEVICE.match(line.rstrip())
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
    """Parse ``dumpsys battery``, which prints the temperature in tenths of a degree.

    A device without a battery, or whose values were set by hand (``UPDATES STOPPED``), has none. A
    voltage may come in microvolts; one in whole volts is too coarse to compute with.

    Example:
        >>> battery("AC powered: true\\npresent: false\\nlevel: 0\\n").level is None
        True

    """
    values = _pairs(text)
    if values.get("present") == "false" or any(words in text for words in _BY_HAND):
        return Battery()
    degrees = (number(values.get("temperature")) or 0) / 10
    sources = [value for name, value in values.items() if name.endswith(" powered")]
    return Battery(
        level=_percent(number(values.get("level")), number(values.get("scale"))),
        charging="true" in sources if sources else None,
        temperature=degrees if degrees and is_temperature(degrees) else None,
        charge_uah=count(values.get("Charge counter")),
        millivolts=_millivolts(count(values.get("voltage"))),
    )


def thermal(text: str) -> Thermal:
    """Parse ``dumpsys thermalservice``; current temperatures replace cached ones.

    Placeholders are left out: values that no phone has, and a sensor that reads exactly 0 always.
    So is a status that was set by hand, or that Android does not have.
    """
    status = re.search(r"^Thermal Status: *(\d{1,3})\b", "\n".join(lines(text)), re.MULTILINE)
    if "IsStatusOverride: true" in text:
        status = None
    readings: dict[str, list[float | None]] = {}
    for match in _TEMPERATURE.finditer(text):
        if match["type"] not in _NO_TEMPERATURE:
            readings.setdefault(match["name"].strip(), []).append(number(match["value"]))
    temperatures = {
        name: values[-1]
        for name, values in readings.items()
        if values[-1] is not None and is_temperature(values[-1]) and any(values)
    }
    known = status is not None and int(status[1]) <= _SHUTDOWN
    return Thermal(status=int(status[1]) if status and known else None, temperatures=temperatures)


def awake(text: str) -> bool | None:
    """Return whether ``dumpsys power`` reports a lit screen: a screen saver (dreaming) is one.

    Example:
        >>> awake("mWakefulness=Dreaming"), awake("getWakefullnessLocked()=Asleep")
        (True, False)

    """
    match = _WAKEFULNESS.search(text)
    return _SCREEN_ON.get(match[1]) if match else None


def processor(text: str) -> Processor:
    """Parse ``/proc/cpuinfo`` of arm64 Linux; an unknown core is named by its numbers.

    Kernels before 4.0 say what the cores are once, behind all of their numbers.
    """
    cores, alike, shared = list[str](), 0, None
    plain = "\n".join(lines(text))
    for block in _CORE.split(plain)[1:] or plain.split("\n\n"):
        values, alike = _pairs(block), alike + 1
        if "CPU part" in values:
            fields = ("CPU implementer", "CPU part", "CPU variant")
            cores += alike * [core_name(*(values.get(name, "?") for name in fields))]
            alike = 0
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
    value = float(match[1]) if match else math.inf
    return value if math.isfinite(value) else None


def count(text: str | None) -> int | None:
    """Parse a number above 0 that a battery may tell; vendors put 0 or -1 for what is unknown."""
    value = number(text)
    return round(value) if value is not None and 1 <= value < 2**53 else None


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


def _percent(level: float | None, scale: float | None) -> int | None:
    share = None if level is None else 100 * level / (scale or 100)
    return None if share is None or not 0 <= share <= 100 else round(share)


def is_temperature(value: float) -> bool:
    """Return whether a device can be as warm as ``value`` °C; vendors put other numbers, too."""
    return _COLDEST < value <= _HOTTEST


def _millivolts(told: int | None) -> int | None:
    value = round(told / 1000) if told is not None and told >= 1_000_000 else told
    return value if value is not None and 1000 <= value <= 100_000 else None


def _pairs(text: str) -> dict[str, str]:
    pairs = (line.split(":", 1) for line in lines(text) if ":" in line)
    return {name.strip(): value.strip() for name, value in pairs}
