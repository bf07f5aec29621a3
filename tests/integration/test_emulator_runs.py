"""Real qemu, real LiteRT for arm64: instructions counted exactly, outputs those of the host."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import tflconv
from fakes.device import FakeDevice
from tflconv.benchmark import BenchmarkConfig, bench, build, harness
from tflconv.device import compiler, emulator
from tflconv.device.emulator import Emulator
from tflconv.errors import DeviceError, TflconvError, UsageError
from tflconv.results import Instructions, MeasuredModel
from tflconv.tflite import half_precision, packing, stripping

Require = Callable[[str, bool, str], None]

MODELS = Path(__file__).parents[1] / "golden" / "models"
RESNET = (
    MODELS.parents[2] / "studies" / "compression" / "students" / "models" / "wide-labels.tflite"
)
CONFIG = BenchmarkConfig(profile_runs=1)
IDENTITY = MeasuredModel(slug="tiny", name="tiny", recipe="fp32", sha256="0" * 64, bytes=1)

INSTRUCTIONS = {
    "sdot": [
        "sdot v0.4s, v1.16b, v2.16b",
        "sdot v0.2s, v1.8b, v2.8b",
        "sdot v0.4s, v1.16b, v2.4b[3]",
        "udot v0.4s, v1.16b, v31.4b[0]",
    ],
    "fmla": [
        "fmla v0.4s, v1.4s, v2.4s",
        "fmla v0.2d, v1.2d, v2.2d",
        "fmla v0.4s, v1.4s, v18.s[3]",
        "fmla v0.8h, v1.8h, v2.8h",
        "fmla v0.8h, v1.8h, v2.h[7]",
    ],
    "smull": [
        "smull v0.8h, v1.8b, v2.8b",
        "smull2 v0.4s, v1.8h, v2.8h",
        "umull v0.8h, v1.8b, v2.8b",
        "smlal v0.4s, v1.4h, v2.4h",
        "smlal2 v0.8h, v1.16b, v2.16b",
        "smlal v0.4s, v1.4h, v2.h[7]",
        "umlal v0.4s, v1.4h, v2.h[1]",
        "smull v0.4s, v1.4h, v2.h[0]",
    ],
    "memory": [
        "ldr x9, [sp]",
        "str x9, [sp, #-16]",
        "ldp q4, q5, [sp]",
        "ld1 {v4.16b}, [x10]",
        "prfm pldl1keep, [x10]",
        "ldrb w9, [x10, #1]",
    ],
    "simd": [
        "fmul v0.4s, v1.4s, v2.4s",
        "fmls v0.4s, v1.4s, v2.4s",
        "smlsl v0.4s, v1.4h, v2.4h",
        "mul v0.8h, v1.8h, v2.8h",
        "sqdmulh v0.4s, v1.4s, v2.4s",
        "pmull v0.8h, v1.8b, v2.8b",
        "fmadd s0, s1, s2, s3",
        "fcvtns v0.4s, v1.4s",
        "dup v0.4s, v1.s[0]",
    ],
    "total": ["add x9, x9, #1", "smull x9, w9, w9", "madd x9, x9, x9, x9", "nop", "mov x11, x9"],
}
"""Each counts in its class and in ``total``; the first three are ``simd`` as well."""


@pytest.fixture(params=["neoverse-n2", "cortex-a76", "cortex-a55", "cortex-a53"])
def core(request: pytest.FixtureRequest, arm64: None) -> Emulator:
    """Every core in turn."""
    return emulator.find(request.param)


@pytest.fixture
def a76(arm64: None) -> Emulator:
    """The core with out-of-order execution and dot products."""
    return emulator.find("cortex-a76")


def program(body: str, folder: Path) -> Path:
    """An arm64 program of the C statements ``body``."""
    source, binary = folder / "program.c", folder / "program"
    source.write_text(f"#include <signal.h>\nint main(void) {{\n{body}\nreturn 0;\n}}\n")
    zig = [sys.executable, "-m", "ziglang", "cc", "-target", build.ZIG_TARGETS["aarch64-linux"]]
    subprocess.run([*zig, "-O2", "-o", binary, source], check=True, capture_output=True)
    return binary


def marked(instructions: list[str], times: int) -> str:
    """C statements that run ``instructions`` between marks, ``times`` times."""
    extended = ".arch armv8.6-a+dotprod+fp16+i8mm"
    lines = "\\n".join([extended, "movz xzr, #0x7f10", *instructions, "movz xzr, #0x7f11"])
    clobbered = ", ".join(f'"{name}"' for name in ("memory", "x9", "x10", "x11", "v0", "v4", "v5"))
    statement = f'__asm__ volatile("mov x10, sp\\n{lines}" ::: {clobbered});'
    return f"for (int i = 0; i < {times}; i++) {{ {statement} }}"


def executed(device: Emulator, path: Path, *, timeout: float = 120) -> tuple[Instructions, ...]:
    counted = device.count([device.push(path, executable=True)], timeout=timeout)
    assert counted.obstacle is None
    assert counted.completed.returncode == 0
    return counted.inferences


@pytest.mark.parametrize("kind", INSTRUCTIONS)
def test_every_instruction_is_counted_in_its_class(
    kind: str, a76: Emulator, tmp_path: Path
) -> None:
    lines = INSTRUCTIONS[kind]
    found = executed(a76, program(marked(lines, times=3), tmp_path))
    expected = dict.fromkeys(("sdot", "fmla", "smull", "memory", "simd"), 0)
    expected |= {kind: len(lines)} if kind != "total" else {}
    expected |= {"simd": len(lines)} if kind not in ("memory", "total") else {}
    assert found == (Instructions(total=len(lines), **expected),) * 3


MATRICES = [
    "smmla v0.4s, v1.16b, v2.16b",
    "ummla v0.4s, v1.16b, v2.16b",
    "usmmla v0.4s, v1.16b, v31.16b",
    "usdot v0.4s, v1.16b, v2.16b",
    "usdot v0.2s, v1.8b, v2.4b[3]",
    "sudot v0.4s, v1.16b, v2.4b[1]",
]


def test_products_of_int8_matrices_count_as_dot_products(arm64: None, tmp_path: Path) -> None:
    core = emulator.find("neoverse-n2")
    (found,) = executed(core, program(marked(MATRICES, times=1), tmp_path))
    assert (found.total, found.sdot, found.simd) == (6, 6, 6)


def test_the_kernels_for_int8_matrices_are_used_where_there_are_some(arm64: None) -> None:
    newer, older = (
        bench(RESNET, emulator.find(name), CONFIG, identity=IDENTITY)
        for name in ("neoverse-n2", "cortex-a76")
    )
    assert newer.instructions is not None
    assert older.instructions is not None
    assert newer.instructions.sdot < 0.6 * older.instructions.sdot
    assert newer.conditions.outputs_vs_host is not None
    assert newer.conditions.outputs_vs_host.same_bits


def test_half_precision_is_counted_where_there_is_some_and_refused_where_not(arm64: None) -> None:
    half = replace(CONFIG, precision="fp16")
    plain, halved = (
        bench(MODELS / "tiny_float32.tflite", emulator.find("cortex-a76"), how, identity=IDENTITY)
        for how in (CONFIG, half)
    )
    assert plain.instructions is not None
    assert halved.instructions is not None
    assert halved.instructions.fmla < plain.instructions.fmla
    assert halved.conditions.outputs_vs_host is not None
    assert 0 < halved.conditions.outputs_vs_host.max_difference < 1e-2
    with pytest.raises(UsageError, match="no arithmetic of half precision"):
        core = emulator.find("cortex-a53")
        bench(MODELS / "tiny_float32.tflite", core, half, identity=IDENTITY)


def test_a_file_may_say_itself_that_it_computes_in_half_precision(
    arm64: None, tmp_path: Path
) -> None:
    """As the option does where a core has it, and no more than without it where not."""
    model = packing.unpack((MODELS / "tiny_float32.tflite").read_bytes())
    half_precision.allow(model)
    stripping.strip(model)
    said = tmp_path / "half.tflite"
    said.write_bytes(packing.pack(model))
    found = {}
    for core in ("cortex-a76", "cortex-a53"):
        for path in (MODELS / "tiny_float32.tflite", said):
            found[core, path.stem] = counted(path, core)
    by_option = counted(MODELS / "tiny_float32.tflite", "cortex-a76", "fp16")
    assert found["cortex-a76", "half"] < 0.95 * found["cortex-a76", "tiny_float32"]
    assert found["cortex-a76", "half"] == pytest.approx(by_option, rel=0.01)
    assert found["cortex-a53", "half"] == pytest.approx(
        found["cortex-a53", "tiny_float32"], rel=0.01
    )


def counted(path: Path, core: str, precision: Any = "fp32") -> float:
    (run,) = tflconv.bench(path, f"arm64:{core}", precision=precision).runs
    assert run.instructions is not None
    return run.instructions.total


def test_what_is_in_integers_costs_the_same_beside_half_precision(arm64: None) -> None:
    """The flag of half precision replaces those by which XNNPACK takes operators in integers."""
    plain, halved = (
        bench(RESNET, emulator.find("cortex-a76"), how, identity=IDENTITY)
        for how in (CONFIG, replace(CONFIG, precision="fp16"))
    )
    assert plain.instructions is not None
    assert halved.instructions is not None
    assert halved.instructions.total == pytest.approx(plain.instructions.total, rel=1e-5)
    assert halved.instructions.sdot == plain.instructions.sdot > 0
    assert plain.graph is not None
    assert halved.graph is not None
    assert plain.graph.partitions == halved.graph.partitions == 1


def test_what_is_not_marked_is_not_counted(a76: Emulator, tmp_path: Path) -> None:
    work = "{ volatile int n = 0; for (int i = 0; i < 100000; i++) n++; }"
    found = executed(a76, program(work + marked(["nop"], 2) + work, tmp_path))
    assert [one.total for one in found] == [1, 1]


def test_loops_and_calls_between_marks_are_counted_to_the_last(
    a76: Emulator, tmp_path: Path
) -> None:
    loop = ["mov x9, #1000", "1: subs x9, x9, #1", "b.ne 1b"]
    (found,) = executed(a76, program(marked(loop, 1), tmp_path))
    assert found.total == 1 + 2 * 1000


@pytest.mark.parametrize("name", ["tiny_float32.tflite", "tiny_int8.tflite"])
def test_a_model_costs_the_same_instructions_every_time(name: str, core: Emulator) -> None:
    first, again = (
        bench(MODELS / name, core, CONFIG, identity=IDENTITY).instructions for _ in range(2)
    )
    assert first is not None
    assert again is not None
    assert again.total == pytest.approx(first.total, rel=1e-4)
    assert again.memory == pytest.approx(first.memory, rel=1e-4)
    arithmetic = ("sdot", "fmla", "smull", "simd")
    assert [getattr(again, kind) for kind in arithmetic] == [
        getattr(first, kind) for kind in arithmetic
    ]


def test_only_cores_with_dot_products_use_them(arm64: None) -> None:
    able, unable = (
        bench(MODELS / "tiny_int8.tflite", emulator.find(name), CONFIG, identity=IDENTITY)
        for name in ("cortex-a76", "cortex-a53")
    )
    assert able.instructions is not None
    assert able.instructions.sdot
    assert unable.instructions is not None
    assert unable.instructions.sdot == 0
    assert unable.instructions.smull


def test_what_a_phone_counts_is_compared_with_the_same_file_here(a76: Emulator) -> None:
    """The phone's counter is a fake, for want of hardware; the emulated core is not."""
    model = MODELS / "tiny_float32.tflite"
    beside = bench(model, FakeDevice(features=("asimddp",)), CONFIG, identity=IDENTITY)
    alone = bench(model, a76, CONFIG, identity=IDENTITY).instructions
    assert alone is not None
    emulated = beside.conditions.instructions_emulated
    assert emulated is not None
    assert emulated.core == "cortex-a76"
    assert emulated.total == pytest.approx(alone.total, rel=1e-4)
    assert emulated.fmla == alone.fmla


