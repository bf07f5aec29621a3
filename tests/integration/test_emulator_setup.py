"""Setting up emulated cores: what is there, what is missing, what is damaged. No network."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest

from fakes import litert_wheel
from tflconv.cli import main
from tflconv.core.files import sha256_file
from tflconv.device import emulator
from tflconv.device.arm64 import libraries, sysroot, wheel
from tflconv.errors import DeviceError

FAKE_QEMU = """#!/bin/sh
echo "qemu-aarch64 version {version} (of a test)"
echo "-plugin  loads one"
echo "cortex-a76"
"""


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache."""
    monkeypatch.setenv("TFLCONV_CACHE_DIR", str(tmp_path / "cache, with a comma"))
    return tmp_path / "cache, with a comma"


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only place where pip looks for wheels, empty."""
    folder = tmp_path / "shelf"
    folder.mkdir()
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


@pytest.fixture
def system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with arm64 libraries, the only one that is searched."""
    folder = tmp_path / "system"
    folder.mkdir()
    for name in libraries.NAMES:
        (folder / name).write_bytes(litert_wheel.ELF_HEAD + name.encode())
    monkeypatch.setattr(libraries, "FOLDERS", (str(folder),))
    return folder


@pytest.fixture
def qemu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program on PATH that says it is qemu-aarch64."""
    program = tmp_path / "bin" / "qemu-aarch64"
    program.parent.mkdir()
    program.write_text(FAKE_QEMU.format(version="7.2.22"))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=os.pathsep)
    return program


def failure(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[object, str]:
    """Exit code of a command, and what it wrote to stderr."""
    with pytest.raises(SystemExit) as stopped:
        main(list(arguments))
    return stopped.value.code, capsys.readouterr().err


def test_setup_assembles_a_sysroot_for_every_core(
    cache: Path, shelf: Path, system: Path, qemu: Path
) -> None:
    source = litert_wheel.write(shelf, wheel.installed_version())
    made = emulator.setup()
    assert made.litert.read_bytes().endswith(b"LiteRT")
    assert set(made.libraries) == {*libraries.NAMES, "libLiteRt.so"}
    for core in emulator.cores.CORES.values():
        assert (made.root(core) / "lib" / "libc.so.6").read_bytes().endswith(b"libc.so.6")
        assert f"CPU part\t: {core.part:#05x}\n" in (made.root(core) / "proc/cpuinfo").read_text()
    sources = json.loads((made.path / "sources.json").read_text())
    assert sources["libc.so.6"] == str(system / "libc.so.6")
    assert sources["libLiteRt.so"] == f"{source.name} sha256:{sha256_file(source)}"


def test_what_is_set_up_is_not_made_again(
    cache: Path, shelf: Path, system: Path, qemu: Path
) -> None:
    source = litert_wheel.write(shelf, wheel.installed_version())
    first = emulator.setup()
    source.unlink()
    assert emulator.setup() == first == sysroot.find()


@pytest.mark.parametrize("name", ["lib/libLiteRt.so", "lib/libc.so.6", "cortex-a53/proc/cpuinfo"])
def test_a_truncated_file_is_noticed_and_made_again(
    name: str, cache: Path, shelf: Path, system: Path, qemu: Path
) -> None:
    litert_wheel.write(shelf, wheel.installed_version())
    damaged = emulator.setup().path / name
    whole = damaged.read_bytes()
    damaged.write_bytes(whole[:-3])
    with pytest.raises(DeviceError, match="missing or damaged"):
        sysroot.find()
    emulator.setup()
    assert damaged.read_bytes() == whole


def test_without_a_wheel_setup_fails_once_and_leaves_nothing(
    cache: Path, shelf: Path, system: Path, qemu: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, said = failure(capsys, "devices", "setup", "arm64")
    assert code == 3
    assert f"pip cannot download ai-edge-litert {wheel.installed_version()}" in said
    assert len(re.findall("^Error:", said, re.MULTILINE)) == 1
    assert not [path for path in cache.rglob("*") if path.is_file()]


def test_a_wheel_without_litert_is_refused(
    cache: Path, shelf: Path, system: Path, qemu: Path
) -> None:
    litert_wheel.write(shelf, wheel.installed_version(), member="ai_edge_litert/other.so")
    with pytest.raises(DeviceError, match=r"does not hold ai_edge_litert/libLiteRt.so"):
        emulator.setup()


def test_without_libraries_and_apt_the_message_names_the_packages(
    cache: Path, tmp_path: Path, qemu: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(libraries, "FOLDERS", ())
    monkeypatch.setenv("PATH", str(qemu.parent))
    with pytest.raises(DeviceError, match="libc6-arm64-cross"):
        emulator.setup()


def test_libraries_of_another_processor_do_not_count(tmp_path: Path) -> None:
    other, arm64 = tmp_path / "other", tmp_path / "arm64"
    for folder in (other, arm64):
        folder.mkdir()
    (other / "libc.so.6").write_bytes(litert_wheel.ELF_HEAD.replace(b"\xb7", b"\x3e") + b"...")
    (other / "libm.so.6").write_bytes(b"/* GNU ld script */")
    (other / "libgcc_s.so.1").mkdir()
    (arm64 / "libc.so.6").write_bytes(litert_wheel.ELF_HEAD)
    assert libraries.search([other, arm64]) == {"libc.so.6": arm64 / "libc.so.6"}


@pytest.mark.parametrize(
    "arguments",
    [("devices", "setup", "arm64"), ("bench", "{model}", "--device", "arm64:cortex-a76")],
)
def test_without_qemu_there_is_one_message(
    arguments: tuple[str, ...],
    cache: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    model = Path(__file__).parents[1] / "golden" / "models" / "tiny_int8.tflite"
    code, said = failure(capsys, *(word.format(model=model) for word in arguments))
    assert code == 3
    assert said.startswith("Error: there is no qemu-aarch64 on PATH.\nDebian and Ubuntu: ")
    assert said.count("\n") == 2


def test_before_setup_there_is_one_message(
    cache: Path, qemu: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = Path(__file__).parents[1] / "golden" / "models" / "tiny_int8.tflite"
    code, said = failure(capsys, "bench", str(model), "--device", "arm64:cortex-a76")
    assert code == 3
    assert said == (
        "Error: the arm64 sysroot is missing or damaged.\nRun: tflconv devices setup arm64\n"
    )


def test_an_unknown_core_gets_a_suggestion(capsys: pytest.CaptureFixture[str]) -> None:
    model = Path(__file__).parents[1] / "golden" / "models" / "tiny_int8.tflite"
    code, said = failure(capsys, "bench", str(model), "--device", "arm64:cortex-a57")
    assert code == 2
    assert "unknown arm64 core 'cortex-a57'" in said
    assert "cortex-a53" in said


def test_devices_says_what_is_missing(
    cache: Path, qemu: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main_result = _listed(capsys)
    assert main_result["arm64:cortex-a76"]["state"] == "not set up"
    assert main_result["arm64:cortex-a76"]["hint"] == "Run: tflconv devices setup arm64"
    qemu.unlink()
    assert [f.ok for f in emulator.diagnose()][2] is False


def test_doctor_names_everything_that_is_missing(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    findings = {finding.subject: finding for finding in emulator.diagnose()}
    assert not any(finding.ok for finding in findings.values())
    assert all(finding.hint for finding in findings.values())
    assert "qemu-user" in str(findings["qemu-aarch64"].hint)


def test_clean_removes_what_was_pushed_and_keeps_what_was_set_up(
    cache: Path, shelf: Path, system: Path, qemu: Path, tmp_path: Path
) -> None:
    litert_wheel.write(shelf, wheel.installed_version())
    emulator.setup()
    core = emulator.find("cortex-a76")
    model = tmp_path / "a model.tflite"
    model.write_bytes(b"model")
    remote = Path(core.push(model))
    assert emulator.clean() == 1
    assert not remote.exists()
    assert sysroot.find() == core.sysroot


def test_a_damaged_copy_is_pushed_again(
    cache: Path, shelf: Path, system: Path, qemu: Path, tmp_path: Path
) -> None:
    litert_wheel.write(shelf, wheel.installed_version())
    emulator.setup()
    core = emulator.find("cortex-a53")
    model = tmp_path / "model.tflite"
    model.write_bytes(b"model")
    remote = Path(core.push(model))
    remote.write_bytes(b"mod")
    assert core.push(model) == str(remote)
    assert remote.read_bytes() == b"model"
    assert remote.stem == sha256_file(model)


def _listed(capsys: pytest.CaptureFixture[str]) -> dict[str, dict[str, object]]:
    with pytest.raises(SystemExit):
        main(["devices", "--json"])
    return {row["id"]: row for row in json.loads(capsys.readouterr().out)}
