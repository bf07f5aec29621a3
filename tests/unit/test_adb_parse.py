"""What adb and Android print, as vendors and adb versions really print it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tflconv.device import parse
from tflconv.device.parse import AdbDevice

BANNER = "* daemon not running; starting now at tcp:5037\n* daemon started successfully\n"
HEADER = "List of devices attached\n"
PIXEL = (
    "0a388e93               device usb:1-1 product:redfin model:Pixel_5 device:redfin"
    " transport_id:3"
)
NAMES = st.text(st.characters(whitelist_categories=("L", "N"), whitelist_characters=".:_-"))


def test_a_device_with_its_details() -> None:
    (device,) = parse.devices(HEADER + PIXEL + "\n\n")
    assert device.serial == "0a388e93"
    assert device.usable
    assert device.details["model"] == "Pixel_5"
    assert device.details["usb"] == "1-1"


def test_two_devices_one_on_the_network() -> None:
    text = HEADER + PIXEL + "\n192.168.1.5:5555\tdevice product:a model:b transport_id:1\n"
    assert [one.serial for one in parse.devices(text)] == ["0a388e93", "192.168.1.5:5555"]


@pytest.mark.parametrize(
    "text",
    [
        BANNER + HEADER + PIXEL,
        (HEADER + PIXEL + "\n").replace("\n", "\r\n"),
        (BANNER + HEADER + PIXEL + "\n").replace("\n", "\r\n"),
        "adb server version (41) doesn't match this client (39); killing...\n" + HEADER + PIXEL,
        "* daemon started successfully *\n" + HEADER + "\n" + PIXEL,
    ],
    ids=["no last newline", "CR LF", "banner with CR LF", "version banner", "old banner"],
)
def test_noise_around_a_device_is_ignored(text: str) -> None:
    assert [(one.serial, one.state) for one in parse.devices(text)] == [("0a388e93", "device")]


@pytest.mark.parametrize(
    ("line", "serial", "state"),
    [
        ("emulator-5554          offline transport_id:1", "emulator-5554", "offline"),
        ("ZY22                   unauthorized usb:1-2 transport_id:4", "ZY22", "unauthorized"),
        ("ZY22                   recovery usb:1-2 product:x model:y", "ZY22", "recovery"),
        (
            "????????????           no permissions (user in plugdev group; are your udev rules"
            " wrong?); see [http://developer.android.com/tools/device.html] usb:1-4",
            "????????????",
            "no permissions",
        ),
        ("????????????\tno permissions", "????????????", "no permissions"),
        ("(no serial number)     device usb:1-1", "(no serial number)", "device"),
    ],
)
def test_states(line: str, serial: str, state: str) -> None:
    (device,) = parse.devices(HEADER + line + "\n")
    assert (device.serial, device.state) == (serial, state)
    assert device.usable == (state == "device")


@pytest.mark.parametrize("text", ["", HEADER, BANNER + HEADER + "\n", "error: something\n"])
def test_no_devices(text: str) -> None:
    assert parse.devices(text) == ()


@given(st.lists(st.tuples(NAMES.filter(bool), st.sampled_from(["device", "offline"])), max_size=4))
def test_what_is_printed_is_found(pairs: list[tuple[str, str]]) -> None:
    text = HEADER + "".join(f"{serial:22s} {state} transport_id:1\n" for serial, state in pairs)
    expected = [AdbDevice(serial=s, state=t, details={"transport_id": "1"}) for s, t in pairs]
    assert list(parse.devices(text)) == expected


@given(st.text())
def test_no_text_breaks_a_parser(text: str) -> None:
    for function in (parse.devices, parse.properties, parse.sections, parse.battery, parse.thermal):
        function(text)
    for function in (parse.awake, parse.processor, parse.cpu_list, parse.clock_samples):
        function(text)
    parse.sha256(text), parse.number(text)


def test_properties_over_several_lines() -> None:
    text = "[a.b]: [1]\r\n[c]: [first\r\nsecond]\r\n[d]: []\r\n"
    assert parse.properties(text) == {"a.b": "1", "c": "first\nsecond", "d": ""}


def test_battery_with_carriage_returns() -> None:
    text = "Current Battery Service state:\r\n  AC powered: false\r\n  USB powered: true\r\n"
    battery = parse.battery(text + "  level: 42\r\n  scale: 50\r\n  temperature: 287\r\n")
    assert battery == parse.Battery(level=84, charging=True, temperature=28.7)


def test_battery_that_says_nothing() -> None:
    assert parse.battery("Can't find service: battery\n") == parse.Battery()


def test_thermal_takes_the_current_temperatures() -> None:
    text = (
        "IsStatusOverride: false\nThermal Status: 2\nCached temperatures:\n"
        "\tTemperature{mValue=30.0, mType=3, mName=skin, mStatus=0}\n"
        "Current temperatures from HAL:\n"
        "\tTemperature{mValue=41.25, mType=3, mName=skin, mStatus=2}\n"
        "\tTemperature{mValue=NaN, mType=2, mName=battery, mStatus=0}\n"
    )
    assert parse.thermal(text) == parse.Thermal(status=2, temperatures={"skin": 41.25})


def test_thermal_without_its_hal() -> None:
    assert parse.thermal("Thermal Status: 0\nHAL Ready: false\n").status == 0
    assert parse.thermal("Can't find service: thermalservice\n").status is None


@pytest.mark.parametrize(
    ("text", "awake"),
    [("  mWakefulness=Awake\n", True), ("mWakefulness=Dozing", False), ("", None)],
)
def test_awake(text: str, awake: bool | None) -> None:
    assert parse.awake(text) is awake


def test_processor_of_a_phone_with_two_kinds_of_cores() -> None:
    little = (
        "processor\t: 0\nFeatures\t: fp asimd aes\nCPU implementer\t: 0x51\nCPU part\t: 0x801\n"
    )
    big = (
        "processor\t: 4\nFeatures\t: fp asimd asimddp\nCPU implementer\t: 0x41\nCPU part\t: 0xd0b\n"
    )
    processor = parse.processor("\n".join([little, little, big]) + "\nHardware\t: Qualcomm\n")
    assert processor.name == "2x Kryo 2xx Silver (Cortex-A53) + 1x Cortex-A76"
    assert processor.features == ("fp", "asimd")


def test_an_unknown_core_keeps_its_numbers() -> None:
    processor = parse.processor("CPU implementer : 0x99\nCPU part : 0x123\n")
    assert processor.name == "1x CPU 0x99/0x123"


@given(st.sets(st.integers(0, 40)))
def test_cpu_list_reads_what_linux_writes(cpus: set[int]) -> None:
    parts: list[list[int]] = []
    for cpu in sorted(cpus):
        if parts and parts[-1][1] == cpu - 1:
            parts[-1][1] = cpu
        else:
            parts.append([cpu, cpu])
    text = ",".join(f"{a}-{b}" if a != b else str(a) for a, b in parts)
    assert parse.cpu_list(text + "\n") == tuple(sorted(cpus))


@pytest.mark.parametrize("text", ["", "\n", "3-1", "a-b", "-", "1--2"])
def test_cpu_list_of_nothing(text: str) -> None:
    assert parse.cpu_list(text) == ()


def test_clock_samples_of_a_cut_text() -> None:
    path = "/sys/devices/system/cpu/cpu{}/cpufreq/scaling_cur_freq:{}\n"
    text = "=== sample\n" + path.format(0, 1800000) + path.format(7, 2208000)
    text += "=== sample\n" + path.format(0, 300000) + "/sys/devices/sys"
    assert parse.clock_samples(text) == [{0: 1800.0, 7: 2208.0}, {0: 300.0}]


def test_sha256_of_names_with_backslashes() -> None:
    digest = "a" * 64
    assert parse.sha256(f"{digest}  /data/x\n") == digest
    assert parse.sha256(f"\\{digest}  /data/x\\\\y\r\n") == digest
    assert parse.sha256("sh: sha256sum: not found") is None
    assert parse.sha256(digest + "b  x") is None


def test_exit_code_is_cut_off_the_end() -> None:
    assert parse.cut_exit_code("a warning\nmark 7\n", "mark") == ("a warning\n", 7)
    assert parse.cut_exit_code("no newline: mark 0\n", "mark") == ("no newline: ", 0)


@given(st.integers(0, 255), st.text("ab\n", max_size=5))
def test_a_cut_exit_code_is_never_taken_for_a_whole_one(code: int, before: str) -> None:
    whole = f"{before}mark {code}\n"
    assert parse.cut_exit_code(whole, "mark") == (before, code)
    for end in range(len(whole)):
        with pytest.raises(ValueError, match="cut"):
            parse.cut_exit_code(whole[:end], "mark")
