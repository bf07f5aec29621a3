"""Emulated cores, test phones, and an adb server of their own to reach them through."""

from __future__ import annotations

import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator, Sequence
from importlib.util import find_spec
from typing import Any

import pytest

import phone as phones
from tflconv.device import emulator
from tflconv.device.phone import Phone, find
from tflconv.errors import TflconvError

Require = Callable[[str, bool, str], None]


@pytest.fixture(scope="session")
def arm64(require: Require) -> None:
    """Emulated arm64 cores that can count, set up in the user's cache."""
    try:
        emulator.setup()
        missing = [finding.detail for finding in emulator.diagnose() if not finding.ok]
    except TflconvError as error:
        missing = [str(error)]
    require("arm64", not missing, "; ".join(missing))
    require("arm64", find_spec("ziglang") is not None, "no ziglang to build arm64 programs with")


@pytest.fixture(scope="session")
def adb_server(require: Require) -> Iterator[None]:
    """A genuine adb server on a free port, which knows none of this machine's devices."""
    require("adb", bool(shutil.which("adb")), "no adb on PATH")
    reason = phones.missing()
    require("namespaces", reason is None, str(reason))
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("ANDROID_ADB_SERVER_PORT", str(_free_port()))
        for name in ("ADB", "ANDROID_SERIAL", "TFLCONV_RUNTIME"):
            environment.delenv(name, raising=False)
        yield
        phones.adb("kill-server")


@pytest.fixture
def spawn() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """``spawn(command)`` starts a program, which does not outlive the test."""
    running: list[subprocess.Popen[str]] = []

    def start_one(command: Sequence[object], **how: Any) -> subprocess.Popen[str]:
        running.append(subprocess.Popen([*map(str, command)], text=True, **how))
        return running[-1]

    yield start_one
    for one in running:
        one.kill()
        one.communicate(timeout=60)


@pytest.fixture
def start(adb_server: None) -> Iterator[Callable[..., phones.Phone]]:
    """``start(quirk=...)`` switches a phone on; the test's end switches it off."""
    running: list[phones.Phone] = []

    def switch_on(**quirks: object) -> phones.Phone:
        running.append(phones.Phone(phones.Profile(**quirks)))
        return running[-1]

    yield switch_on
    for one in running:
        switch_off(one)


@pytest.fixture(scope="module")
def machine(adb_server: None) -> Iterator[phones.Phone]:
    """A well-behaved phone that the tests of a file share, as what can be done to it."""
    one = phones.Phone()
    yield one
    switch_off(one)


@pytest.fixture
def phone(machine: phones.Phone) -> Phone:
    """The shared phone as tflconv sees it."""
    return find(machine.serial)


def switch_off(one: phones.Phone) -> None:
    one.__exit__()
    phones.adb("disconnect", one.serial)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port