def test_no_time_and_no_memory_is_reported(core: Emulator) -> None:
    run = bench(MODELS / "tiny_int8.tflite", core, CONFIG, identity=IDENTITY)
    assert run.device.kind == "emulator"
    assert (run.latency, run.cpu, run.memory) == (None, None, None)
    assert run.graph is not None
    assert run.graph.ops
    assert {op.mean_ns for op in run.graph.ops} == {None}


def test_int8_outputs_are_those_of_the_host_to_the_bit(core: Emulator) -> None:
    run = bench(MODELS / "tiny_int8.tflite", core, CONFIG, identity=IDENTITY)
    assert run.conditions.outputs_vs_host.same_bits is True


def test_without_plugins_the_model_still_runs(
    arm64: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A qemu that knows no -plugin, as Debian 13 has it."""
    real = emulator.qemu.find().path
    limited = tmp_path / "qemu-aarch64"
    limited.write_text(
        "#!/bin/sh\n"
        f'[ "$1" = --help ] && {{ "{real}" --help | grep -v plugin; exit; }}\n'
        'for word; do [ "$word" = -plugin ] && { echo "unknown option" >&2; exit 1; }; done\n'
        f'exec "{real}" "$@"\n'
    )
    limited.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setattr(emulator.qemu, "PROGRAMS", ("qemu-aarch64",))
    run = bench(MODELS / "tiny_int8.tflite", emulator.find("cortex-a76"), CONFIG, identity=IDENTITY)
    assert run.instructions is None
    (warning,) = run.warnings
    assert warning.startswith("this qemu was built without plugins")
    assert run.conditions.outputs_vs_host.same_bits is True


def test_without_a_compiler_the_message_says_which(
    a76: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TFLCONV_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(compiler, "find", lambda: None)
    counted = a76.count([a76.push(program("", tmp_path), executable=True)])
    assert counted.completed.returncode == 0
    assert counted.obstacle is not None
    assert "apt-get install gcc" in counted.obstacle


def test_ziglang_compiles_the_plugin_where_there_is_no_cc(
    a76: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = program(marked(["nop"], 1), tmp_path)
    empty = tmp_path / "bin"
    empty.mkdir()
    monkeypatch.setenv("TFLCONV_CACHE_DIR", str(tmp_path / "cache, with a comma"))
    monkeypatch.setenv("PATH", str(empty))
    monkeypatch.delenv("CC", raising=False)
    assert compiler.find() == (sys.executable, "-m", "ziglang", "cc")
    assert [one.total for one in executed(a76, path)] == [1]


def test_a_program_that_hangs_is_given_up(a76: Emulator, tmp_path: Path) -> None:
    remote = a76.push(program("for (;;) {}", tmp_path), executable=True)
    with pytest.raises(DeviceError, match=r"arm64:cortex-a76: .* did not end within 1 s"):
        a76.shell([remote], timeout=1)


def test_a_program_that_crashes_names_its_signal(a76: Emulator, tmp_path: Path) -> None:
    remote = a76.push(program("raise(SIGSEGV);", tmp_path), executable=True)
    completed = a76.shell([remote], timeout=60)
    with pytest.raises(TflconvError, match="SIGSEGV"):
        harness.read_output(completed, subject="model.tflite on arm64:cortex-a76")


@pytest.fixture
def legacy(require: Require) -> Path:
    """MobileNetV2 of 2018: uint8 weights with a zero point, one scale a tensor."""
    folder = Path(os.environ.get("TFLCONV_DATA_DIR", ""), "mobilenet-tflite")
    model = folder / "mobilenet_v2_1.0_224_quant.tflite"
    require("data", model.is_file(), "no TFLCONV_DATA_DIR with mobilenet-tflite")
    return model


def test_the_legacy_uint8_mobilenet_finds_no_dot_product_kernels(
    a76: Emulator, legacy: Path
) -> None:
    """131.6 M instructions where int8 takes 49.2 M."""
    run = bench(legacy, a76, replace(CONFIG, profile_runs=0), identity=IDENTITY)
    assert run.instructions is not None
    assert run.instructions.sdot == 0
    assert run.instructions.total == pytest.approx(131.6e6, rel=0.02)
    assert run.conditions.outputs_vs_host.same_bits
    assert run.warnings == ()


def test_legacy_uint8_kernels_of_little_cores_round_otherwise(arm64: None, legacy: Path) -> None:
    """Why, docs/emulator.md says."""
    config = replace(CONFIG, profile_runs=0)
    run = bench(legacy, emulator.find("cortex-a53"), config, identity=IDENTITY)
    assert 0 < run.conditions.outputs_vs_host.max_difference <= 2
    assert "by rounding, at most" in run.warnings[0]


def test_devices_lists_the_cores_as_ready(arm64: None) -> None:
    command = [sys.executable, "-m", "tflconv", "devices", "--json"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    rows = {row["id"]: row for row in json.loads(said)}
    for name in ("neoverse-n2", "cortex-a76", "cortex-a55", "cortex-a53"):
        assert rows[f"arm64:{name}"]["state"] == "ready"
        assert "instructions" in rows[f"arm64:{name}"]["abilities"]
        assert "latency" not in rows[f"arm64:{name}"]["abilities"]
