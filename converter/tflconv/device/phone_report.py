"""What a phone reports about itself: its description, and whether it can run models."""

from __future__ import annotations

from collections.abc import Mapping

from tflconv.core.text import clean_name
from tflconv.device import arm_cpus, parse, suitability
from tflconv.results import DeviceInfo

ASK = """
echo "=== properties"; getprop
echo "=== cpuinfo"; cat /proc/cpuinfo
echo "=== present"; cat /sys/devices/system/cpu/present
echo "=== machine"; uname -sm
true
"""
"""Lines of shell; ``parse.sections`` splits their output for the functions here."""


def obstacle(sections: Mapping[str, str]) -> suitability.Obstacle | None:
    """Return why a phone cannot run models, None if nothing speaks against it.

    Args:
        sections: Output of the commands in ``ASK``, by their names.

    Example:
        >>> obstacle({"machine": "Linux armv7l"}).state
        'unsupported (armv7l)'

    """
    machine = sections.get("machine", "").rpartition(" ")[2].strip()
    return suitability.obstacle(parse.properties(sections.get("properties", "")), machine)


def describe(identity: str, sections: Mapping[str, str]) -> DeviceInfo:
    """Return the description of a phone.

    Args:
        identity: Name of the device.
        sections: Output of the commands in ``ASK``, by their names.

    """
    properties = parse.properties(sections.get("properties", ""))
    values = {name: clean_name(value) for name, value in properties.items()}
    processor = parse.processor(sections.get("cpuinfo", ""))
    system, _, machine = clean_name(sections.get("machine", "")).partition(" ")
    release = values.get("ro.build.version.release")
    maker, model = values.get("ro.product.manufacturer"), values.get("ro.product.model")
    chip = values.get("ro.soc.model") or values.get("ro.board.platform")
    return DeviceInfo(
        id=identity,
        kind="phone",
        name=" ".join(filter(None, (maker, model))) or identity,
        abi=values.get("ro.product.cpu.abi") or machine or "unknown",
        os=f"Android {release}" if release else system,
        cpu=", ".join(filter(None, (chip, processor.name))) or None,
        cores=len(parse.cpu_list(sections.get("present", ""))) or None,
        features=tuple(name for name in arm_cpus.FEATURES if name in processor.features),
        build=values.get("ro.build.fingerprint"),
    )
