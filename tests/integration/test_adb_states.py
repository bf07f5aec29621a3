"""The genuine adb client against a server whose phones cannot be used: one clear message each."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from fakes.adb_server import FakePhone, serve
from tflconv import device
from tflconv.cli import main
from tflconv.device import adb, phone
from tflconv.device.access import Cancellation
from tflconv.device.parallel import side_by_side
from tflconv.errors import DeviceError, UsageError

MDNS = "adb-5a5a5a5a-AbCdEf (2)._adb-tls-connect._tcp"
TABLET = (
    "=== properties\n[ro.product.cpu.abilist]: [armeabi-v7a,armeabi]\n"
    "[ro.build.version.sdk]: [29]\n=== machine\nLinux armv8l\n"
)
TINY = Path(__file__).parents[1] / "golden" / "models" / "tiny_int8.tflite"


@pytest.fixture(autouse=True)
def _adb(
    require: Callable[[str, bool, str], None], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    require("adb", bool(shutil.which("adb") or adb.bundled()), "no adb on this machine")
    for name in ("ADB", "ANDROID_SERIAL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Make adb talk to the server at a port."""
    return lambda port: monkeypatch.setenv("ANDROID_ADB_SERVER_PORT", str(port))


@pytest.mark.parametrize("_round", range(3))
def test_many_may_be_the_first_to_need_the_server(
    known: Callable[[int], None], _round: int
) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    known(port)
    program = adb.program()
    try:
        answers = side_by_side(lambda *_: adb.devices(program), ["a", "b", "c"])
        assert not [answer for answer in answers if isinstance(answer, Exception)]
    finally:
        subprocess.run([program, "kill-server"], check=True, capture_output=True)


@pytest.mark.parametrize(
    ("state", "hint"),
    [
        ("unauthorized", "allow USB debugging"),
        ("offline", "adb reconnect"),
        ("recovery", "adb reboot"),
        ("rescue", "adb reboot"),
        ("connecting", "adb reconnect"),
        ("detached", "adb attach"),
        ("host", "name a phone"),
        ("no permissions; see [http://developer.android.com/tools/device.html]", "udev"),
    ],
)
def test_a_phone_that_cannot_be_used(known: Callable[[int], None], state: str, hint: str) -> None:
    with serve(FakePhone("ZY22", state)) as port:
        known(port)
        with pytest.raises(DeviceError, match=f"'ZY22' is {state.partition(';')[0]}") as caught:
            phone.find("ZY22")
        (row,) = phone.listed()
    assert hint in str(caught.value)
    assert row.state == state.partition(";")[0]
    assert hint in str(row.hint)


@pytest.mark.parametrize("wanted", ["", "0123456789ABCDEF"])
def test_phones_of_one_serial_are_not_mixed_up(known: Callable[[int], None], wanted: str) -> None:
    twin = FakePhone("0123456789ABCDEF")
    with serve(twin, twin) as port:
        known(port)
        with pytest.raises(DeviceError, match="2 phones have the serial '0123456789ABCDEF'") as no:
            phone.find(wanted)
    assert "Disconnect all but one" in str(no.value)
    with serve(twin, FakePhone(twin.serial, "offline")) as port:
        known(port)
        assert phone.find(wanted).id == f"adb:{twin.serial}"


def test_no_phone(known: Callable[[int], None]) -> None:
    with serve() as port:
        known(port)
        with pytest.raises(DeviceError, match="no phone is connected"):
            phone.find("")
        assert phone.listed() == []


def test_no_phone_and_what_to_do_about_it(
    known: Callable[[int], None], capsys: pytest.CaptureFixture[str]
) -> None:
    with serve() as port:
        known(port)
        with pytest.raises(SystemExit):
            main(["devices"])
    title, *steps = capsys.readouterr().err.splitlines()[-4:]
    assert title == "No phone is listed. To connect one:"
    assert [step[:3] for step in steps] == ["1. ", "2. ", "3. "]
    assert "USB debugging" in steps[0]
    assert "cable" in steps[1]
    assert "adb kill-server" in steps[2]


def test_with_a_phone_nothing_is_said_about_connecting_one(
    known: Callable[[int], None], capsys: pytest.CaptureFixture[str]
) -> None:
    with serve(FakePhone("ZY22", "unauthorized")) as port:
        known(port)
        with pytest.raises(SystemExit):
            main(["devices"])
    assert "No phone is listed" not in capsys.readouterr().err


@pytest.mark.parametrize("serial", [MDNS, "TAB 5S", " GS10120000", "my device (2)"])
def test_a_phone_with_blanks_in_its_serial(known: Callable[[int], None], serial: str) -> None:
    with serve(FakePhone(serial), FakePhone("other")) as port:
        known(port)
        assert [row.id for row in phone.listed()] == [f"adb:{serial}", "adb:other"]
        assert phone.find(serial).id == f"adb:{serial}"
        assert device.find(f"adb:{serial.strip()}").id == f"adb:{serial}"


