"""A phone from connecting to cleaning up: genuine adb, genuine adbd, arm64 programs."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import phone as phones
from phone import profile
from tflconv.device import adb, watching
from tflconv.device.phone import FOLDER, Phone, clean, find, listed
from tflconv.errors import DeviceError, UsageError

Spawn = Callable[..., "subprocess.Popen[str]"]
WORDS = st.lists(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])))
AWKWARD = [
    "",
    " ",
    "a b",
    "'",
    '"',
    "$HOME",
    "`id`",
    "*",
    "\\",
    "\n",
    "\r\n",
    "-n",
    "ü✓",
    ";&|<>()#",
]
PRINT_HASHED = 'for word; do printf "%s\\0" "$word"; done | sha256sum'


@pytest.fixture
def file(tmp_path: Path) -> Path:
    target = tmp_path / "a file with 'quotes' and ü.bin"
    target.write_bytes(os.urandom(300_000))
    return target


def test_it_is_listed_and_described(phone: Phone) -> None:
    rows = {row.id: row.state for row in listed()}
    assert rows[phone.id] == "ready"
    found = phone.info()
    assert (found.kind, found.name, found.os) == ("phone", "Xiaomi Redmi Note 7", "Android 13")
    assert found.abi == "arm64-v8a"
    assert "Cortex-A76" in str(found.cpu)
    assert "asimddp" in found.features
    assert str(found.build).startswith("xiaomi/lavender")


def test_the_only_phone_needs_no_name(start: Callable[..., phones.Phone]) -> None:
    one = start()
    phones.adb("disconnect")
    phones.adb("connect", one.serial)
    assert find("").id == f"adb:{one.serial}"


def test_exit_codes_and_both_outputs(phone: Phone) -> None:
    done = phone.shell(["sh", "-c", "echo out; echo err >&2; exit 7"])
    assert (done.returncode, done.stdout, done.stderr) == (7, "out\n", "err\n")


def test_output_without_a_last_newline(phone: Phone) -> None:
    done = phone.shell(["sh", "-c", "printf out; printf err >&2"])
    assert (done.returncode, done.stdout, done.stderr) == (0, "out", "err")


def test_a_program_that_was_ended_by_a_signal(phone: Phone) -> None:
    assert phone.shell(["sh", "-c", "kill -9 $$"]).returncode == 128 + 9


def test_a_program_that_is_not_there(phone: Phone) -> None:
    assert phone.shell(["/no/such program"]).returncode == 127


@given(words=WORDS)
@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_words_arrive_as_they_are(phone: Phone, words: list[str]) -> None:
    words = words + AWKWARD
    done = phone.shell(["sh", "-c", PRINT_HASHED, *words])
    sent = "".join(f"{word}\0" for word in words[1:])
    assert done.stdout.split()[0] == hashlib.sha256(sent.encode()).hexdigest()


def test_a_nul_character_is_refused(phone: Phone) -> None:
    with pytest.raises(UsageError, match="NUL"):
        phone.shell(["echo", "a\0b"])


def test_a_file_is_sent_once(
    phone: Phone, machine: phones.Phone, file: Path, tmp_path: Path
) -> None:
    before = machine.received
    remote = phone.push(file)
    sent = machine.received - before
    assert remote == f"{FOLDER}/{hashlib.sha256(file.read_bytes()).hexdigest()}.bin"
    assert 300_000 <= sent < 310_000
    copy = shutil.copy(file, tmp_path / "other name.bin")
    again = find(machine.serial)
    modified = again.script('stat -c %Y "$0"; ls', remote)
    before = machine.received
    assert again.push(Path(copy)) == remote
    assert machine.received - before < 2_000  # the question and its answer, none of the file
    assert again.script('stat -c %Y "$0"; ls', remote) == modified


def test_a_file_is_asked_about_once_a_session(
    phone: Phone, machine: phones.Phone, file: Path
) -> None:
    phone.push(file)
    before = -1
    while before != machine.received:  # adb says goodbye to the first push a moment later
        before = machine.received
        time.sleep(0.2)
    phone.push(file)
    assert machine.received == before


def test_a_stale_file_is_never_used(phone: Phone, machine: phones.Phone, file: Path) -> None:
    remote = phone.push(file)
    phone.script('echo stale > "$0"', remote)
    again = find(machine.serial).push(file)
    assert again == remote
    digest = phone.shell(["sha256sum", remote]).stdout.split()[0]
    assert digest == hashlib.sha256(file.read_bytes()).hexdigest()


def test_a_program_can_be_run(phone: Phone, tmp_path: Path) -> None:
    program = tmp_path / "hello.sh"
    program.write_text('#!/system/bin/sh\necho hello "$1"\n')
    program.chmod(0o600)
    remote = phone.push(program, executable=True)
    assert phone.shell([remote, "a b"]).stdout == "hello a b\n"


def test_a_file_comes_back(phone: Phone, tmp_path: Path) -> None:
    remote = f"{FOLDER}/with 'quotes' and ü"
    phone.script('printf "a\\r\\nb" > "$0"', remote)
    phone.pull(remote, tmp_path / "here")
    assert (tmp_path / "here").read_bytes() == b"a\r\nb"
    phone.remove(remote)
    phone.remove(remote)
    with pytest.raises(DeviceError, match="No such file or directory"):
        phone.pull(remote, tmp_path / "nothing")
    assert not (tmp_path / "nothing").exists()


def test_cleaning_leaves_the_lock_alone(start: Callable[..., phones.Phone], file: Path) -> None:
    one = find(start().serial)
    one.push(file)
    assert clean() >= 1
    assert one.shell(["ls", FOLDER]).stdout.split() == ["holder", "lock"]


@pytest.mark.parametrize("without", ["sha256sum", "toybox's own"])
def test_a_phone_that_cannot_hash(
    start: Callable[..., phones.Phone], file: Path, without: str
) -> None:
    """Hashing falls back to toybox's applet, and from there to pulling the file back."""
    files = {}
    if without == "sha256sum":
        toybox = '#!/system/bin/sh\n[ "$1" = sha256sum ] && exec busybox-sha256sum "$2"\n'
        files["system/bin/toybox"] = toybox
        files["system/bin/busybox-sha256sum"] = '#!/system/bin/sh\nexec busybox sha256sum "$1"\n'
    machine = start(without=("sha256sum",), files_added=files)
    one = find(machine.serial)
    remote = one.push(file)
    one.script('echo stale > "$0"', remote)
    before = machine.received
    assert find(machine.serial).push(file) == remote
    assert machine.received - before > 300_000
    before = machine.received
    assert find(machine.serial).push(file) == remote
    assert machine.received - before < 10_000


