"""Phones behind other adb servers, and a phone that one person at a time has."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import phone as phones
from fakes.adb_server import FakePhone, serve
from tflconv import device
from tflconv.cli import main
from tflconv.device import adb
from tflconv.device.phone import Phone, find
from tflconv.errors import DeviceError

Require = Callable[[str, bool, str], None]


@pytest.fixture(autouse=True)
def real_adb(require: Require, monkeypatch: pytest.MonkeyPatch) -> None:
    require("adb", bool(shutil.which("adb") or adb.bundled()), "no adb on this machine")
    for name in ("ANDROID_SERIAL", "ADB_SERVER_SOCKET"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def servers() -> Iterator[tuple[str, str]]:
    with serve(FakePhone("one")) as first, serve(FakePhone("two")) as second:
        yield f"127.0.0.1:{first}", f"127.0.0.1:{second}"


def test_phones_of_several_servers_are_one_list(servers: tuple[str, str]) -> None:
    listed = adb.devices(adb.program(), servers=servers)
    assert [(each.serial, each.server) for each in listed] == [
        ("one", servers[0]),
        ("two", servers[1]),
    ]
    connection = adb.open_serial(adb.program(), "two", servers=servers)
    assert connection.shell(["true"]).returncode == 0
    phones_listed = [row.id for row in device.listed(adb_servers=servers) if row.kind == "phone"]
    assert phones_listed == ["adb:one", "adb:two"]


def test_a_server_that_is_down_hides_its_own_phones_only(servers: tuple[str, str]) -> None:
    silent = "127.0.0.1:1"
    (listed,) = adb.devices(adb.program(), servers=(silent, servers[1]))
    assert listed.serial == "two"
    with pytest.raises(DeviceError, match=r"the adb server at 127\.0\.0\.1:1 does not answer"):
        adb.devices(adb.program(), servers=(silent,))


def test_the_environment_names_a_server_as_it_does_for_adb(
    servers: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ADB_SERVER_SOCKET", f"tcp:{servers[1]}")
    assert [each.serial for each in adb.devices(adb.program())] == ["two"]


def test_the_command_line_names_servers(
    servers: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(["devices", "--json", "--adb-server", servers[0], "--adb-server", servers[1]])
    assert '"adb:one"' in (printed := capsys.readouterr().out)
    assert '"adb:two"' in printed


def test_cleaning_reaches_the_phones_of_a_named_server(
    servers: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:  # a phone of the fake server gives no lock away
        main(["devices", "clean", "adb", "--adb-server", servers[1]])
    assert ended.value.code == 3
    assert "adb:two did not answer" in capsys.readouterr().err


HOLDS = """
import sys, time
from tflconv.device.phone import find
with find(sys.argv[1]).reserved():
    print("taken", flush=True)
    time.sleep(600)
"""


def test_a_phone_is_had_by_one_process_and_free_when_that_is_killed(
    phone: Phone, machine: phones.Phone, spawn: Callable[..., subprocess.Popen[str]]
) -> None:
    other = spawn([sys.executable, "-c", HOLDS, machine.serial], stdout=subprocess.PIPE)
    assert other.stdout is not None
    assert other.stdout.readline() == "taken\n"
    with pytest.raises(DeviceError, match=f"is in use by .*, process {other.pid}, since "):
        phone.clean()
    tiny = Path(__file__).parents[1] / "golden" / "models" / "tiny_int8.tflite"
    with pytest.raises(SystemExit) as ended:
        main(["bench", str(tiny), "-s", machine.serial])
    assert ended.value.code == 3
    other.kill()
    other.wait()
    with find(machine.serial).reserved():
        pass


WAITS = """
cd "$0" || exit 1
{
  echo opened
  while [ ! -e "$1" ]; do sleep 0.1; done
  flock 9
  echo somebody >holder
  touch "$1.taken"
  sleep 600 9>&-
} 9>>lock
"""
"""Waits for the lock: the file is open already while another one holds it."""


def test_who_waits_for_the_lock_has_it_after_a_clean(phone: Phone, machine: phones.Phone) -> None:
    free = "/data/local/tmp/free"
    with phone.reserved():
        pass  # there is a lock to wait for
    with phone.background(WAITS, phone.folder, free, awaited="opened"):
        find(machine.serial).clean()
        phone.script('touch "$0"; while [ ! -e "$0.taken" ]; do sleep 0.1; done', free)
        with pytest.raises(DeviceError, match="is in use by somebody"):
            find(machine.serial).clean()
    phone.script('rm "$0" "$0.taken"', free)


def test_a_phone_without_flock_is_not_locked(start: Callable[..., phones.Phone]) -> None:
    missing = {"system/bin/flock": "#!/system/bin/sh\necho 'flock: not found' >&2\nexit 127\n"}
    old = find(start(files_added=missing).serial)
    with old.reserved(), old.reserved():
        pass