@pytest.mark.parametrize("serial", [MDNS, "adb-5a5a-x._adb._tcp", "192.168.1.5:5555"])
def test_a_phone_on_the_network_is_connected_again(
    known: Callable[[int], None], serial: str
) -> None:
    with serve(FakePhone(serial, away=True)) as port:
        known(port)
        assert phone.listed() == []
        assert phone.find(serial).id == f"adb:{serial}"


def test_a_phone_that_cannot_run_models_is_refused_before_anything_is_copied(
    known: Callable[[int], None], capsys: pytest.CaptureFixture[str]
) -> None:
    commands: list[str] = []
    with serve(FakePhone("TAB 5S", output=TABLET), log=commands) as port:
        known(port)
        with pytest.raises(SystemExit) as caught:
            main(["bench", str(TINY), "-s", "TAB 5S"])
        (row,) = phone.listed()
    assert caught.value.code == 3
    assert "adb:TAB 5S runs programs for armeabi-v7a" in capsys.readouterr().err
    assert not any("mkdir" in command or "sync:" in command for command in commands)
    assert (row.state, row.abilities) == ("unsupported (armeabi-v7a)", ())
    assert "64-bit ARM" in str(row.hint)


def test_a_phone_that_does_not_answer_is_listed_as_such(known: Callable[[int], None]) -> None:
    with serve(FakePhone("gone", vanishes=True), FakePhone("ZY22")) as port:
        known(port)
        assert [row.state for row in phone.listed()] == ["not answering", "ready"]


def test_another_phone(known: Callable[[int], None]) -> None:
    with serve(FakePhone("ZY22")) as port:
        known(port)
        with pytest.raises(DeviceError, match="'other' not found") as caught:
            phone.find("other")
    assert "ZY22 (device)" in str(caught.value)


