"""The pure parts of the emulator: versions of QEMU, its options, the plugin's lines."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tflconv.device.arm64 import cores, counting, qemu
from tflconv.device.arm64.qemu import Qemu
from tflconv.errors import DeviceError, UsageError
from tflconv.results import Instructions


def fake(folder: Path, script: str) -> Qemu:
    program = folder / "qemu-aarch64"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return Qemu(program)


@pytest.mark.parametrize(
    ("version", "api"),
    [
        ("qemu-aarch64 version 7.2.22 (Debian 1:7.2+dfsg-7+deb12u18+b3)", 1),
        ("qemu-aarch64 version 8.2.2 (Debian 1:8.2.2+ds-0ubuntu1.4)", 1),
        ("qemu-aarch64 version 9.0.4", 2),
        ("qemu-aarch64 version 9.1.0", 3),
        ("qemu-aarch64 version 10.0.13 (Debian 1:10.0.13+ds-0+deb13u1)", 3),
        ("qemu-aarch64 version 10.1.50 (v10.1.0-12-gdeadbeef)", 3),
    ],
)
def test_the_plugin_is_built_for_the_interface_of_the_qemu_at_hand(
    version: str, api: int, tmp_path: Path
) -> None:
    assert fake(tmp_path, f"echo '{version}'").plugin_api == api


def test_a_program_that_is_no_qemu_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DeviceError, match="does not print its version"):
        _ = fake(tmp_path, "echo hello").version


def test_a_core_that_this_qemu_lacks_is_emulated_by_one_with_the_same_instructions(
    tmp_path: Path,
) -> None:
    old = fake(tmp_path, "printf 'Available CPUs:\\n  cortex-a53\\n  cortex-a76\\n'")
    command = old.command(cores.CORES["cortex-a55"], Path("/root"), ["/program"])
    assert command[command.index("-cpu") + 1] == "cortex-a76"


def test_of_two_qemus_the_one_that_can_count_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake(tmp_path, "echo '-L path'")
    with_plugins = tmp_path / "qemu-aarch64-static"
    with_plugins.write_text("#!/bin/sh\necho '-plugin  file'\n")
    with_plugins.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert qemu.find().path == with_plugins


def test_an_unknown_core_is_a_mistake_of_the_user() -> None:
    with pytest.raises(UsageError, match="unknown arm64 core 'a76'"):
        cores.find("a76")


@pytest.mark.parametrize(
    ("cpu", "features", "nearest"),
    [
        ("SDM660, 4x Cortex-A53 + 4x Cortex-A73", ("asimd",), "cortex-a53"),
        ("4x Cortex-A55 + 4x Cortex-A78", ("asimd", "asimddp"), "cortex-a76"),
        ("SC9863A, 8x Cortex-A55", ("asimd", "asimddp"), "cortex-a55"),
        ("Tensor", ("asimddp", "i8mm"), "neoverse-n2"),
        (None, (), "cortex-a53"),
    ],
)
def test_a_phone_is_compared_with_the_core_that_runs_its_kernels(
    cpu: str | None, features: tuple[str, ...], nearest: str
) -> None:
    assert cores.nearest(cpu, features).name == nearest


def test_only_cores_with_dot_products_say_so() -> None:
    able = {name for name, core in cores.CORES.items() if "asimddp" in core.cpuinfo().split()}
    assert able == {"neoverse-n2", "cortex-a76", "cortex-a55"}
    matrices = {name for name, core in cores.CORES.items() if "i8mm" in core.cpuinfo().split()}
    assert matrices == {"neoverse-n2"}


def test_commas_in_paths_are_doubled_for_qemu() -> None:
    option = counting.option(Path("/a,b/count.so"), Path("/c,d/counts"))
    assert option == "/a,,b/count.so,out=/c,,d/counts"


COUNTS = st.tuples(*[st.integers(0, 2**63 - 1)] * 6)


@given(st.lists(COUNTS))
def test_every_line_of_the_plugin_is_an_inference(rows: list[tuple[int, ...]]) -> None:
    text = "".join(" ".join(map(str, row)) + "\n" for row in rows)
    fields = ("total", "sdot", "fmla", "smull", "memory", "simd")
    expected = tuple(Instructions(**dict(zip(fields, row, strict=True))) for row in rows)
    assert counting.parse(text) == expected