def test_conditions_are_recorded_and_the_phone_put_right(
    start: Callable[..., phones.Phone],
) -> None:
    one = find(start(stay_on="2").serial)
    with one.conditions() as watch:
        asked = one.script("sleep 3; cat /tmp/requests")
    seen = watch.conditions
    assert seen.granted == ("fixed performance", "stay awake")
    assert (seen.battery_percent, seen.charging) == (85, True)
    assert seen.thermal_status == (0, 0)
    assert seen.governor == "schedutil"
    assert seen.mhz_first == seen.mhz_limit
    assert watching.reasons(seen) == []
    assert asked.splitlines() == [
        "cmd power set-fixed-performance-mode-enabled true",
        "settings put global stay_on_while_plugged_in 7",
    ]
    assert one.script("cat /tmp/requests").splitlines()[2:] == [
        "cmd power set-fixed-performance-mode-enabled false",
        "settings put global stay_on_while_plugged_in 2",
    ]


def test_a_phone_whose_cable_was_pulled_is_put_right_at_the_next_visit(
    start: Callable[..., phones.Phone],
) -> None:
    machine = start()
    with pytest.raises(DeviceError, match="noticed"), find(machine.serial).conditions():
        machine.tell("kill")
        raise DeviceError("the run noticed")
    machine.tell("start")
    one = find(machine.serial)
    assert one.script("cat /tmp/fixed-performance").strip() == "false"
    assert one.shell(["ls", f"{FOLDER}/restore"]).returncode != 0


