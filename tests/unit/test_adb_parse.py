"""What adb and Android print, as vendors and adb versions really print it."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tflconv.device import parse

BANNER = "* daemon not running; starting now at tcp:5037\n* daemon started successfully\n"
HEADER = "List of devices attached\n"
PIXEL = (
    "0a388e93               device usb:1-1 product:redfin model:Pixel_5 device:redfin"
    " transport_id:3"
)
STATES = (
    "device", "unauthorized", "authorizing", "offline", "recovery", "sideload", "rescue",
    "bootloader", "host", "connecting", "detached", "no permissions", "no device", "unknown",
)  # fmt: skip
TAILS = (
    "", " usb:1-1", " usb:336592896X product:a model:TAB_5S device:b transport_id:4",
    " product:a model:my_device device:offline transport_id:1", " transport_id:12",
)  # fmt: skip
UDEV = " (user in plugdev group; are your udev rules wrong?); see [http://a.b/device.html] usb:1-4"
PRINTABLE = st.text(st.characters(exclude_categories=("C", "Z"), include_characters=" "))
SERIALS = st.one_of(
    PRINTABLE,
    st.lists(st.sampled_from([*STATES, "adb-5a", "(2)", "TAB", "._adb-tls-connect._tcp"])).map(
        " ".join
    ),
).filter(lambda serial: serial.strip() and serial == serial.rstrip())
READING = st.one_of(
    st.floats().map(str),
    st.floats(-200, 300).map(lambda value: f"{value:.1f}"),
    st.sampled_from(["0.0", "-0.0", "-99.9", "1e999", "-1e999", "NaN", "Infinity", "", "4.2"]),
)


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


@given(SERIALS, st.sampled_from(STATES), st.sampled_from(TAILS), st.booleans())
def test_any_serial_with_any_state_is_found(serial: str, state: str, tail: str, old: bool) -> None:
    """adb pads a serial to 22 characters; without -l it prints a tab."""
    assume(not (state == "device" and len(serial) >= 22 and serial.endswith(" no")))
    line = f"{serial}\t{state}" if old else f"{serial:22s} {state}{tail}"
    (device,) = parse.devices(BANNER + HEADER + PIXEL + f"\n{line}\n")[1:]
    assert (device.serial, device.state) == (serial, state)
    assert set(device.details) == {word.split(":")[0] for word in tail.split() if not old}


@given(SERIALS)
def test_a_remark_behind_the_state_is_no_part_of_it(serial: str) -> None:
    (device,) = parse.devices(f"{serial:22s} no permissions{UDEV}\n")
    assert (device.serial, device.state) == (serial, "no permissions")


@pytest.mark.parametrize(
    "line",
    [
        "List of devices attached",
        "* daemon not running; starting now at tcp:5037",
        "* daemon started successfully",
        "* failed to start daemon",
        "adb server version (41) doesn't match this client (39); killing...",
        "adb: unable to connect for root: device offline",
        "error: device offline",
        "error: no device",
    ],
)
def test_what_adb_says_about_itself_is_no_device(line: str) -> None:
    assert parse.devices(f"{line}\n{HEADER}{line}\n\n") == ()


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


@pytest.mark.parametrize(
    "line",
    ["present: false", "(UPDATES STOPPED -- use 'reset' to restart)", "USE_FAKE_BATTERY: true"],
)
def test_no_battery_and_one_set_by_hand(line: str) -> None:
    text = f"Current Battery Service state:\n  {line}\n  AC powered: true\n  level: 50\n"
    assert parse.battery(text + "  scale: 100\n  temperature: 250\n") == parse.Battery()


@pytest.mark.parametrize(
    ("tenths", "temperature"),
    [("-399", -39.9), ("-400", None), ("1500", 150.0), ("1501", None), ("0", None), ("1", 0.1)],
)
def test_temperatures_that_a_battery_can_have(tenths: str, temperature: float | None) -> None:
    assert parse.battery(f"present: true\ntemperature: {tenths}\n").temperature == temperature


@pytest.mark.parametrize(
    ("told", "millivolts"),
    [("4063", 4063), ("4063000", 4063), ("13", None), ("4", None), ("0", None), ("-1", None)],
)
def test_voltages_as_kernels_tell_them(told: str, millivolts: int | None) -> None:
    text = f"  Max charging voltage: 5000000\n  voltage: {told}\n"
    assert parse.battery(text).millivolts == millivolts


@pytest.mark.parametrize(
    ("level", "percent"),
    [("0", 0), ("100", 100), ("101", None), ("-1", None), ("1e999", None)],
)
def test_levels_that_a_battery_can_have(level: str, percent: int | None) -> None:
    assert parse.battery(f"level: {level}\nscale: 100\n").level == percent


@given(st.sampled_from(["true", "false", "-", ""]), READING, READING, READING)
def test_only_a_battery_is_ever_told(present: str, level: str, scale: str, heat: str) -> None:
    battery = parse.battery(
        f"  present: {present}\n  level: {level}\n  scale: {scale}\n  temperature: {heat}\n"
    )
    assert battery.level is None or 0 <= battery.level <= 100
    assert battery.temperature is None or -40 < battery.temperature <= 150
    assert battery.temperature != 0
    if present == "false":
        assert battery == parse.Battery()


def test_thermal_takes_the_current_temperatures() -> None:
    text = (
        "IsStatusOverride: false\nThermal Status: 2\nCached temperatures:\n"
        "\tTemperature{mValue=30.0, mType=3, mName=skin, mStatus=0}\n"
        "Current temperatures from HAL:\n"
        "\tTemperature{mValue=41.25, mType=3, mName=skin, mStatus=2}\n"
        "\tTemperature{mValue=NaN, mType=2, mName=battery, mStatus=0}\n"
    )
    assert parse.thermal(text) == parse.Thermal(status=2, temperatures={"skin": 41.25})


def test_placeholders_are_no_temperatures() -> None:
    text = "".join(
        f"\tTemperature{{mValue={value}, mType={kind}, mName={name}, mStatus=0}}\n"
        for value, kind, name in [
            ("25.6", 0, "AP"), ("-99.9", 5, "PA"), ("0.0", 4, "USB"), ("1e999", 1, "GPU"),
            ("150.1", 9, "NPU"), ("-40.0", 9, "DSP"), ("150.0", 0, "hot"), ("-39.9", 0, "cold"),
            ("4.2", 6, "vbat"), ("0.9", 7, "ibat"), ("85.0", 8, "soc"),
        ]
    )  # fmt: skip
    assert parse.thermal(text).temperatures == {"AP": 25.6, "hot": 150.0, "cold": -39.9}


def test_a_sensor_that_moves_may_read_zero() -> None:
    text = "Temperature{{mValue={}, mType=3, mName=skin, mStatus=0}}\n"
    assert parse.thermal(text.format(1.5) + text.format(0.0)).temperatures == {"skin": 0.0}
    assert parse.thermal(text.format(0.0) * 2).temperatures == {}


def test_a_cached_temperature_does_not_stand_in_for_a_sensor_that_is_gone() -> None:
    text = "Temperature{{mValue={}, mType=3, mName=skin, mStatus=0}}\n"
    for gone in ("-99.9", "NaN"):
        assert parse.thermal(text.format(30.5) + text.format(gone)).temperatures == {}


@given(st.lists(st.tuples(READING, st.integers(-1, 20), st.sampled_from("ab"))))
def test_only_temperatures_are_ever_told(sensors: list[tuple[str, int, str]]) -> None:
    text = "Thermal Status: 0\nCurrent temperatures from HAL:\n" + "".join(
        f"\tTemperature{{mValue={value}, mType={kind}, mName={name}{kind}, mStatus=0}}\n"
        for value, kind, name in sensors
    )
    told = parse.thermal(text)
    assert told.status == 0
    assert all(-40 < value <= 150 for value in told.temperatures.values())
    assert not {"a6", "b6", "a7", "b7", "a8", "b8"} & set(told.temperatures)
    for value, kind, name in sensors[-1:]:
        number = parse.number(value)
        if number and -40 < number <= 150 and kind not in (6, 7, 8):
            assert told.temperatures[f"{name}{kind}"] == number


@pytest.mark.parametrize("text", ["1e999", "-1e999", "inf", "NaN", "0x10", "", " ", None])
def test_only_finite_numbers_are_numbers(text: str | None) -> None:
    assert parse.number(text) is None


def test_a_thermal_status_set_by_hand_is_none() -> None:
    text = "IsStatusOverride: {}\nThermal Status: 0\n"
    assert parse.thermal(text.format("true")).status is None
    assert parse.thermal(text.format("false")).status == 0


def test_a_status_that_android_does_not_have_is_none() -> None:
    told = [parse.thermal(f"Thermal Status: {status}\n").status for status in (5, 6, 7, 255)]
    assert told == [5, 6, None, None]


def test_thermal_without_its_hal() -> None:
    assert parse.thermal("Thermal Status: 0\nHAL Ready: false\n").status == 0
    assert parse.thermal("Can't find service: thermalservice\n").status is None


@pytest.mark.parametrize(
    ("text", "awake"),
    [
        ("  mWakefulness=Awake\n", True),
        ("mWakefulness=Dozing", False),
        ("  mWakefulnessChanging=false\r\n  mWakefulness=Asleep\r\n", False),
        ("  mWakefulness=Dreaming\n", True),
        ("  getWakefullnessLocked()=Awake\n  mWakefulnessChanging=false\n", True),
        ("  getWakefulnessLocked()=Asleep\n", False),
        ("  getGlobalWakefulnessLocked()=Dreaming\n", True),
        ("  mWakefulness=7\n", None),
        ("  mWakefulnessChanging=true\n", None),
        ("", None),
    ],
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


@pytest.mark.parametrize("between", ["", "\n"])
def test_cores_are_counted_without_blank_lines_between_them_too(between: str) -> None:
    parts = ["0xd05"] * 4 + ["0xd0b"] * 4
    text = between.join(
        f"processor\t: {n}\nCPU implementer\t: 0x41\nCPU part\t: {part}\n"
        for n, part in enumerate(parts)
    )
    assert parse.processor(text).name == "4x Cortex-A55 + 4x Cortex-A76"


def test_old_kernels_say_once_what_all_cores_are() -> None:
    numbers = "".join(f"processor\t: {number}\n" for number in range(8))
    text = (
        f"Processor\t: AArch64 Processor rev 3 (aarch64)\n{numbers}Features\t: fp asimd aes\n"
        "CPU implementer\t: 0x41\nCPU part\t: 0xd03\n\nHardware\t: MT6755M\n"
    )
    found = parse.processor(text)
    assert (found.name, found.features) == ("8x Cortex-A53", ("fp", "asimd", "aes"))


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