def test_two_phones_and_no_choice(
    known: Callable[[int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    with serve(FakePhone("first"), FakePhone("second")) as port:
        known(port)
        with pytest.raises(DeviceError, match="more than one") as caught:
            phone.find("")
        assert "first (device), second (device)" in str(caught.value)
        monkeypatch.setenv("ANDROID_SERIAL", "second")
        assert phone.find("").id == "adb:second"
        assert phone.find("first").id == "adb:first"


def test_a_phone_with_an_old_android(known: Callable[[int], None]) -> None:
    with serve(FakePhone("old", features="cmd")) as port:
        known(port)
        with pytest.raises(DeviceError, match="does not report exit codes"):
            phone.find("old")
        (row,) = phone.listed()
    assert row.state == "unsupported (before Android 7)"
    assert "Android 7 or newer" in str(row.hint)


def test_a_phone_that_vanishes(known: Callable[[int], None]) -> None:
    with serve(FakePhone("gone", vanishes=True)) as port:
        known(port)
        with pytest.raises(DeviceError, match="'gone' was lost"):
            phone.find("gone")


def test_a_phone_that_hangs(known: Callable[[int], None]) -> None:
    with serve(FakePhone("slow", delay=60)) as port:
        known(port)
        started = time.monotonic()
        connection = adb.open_serial(adb.program(), "slow")
        with pytest.raises(DeviceError, match="did not answer 'adb shell' in 1 s"):
            connection.shell(["true"], timeout=1)
    assert time.monotonic() - started < 5


@pytest.mark.parametrize("version", [40, 42])
def test_a_server_of_another_version_that_stays(
    known: Callable[[int], None], capsys: pytest.CaptureFixture[str], version: int
) -> None:
    with serve(FakePhone("ZY22"), version=version, obeys=False) as port:
        known(port)
        with pytest.raises(SystemExit) as caught:
            main(["bench", str(TINY), "-s", "ZY22"])
        assert phone.listed() == []
    assert caught.value.code == 3
    said = capsys.readouterr().err
    assert f"Error: adb's server speaks version {version}, " in said
    assert "adb kill-server" in said


@pytest.mark.parametrize("wheel", [False, True], ids=["on PATH", "of the wheel"])
def test_a_server_of_another_version_that_ends(
    require: Callable[[str, bool, str], None],
    known: Callable[[int], None],
    monkeypatch: pytest.MonkeyPatch,
    wheel: bool,
) -> None:
    """adb starts its own, which says so, knows no phone, and outlives the client that we wait for.

    It must not hold on to our pipes.
    """
    program = adb.bundled() if wheel else shutil.which("adb")
    require("adbutils" if wheel else "adb", program is not None, "no such adb on this machine")
    monkeypatch.setenv("ADB", str(program))
    with serve(FakePhone("ZY22"), version=40) as port:
        known(port)
        try:
            with pytest.raises(DeviceError, match="'ZY22' not found"):
                phone.find("ZY22")
        finally:
            subprocess.run([adb.program(), "kill-server"], capture_output=True, timeout=20)


def test_phones_side_by_side_take_as_long_as_the_slowest(known: Callable[[int], None]) -> None:
    delays = [0.5, 1.0, 2.0, 1.5]
    phones = [FakePhone(f"p{index}", delay=delay) for index, delay in enumerate(delays)]

    def work(serial: str, cancellation: Cancellation) -> str:
        adb.open_serial(adb.program(), serial, cancellation).shell(["true"])
        return serial

    with serve(*phones, FakePhone("gone", vanishes=True)) as port:
        known(port)
        started = time.monotonic()
        *answers, lost = side_by_side(work, [*(one.serial for one in phones), "gone"])
        took = time.monotonic() - started
    assert answers == ["p0", "p1", "p2", "p3"]
    assert isinstance(lost, DeviceError)
    assert took <= 1.3 * max(delays)


def test_the_command_line_ends_with_3(
    known: Callable[[int], None], capsys: pytest.CaptureFixture[str]
) -> None:
    with serve(FakePhone("ZY22", "unauthorized")) as port:
        known(port)
        with pytest.raises(SystemExit) as caught:
            main(["bench", str(TINY), "--device", "adb:ZY22"])
    assert caught.value.code == 3
    assert "Error: device 'ZY22' is unauthorized." in capsys.readouterr().err


def test_adb_is_taken_from_where_it_was_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    named = tmp_path / "my adb"
    named.write_text("#!/bin/sh\n")
    named.chmod(0o755)
    monkeypatch.setenv("ADB", str(named))
    assert adb.program() == named
    with pytest.raises(UsageError, match="--adb names 'nothing'"):
        adb.program("nothing")
    monkeypatch.setenv("ADB", str(tmp_path / "missing"))
    with pytest.raises(UsageError, match=r"\$ADB names"):
        adb.program()


def test_without_any_adb(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(DeviceError, match="no adb on this computer"):
        adb.program()
    assert phone.listed() == []
    (finding,) = adb.diagnose()
    assert not finding.ok
    assert "adbutils" in str(finding.hint)


def test_the_wheels_adb_speaks_to_the_same_server(
    require: Callable[[str, bool, str], None],
    known: Callable[[int], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    wheel = adb.bundled()
    require("adbutils", wheel is not None, "the wheel adbutils is not installed")
    monkeypatch.setenv("ADB", str(wheel))
    with serve(FakePhone("first"), FakePhone("second", "offline")) as port:
        known(port)
        assert [(row.id, row.state) for row in phone.listed()] == [
            ("adb:first", "ready"),
            ("adb:second", "offline"),
        ]
        assert phone.find("first").id == "adb:first"


def test_choices_are_handed_in_and_the_environment_is_left_alone(
    require: Callable[[str, bool, str], None],
    known: Callable[[int], None],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Both choices go before the environment, which names what is not there."""
    program = str(adb.program())
    monkeypatch.setenv("ADB", str(tmp_path / "no-adb"))
    monkeypatch.setenv("TFLCONV_RUNTIME", str(tmp_path / "no-runtime.aar"))
    missing = tmp_path / "chosen.aar"
    with serve(FakePhone("first")) as port:
        known(port)
        before = dict(os.environ)
        chosen = device.find("adb:first", adb=program, runtime=missing)
        with pytest.raises(UsageError, match=r"no runtime .*chosen\.aar"):
            chosen.runtime()
        with pytest.raises(UsageError, match=r"no runtime .*no-runtime\.aar"):
            device.find("adb:first", adb=program).runtime()
        with pytest.raises(SystemExit) as caught:
            main(["bench", str(TINY), "-s", "first", "--adb", program, "--runtime", str(missing)])
        assert caught.value.code == 2
        assert "chosen.aar" in capsys.readouterr().err
        assert dict(os.environ) == before


def test_a_command_that_waits_is_cancelled_and_no_other(known: Callable[[int], None]) -> None:
    with serve(FakePhone("slow", delay=60), FakePhone("quick", delay=1)) as port:
        known(port)
        cancellation = Cancellation()
        slow = adb.open_serial(adb.program(), "slow", cancellation)
        quick = adb.open_serial(adb.program(), "quick")
        threading.Timer(0.5, cancellation.request).start()
        started = time.monotonic()
        with pytest.raises(KeyboardInterrupt):
            slow.shell(["true"], timeout=None)
        assert time.monotonic() - started < 5
        assert quick.shell(["true"]).returncode == 0