@pytest.mark.parametrize(
    ("fixed", "reason"),
    [
        (profile.FIXED_UNKNOWN, "Unknown command: set-fixed-performance-mode-enabled"),
        (profile.FIXED_DENIED, "does not have android.permission.DEVICE_POWER"),
    ],
    ids=["Android 10", "denied"],
)
def test_refusals_are_recorded_not_fatal(
    start: Callable[..., phones.Phone], fixed: str, reason: str
) -> None:
    machine = start(
        fixed_performance=fixed,
        settings_denied=True,
        carriage_returns=True,
        thermal_status=2,
        wakefulness="Asleep",
        online="0",
        allowed="0",
    )
    with find(machine.serial).conditions() as watch:
        pass
    seen = watch.conditions
    assert seen.granted == ()
    assert seen.refused is not None
    assert reason in seen.refused["fixed performance"]
    assert "WRITE_SECURE_SETTINGS" in seen.refused["stay awake"]
    assert (seen.battery_percent, seen.cpus_online) == (85, "0")
    said = dict(watching.reasons(seen))
    assert "moderate" in said["throttled"]
    assert "screen was off" in said["noisy"]


def test_a_television_and_what_samsung_prints(start: Callable[..., phones.Phone]) -> None:
    """No battery, a sensor without a value, and wakefulness in Samsung's spelling."""
    machine = start(
        files_added={
            "etc/power": "  getWakefullnessLocked()=Asleep\n  mWakefulnessChanging=false\n",
            "etc/battery": "  AC powered: true\n  present: false\n  level: 0\n  temperature: 0\n",
            "etc/thermal": "Thermal Status: 0\nCurrent temperatures from HAL:\n"
            "\tTemperature{mValue=31.5, mType=0, mName=AP, mStatus=0}\n"
            "\tTemperature{mValue=-99.9, mType=5, mName=PA, mStatus=0}\n",
        }
    )
    with find(machine.serial).conditions() as watch:
        pass
    seen = watch.conditions
    assert seen.screen_on == (False, False)
    assert (seen.battery_percent, seen.battery_celsius) == (None, (None, None))
    assert seen.celsius == {"AP": 31.5}


def test_a_phone_with_a_32_bit_android_is_refused_and_nothing_is_written(
    start: Callable[..., phones.Phone],
) -> None:
    machine = start(properties={"ro.product.cpu.abilist": "armeabi-v7a,armeabi"})
    with pytest.raises(DeviceError, match="runs programs for armeabi-v7a"):
        find(machine.serial)
    rows = {row.id: row.state for row in listed()}
    assert rows[f"adb:{machine.serial}"] == "unsupported (armeabi-v7a)"
    connection = adb.Connection(program=adb.program(), serial=machine.serial)
    assert connection.shell(["ls", FOLDER]).returncode != 0


def test_an_interrupt_leaves_no_program_behind(machine: phones.Phone, spawn: Spawn) -> None:
    """Ctrl-C on this computer: the program on the phone ends, too."""
    run = spawn(sleeping(machine), stderr=subprocess.PIPE)
    assert _soon(lambda: _sleeping(machine), wanted=True)
    run.send_signal(2)
    run.communicate(timeout=30)
    assert _soon(lambda: _sleeping(machine), wanted=False)


def test_a_kill_leaves_no_program_behind(machine: phones.Phone, spawn: Spawn) -> None:
    run = spawn(sleeping(machine))
    assert _soon(lambda: _sleeping(machine), wanted=True)
    run.kill()
    assert _soon(lambda: _sleeping(machine), wanted=False)


def sleeping(machine: phones.Phone) -> list[str]:
    """A command that makes the phone sleep for longer than any test."""
    lines = (
        "from tflconv.device.phone import find",
        f"find('{machine.serial}').shell(['sleep', '4711'], timeout=None)",
    )
    return [sys.executable, "-c", "\n".join(lines)]


def test_adb_is_found_for_the_doctor(adb_server: None) -> None:
    (finding,) = adb.diagnose()
    assert finding.ok
    assert "adb" in finding.detail


def _sleeping(machine: phones.Phone) -> bool:
    return "sleep 4711\n" in find(machine.serial).script("ps -o args")


def _soon(question: Callable[[], bool], *, wanted: bool) -> bool:
    end = time.monotonic() + 60
    while question() != wanted:
        if time.monotonic() > end:
            return False
        time.sleep(0.1)
    return True
