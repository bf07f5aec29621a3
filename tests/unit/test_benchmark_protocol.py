"""Reading the harness's lines, also from a connection that breaks or a shell that chatters."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes import device as fake
from tflconv.benchmark import harness, protocol
from tflconv.device.interface import Completed
from tflconv.errors import DeviceError, TflconvError

SUBJECT = "m.tflite on adb:1"


def text(*lines: dict[str, Any]) -> str:
    return "".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines)


WHOLE = text(fake.HELLO, fake.INIT, fake.samples(1, 2), fake.CPU, fake.MEMORY, fake.END)


def ended(stdout: str, code: int = 0, stderr: str = "") -> Completed:
    return Completed(returncode=code, stdout=stdout, stderr=stderr)


def test_lines_are_selected_by_type_and_samples_joined() -> None:
    output = protocol.parse(
        text(fake.samples(9, phase="warmup"), fake.samples(1, 2), fake.samples(3, at=5))
    )
    assert output.samples("steady") == (1, 2, 3)
    assert output.samples("warmup") == (9,)
    assert output.end is None
    with pytest.raises(DeviceError, match="did not report 'cpu'"):
        output.cpu  # noqa: B018


def test_a_line_that_lacks_something_is_an_error_of_ours() -> None:
    half = {name: value for name, value in fake.CPU.items() if name != "wall_ns"}
    with pytest.raises(DeviceError, match=r"line 'cpu' is not understood: .*wall_ns"):
        protocol.parse(text(half)).cpu  # noqa: B018


def test_output_shows_itself_on_one_short_line() -> None:
    assert repr(protocol.parse(WHOLE)) == "HarnessOutput(6 lines)"


def test_chatter_around_the_lines_is_skipped() -> None:
    output = protocol.parse("Welcome to SomeOS!\r\n" + WHOLE + "WARNING: linker: unused DT entry\n")
    assert len(output.lines) == 6


@given(st.integers(0, len(WHOLE) - 2))
def test_output_cut_anywhere_is_never_taken_for_a_whole_one(length: int) -> None:
    with pytest.raises(DeviceError, match=rf"{SUBJECT}|cut in the middle of a line"):
        harness.read_output(ended(WHOLE[:length]), subject=SUBJECT)


@given(st.text())
def test_whatever_a_device_prints_is_an_error_of_ours(noise: str) -> None:
    with pytest.raises(DeviceError, match=r"did not start|cut in the middle"):
        harness.read_output(ended(noise), subject=SUBJECT)


def test_whole_output_is_fine() -> None:
    assert harness.read_output(ended(WHOLE), subject=SUBJECT).cpu.runs == 4


@pytest.mark.parametrize(
    ("code", "name"), [(-11, "SIGSEGV"), (139, "SIGSEGV"), (-9, "SIGKILL"), (134, "SIGABRT")]
)
def test_a_crash_names_its_signal_and_is_no_lost_device(code: int, name: str) -> None:
    said = f"m.tflite on adb:1: the harness was ended by {name}"
    with pytest.raises(TflconvError, match=said) as caught:
        harness.read_output(ended(WHOLE, code), subject=SUBJECT)
    assert caught.value.exit_code == 1


def test_a_harness_that_somebody_ended_was_lost() -> None:
    with pytest.raises(DeviceError, match="was ended by SIGTERM"):
        harness.read_output(ended(WHOLE, 143), subject=SUBJECT)


def test_another_protocol_is_refused() -> None:
    old = text(fake.HELLO | {"protocol": 0}, {"type": "error", "code": 2, "message": "x"})
    with pytest.raises(DeviceError, match="speaks protocol 0") as caught:
        harness.read_output(ended(old, 2), subject=SUBJECT)
    assert "devices clean" in str(caught.value)


@pytest.mark.parametrize(("code", "exit_code"), [(11, 1), (12, 1), (13, 1), (10, 3), (14, 3)])
def test_files_are_to_blame_for_some_errors_and_the_device_for_others(
    code: int, exit_code: int
) -> None:
    output = text(fake.HELLO, {"type": "error", "code": code, "message": "cannot read the model"})
    with pytest.raises(TflconvError, match="cannot read the model") as caught:
        harness.read_output(ended(output, code), subject=SUBJECT)
    assert caught.value.exit_code == exit_code


def test_a_program_that_does_not_start_shows_its_last_words() -> None:
    with pytest.raises(DeviceError, match="did not start: sh: not found"):
        harness.read_output(ended("", 127, "one\nsh: not found\n"), subject=SUBJECT)
