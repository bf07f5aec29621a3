"""What cannot be kept is refused before work begins, by Python functions and plans too."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import tflconv
from tflconv import cli
from tflconv.core import files, outputs
from tflconv.errors import TflconvError
from tflconv.pipeline import plan, study
from tflconv.report import plots
from tflconv.results import Results

TINY = Path(__file__).parents[1] / "golden" / "models" / "tiny_float32.tflite"
PLAN = 'name = "x"\ndataset = "mnist-sample"\nrecipes = ["fp32"]\nmodels = [{model = "vit"}]'

WRITERS: dict[str, Callable[[Path], object]] = {
    "train": lambda path: tflconv.train("vit", "mnist-sample", path),
    "bench": lambda path: tflconv.bench([TINY], record=path),
    "write_report": lambda path: tflconv.write_report(Results(), path),
    "convert": lambda path: tflconv.convert(TINY, folder=path / "below"),
    "study": lambda path: study.run(plan.parse(PLAN), path / "below"),
    "plots": lambda path: plots.write(Results(), path / "below"),
}


@pytest.mark.parametrize("function", WRITERS)
def test_functions_try_their_outputs_first(function: str, tmp_path: Path) -> None:
    blocker = tmp_path / "blocker"
    if function in ("train", "bench", "write_report"):
        blocker.mkdir()
    else:
        blocker.write_text("")
    with pytest.raises(TflconvError, match=r"blocker.*: (Is a|Not a) directory"):
        WRITERS[function](blocker)
    assert os.listdir(tmp_path) == ["blocker"]


def test_a_file_that_a_conversion_would_replace_is_tried(tmp_path: Path) -> None:
    (tmp_path / "tiny_float32-fp32.tflite").mkdir()
    with pytest.raises(TflconvError, match=r"tiny_float32-fp32\.tflite: Is a directory"):
        tflconv.convert(TINY, folder=tmp_path)


def test_every_option_that_names_a_file_to_write_tries_it() -> None:
    """Others that take a path only read, or are tried by the pipeline: ``-o``, ``--golden``."""
    writes = ("write", "folder for", "file to write")
    for name in cli.COMMANDS:
        command = cli.group.get_command(cli.click.Context(cli.group), name)
        assert command is not None
        for option in command.params:
            text = (getattr(option, "help", None) or "").lower()
            if text.startswith(writes) and option.name not in ("output", "golden"):
                assert type(option.type).__name__ in ("OutputFile", "OutputFolder"), option.name


@pytest.mark.skipif(not Path("/dev/null").is_char_device(), reason="no /dev/null")
def test_a_device_is_never_replaced(tmp_path: Path) -> None:
    device = tmp_path / "device"
    device.symlink_to("/dev/null")
    for write in (outputs.try_files, lambda path: files.write_text(path, "x")):
        with pytest.raises(TflconvError, match="a device or a pipe"):
            write(device)
    assert device.is_char_device()


@given(st.text(st.characters(exclude_categories=()), max_size=300))
def test_a_name_is_refused_or_can_be_written(
    tmp_path_factory: pytest.TempPathFactory, name: str
) -> None:
    folder = tmp_path_factory.getbasetemp() / "names"
    folder.mkdir(exist_ok=True)
    target = folder / name.replace("/", "")
    try:
        outputs.try_files(target)
    except TflconvError:
        return
    files.write_text(target, "x").unlink()
