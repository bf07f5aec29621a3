"""The host as a device: files stay where they are, programs run as they are told to."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tflconv import device
from tflconv.device import host
from tflconv.errors import DeviceError, UsageError


def test_it_is_found_and_listed() -> None:
    assert device.find("host").info().kind == "host"
    (listed,) = host.listed()
    assert (listed.id, listed.state) == ("host", "ready")
    assert host.clean() == 0
    with pytest.raises(UsageError, match="unknown device 'host:other'"):
        device.find("host:other")


def test_it_says_what_it_is() -> None:
    info = host.Host().info()
    assert info.cores
    assert info.abi == host.abi()


@pytest.mark.parametrize("text", ["", "model name without colon\n", "flags\t: sse avx2 fma\n"])
def test_any_cpuinfo_will_do(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "cpuinfo").write_text(text)
    monkeypatch.setattr(host, "CPUINFO", tmp_path / "cpuinfo")
    assert host.Host().info().features == (("avx2",) if "avx2" in text else ())


def test_arguments_arrive_as_they_are() -> None:
    awkward = ["two words", "quote'\"", "ünï", "$HOME;*", ""]
    done = host.Host().shell([sys.executable, "-c", "import sys; print(sys.argv[1:])", *awkward])
    assert done.returncode == 0
    assert done.stdout == f"{awkward}\n"


def test_a_signal_is_a_negative_code() -> None:
    killed = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
    assert host.Host().shell([sys.executable, "-c", killed]).returncode == -9


def test_a_program_that_hangs_or_is_missing() -> None:
    with pytest.raises(DeviceError, match=r"did not end within 0.2 s"):
        host.Host().shell([sys.executable, "-c", "import time; time.sleep(9)"], timeout=0.2)
    with pytest.raises(DeviceError, match="cannot run /nowhere/program"):
        host.Host().shell(["/nowhere/program"])


def test_files(tmp_path: Path) -> None:
    source = tmp_path / "a"
    source.write_bytes(b"content")
    here = host.Host()
    assert here.push(source) == str(source)
    here.pull(str(source), tmp_path / "b")
    assert (tmp_path / "b").read_bytes() == b"content"
    with pytest.raises(DeviceError, match="there is no file"):
        here.pull(str(tmp_path / "none"), tmp_path / "c")
    assert not (tmp_path / "c").exists()


def test_without_litert_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host, "find_spec", lambda _: None)
    with pytest.raises(DeviceError, match="is not installed") as caught:
        host.Host().runtime()
    assert "pip install ai-edge-litert" in str(caught.value)
    assert host.listed()[0].state == "no LiteRT"
    assert not host.diagnose()[0].ok
