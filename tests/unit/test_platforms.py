"""What a computer that is not Linux, or lacks a tool, is told, and when."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tflconv import device
from tflconv.benchmark import build
from tflconv.device import compiler, host
from tflconv.errors import DeviceError

Require = Callable[[str, bool, str], None]
MODELS = Path(__file__).parents[1] / "golden" / "models"
PLAN = """
name = "s"
dataset = "mnist-sample"
devices = ["{device}"]
recipes = ["fp32"]
[[models]]
model = "vit"
"""


def test_the_harness_builds_for_a_mac(require: Require, tmp_path: Path) -> None:
    """It is built for every system by ``tests/nightly/test_platforms_link.py``."""
    require("ziglang", compiler.has_zig(), "the package ziglang is not installed")
    build.cross_build("arm64-darwin", tmp_path / "harness")
    assert (tmp_path / "harness").read_bytes().startswith(b"\xcf\xfa\xed\xfe")


def test_a_study_that_could_not_measure_does_not_train_first(tmp_path: Path) -> None:
    """Its only device is an emulated core, and no qemu is on the path."""
    (tmp_path / "plan.toml").write_text(PLAN.format(device="arm64:cortex-a76"))
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "tflconv", "study", "plan.toml", "-o", "out"],
        cwd=tmp_path,
        env=os.environ | {"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == DeviceError.exit_code
    assert "apt-get install qemu-user" in done.stderr
    assert "tensorflow" not in done.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("system", ["Windows", "FreeBSD"])
def test_a_system_without_a_harness_is_told_what_it_can_do(
    system: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(platform, "system", lambda: system)
    with pytest.raises(DeviceError, match=f"Linux and macOS, and this is {system}"):
        device.find("host").runtime()
    (row,) = host.listed()
    assert row.state == f"no harness for {system}"
    assert row.hint == host.ELSEWHERE
    assert host.diagnose()[0].hint == host.ELSEWHERE


ELSEWHERE = """
import platform
platform.system = lambda: "Windows"
"""


@pytest.mark.parametrize(
    "words", ["bench t.tflite", "compare t.tflite t.tflite", "study plan.toml"]
)
def test_what_needs_the_harness_says_so_at_once(words: str, tmp_path: Path) -> None:
    done = elsewhere(words, tmp_path, devices="host")
    assert done.returncode == DeviceError.exit_code
    assert "Linux and macOS, and this is Windows.\n" in done.stderr
    assert "Convert and verify here; measure on Linux" in done.stderr
    assert "tensorflow" not in done.stderr


def test_a_study_says_first_which_of_its_devices_it_cannot_use(tmp_path: Path) -> None:
    """A phone may be connected later, so it goes on, to a model that is not there."""
    done = elsewhere("study plan.toml", tmp_path, devices='host", "adb', model="none.keras")
    assert "this is Windows." in done.stderr
    assert "The other devices are measured." in done.stderr
    assert "no model at none.keras" in done.stderr


def elsewhere(
    words: str, folder: Path, *, devices: str, model: str = "vit"
) -> subprocess.CompletedProcess[str]:
    """Run a command on a system for which there is no harness."""
    (folder / "sitecustomize.py").write_text(ELSEWHERE)
    (folder / "t.tflite").write_bytes((MODELS / "tiny_float32.tflite").read_bytes())
    plan = PLAN.format(device=devices).replace('"vit"', f'"{model}"')
    (folder / "plan.toml").write_text(plan)
    return subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "tflconv", *words.split()],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(folder), "HOME": str(folder)},
        capture_output=True,
        text=True,
    )


def test_on_a_mac_it_looks_for_the_library_of_a_mac(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "ai_edge_litert"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "libLiteRt.dylib").write_bytes(b"litert")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(platform, "system", lambda: "Darwin")
    monkeypatch.setattr(platform, "machine", lambda: "arm64")
    monkeypatch.delitem(sys.modules, "ai_edge_litert", raising=False)
    runtime = host.Host().runtime()
    assert Path(runtime.path).name == "libLiteRt.dylib"
    assert runtime.abi in build.ZIG_TARGETS
