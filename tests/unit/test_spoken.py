"""What messages say to do can be done where they are read: options are parameters in Python."""

from __future__ import annotations

import ast
import inspect
import re
import warnings
from collections.abc import Iterator
from pathlib import Path

import click
import numpy as np
import pytest
from PIL import Image

import tflconv
from tflconv import api, cli
from tflconv.compression.technique import TECHNIQUES
from tflconv.core.parameters import suggests_parameters
from tflconv.core.progress import Callback, Progress, silent
from tflconv.core.spoken import in_python
from tflconv.core.telling import warn
from tflconv.device.parallel import side_by_side

ROOT = Path(tflconv.__file__).parent
TINY = Path(__file__).parents[1] / "golden" / "models" / "tiny_float32.tflite"
OF_THE_COMMAND_LINE = {
    "json", "export-csv", "from", "min-agreement", "app-log", "long", "help",
    "version", "quiet", "verbose", "no-progress", "figure", "model",
}  # fmt: skip
"""Options that no function has: how a result is printed, and what is thought of it."""
PUBLIC = {name for each in api.__all__ for name in inspect.signature(getattr(api, each)).parameters}


def commands() -> Iterator[click.Command]:
    waiting: list[click.Command] = [cli.group]
    while waiting:
        found = waiting.pop()
        yield found
        if isinstance(found, click.Group):
            context = click.Context(found)
            inner = (found.get_command(context, name) for name in found.list_commands(context))
            waiting += [each for each in inner if each is not None]


def options() -> set[str]:
    """Every option of every command, without its dashes."""
    found = (each for command in commands() for each in command.get_params(click.Context(command)))
    words = {word for each in found for word in (*each.opts, *each.secondary_opts)}
    return {word.removeprefix("--") for word in words if word.startswith("--")}


def messages() -> Iterator[tuple[str, str]]:
    """Every text in the code outside of the commands, f-strings with X for what they insert."""
    for file in sorted(ROOT.rglob("*.py")):
        if "cli" in file.relative_to(ROOT).parts or file.name == "spoken.py":
            continue
        tree = ast.parse(file.read_text(encoding="utf-8"))
        docs = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        joined = [node for node in ast.walk(tree) if isinstance(node, ast.JoinedStr)]
        inner = {id(part) for node in joined for part in node.values}
        for node in ast.walk(tree):
            if isinstance(node, ast.JoinedStr):
                parts = (p.value if isinstance(p, ast.Constant) else "X" for p in node.values)
                yield f"{file.relative_to(ROOT)}:{node.lineno}", "".join(map(str, parts))
            elif isinstance(node, ast.Constant) and id(node) not in docs | inner:
                yield f"{file.relative_to(ROOT)}:{node.lineno}", str(node.value)


TOLD = re.compile(r"(?<![\w-])--([a-z][a-z-]*[a-z])")
COMMAND = re.compile(r"`?tflconv [a-z]+\b[^`;\n]*")


def test_every_option_in_a_message_is_a_parameter_in_python() -> None:
    known, checked = options(), 0
    for place, text in messages():
        if " " not in text or not (told := set(TOLD.findall(text))) & known:
            continue
        spoken = COMMAND.sub("", in_python(text, PUBLIC))
        assert told <= known, f"{place}: no such option in {text!r}"
        assert not set(TOLD.findall(spoken)) - OF_THE_COMMAND_LINE, f"{place}: {spoken}"
        checked += 1
    assert checked > 50


def test_a_list_of_values_is_quoted_as_a_whole() -> None:
    """In every text of the code: no value stays bare behind one in quotes."""
    bare = re.compile(r'="[^"]*"(?:, "[^"]*")*(?:, | or )(?:-?\d[\w.]*|\w+-\w+)(?=[,.;]| or |$)')
    listed = 0
    for place, text in messages():
        spoken = COMMAND.sub("", in_python(text, PUBLIC))
        assert not bare.search(spoken), f"{place}: {spoken}"
        listed += '", "' in spoken
    assert listed


def test_options_of_the_command_line_alone_have_no_parameter() -> None:
    assert not {name.replace("-", "_") for name in OF_THE_COMMAND_LINE} & (
        PUBLIC - {"model", "app_log", "export_csv"}
    )


@pytest.mark.parametrize("name", TECHNIQUES)
def test_settings_of_steps_are_spelled_as_their_classes(name: str) -> None:
    config = TECHNIQUES[name].config.__name__
    assert in_python(f"--setting {name}.x=1", ()) == f"settings={config}(x=1)"


@pytest.mark.parametrize(
    ("text", "spelled"),
    [
        ("Add --normalize 0..1, -1..1 or MEAN,STD.", 'Add normalize="0..1", "-1..1" or MEAN,STD.'),
        ("--normalize 0..1, caffe or in-model", 'normalize="0..1", "caffe" or "in-model"'),
        ("--device host-1, or --dataset SET.", 'devices="host-1", or dataset=SET.'),
        ("--io int8 or a folder of them", 'io="int8" or a folder of them'),
        ("--num-runs 5, 6 or fewer.", "num_runs=5, 6 or fewer."),
        ("as --normalize in-model.", 'as normalize="in-model".'),
        ("or --device arm64:cortex-a76 here", 'or devices="arm64:cortex-a76" here'),
        ("compare all the same with --force", "compare all the same with force=True"),
        ("Leave --force out for it.", "Leave force out for it."),
        ("ask for fewer --num-runs.", "ask for fewer num_runs."),
        ("Give it longer with --timeout SECONDS.", "Give it longer with timeout=SECONDS."),
        ("Say --qat-epochs and so on", "Say qat=QatConfig(epochs=...) and so on"),
        ("--setting depth.max_drop=POINTS", "settings=DepthConfig(max_drop=POINTS)"),
        ("--no-augment and --no-card", "augment=False and with_card=False"),
        ("tflconv serve M --port 8. Add --io=int8", 'tflconv serve M --port 8. Add io="int8"'),
        ("`tflconv bench --device host` or --dataset", "`tflconv bench --device host` or dataset"),
    ],
)  # fmt: skip
def test_values_are_those_of_python(text: str, spelled: str) -> None:
    assert in_python(text, PUBLIC, ["force"]) == spelled


def test_nobody_warns_past_the_door() -> None:
    for file in ROOT.rglob("*.py"):
        if file.name == "telling.py":
            continue
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute) and node.attr == "warn":
                assert ast.unparse(node.value) != "warnings", f"{file}: use core.telling.warn"
            if isinstance(node, ast.ImportFrom) and node.module == "warnings":
                assert not {"warn"} & {alias.name for alias in node.names}, file


@suggests_parameters
def measured(labels: str = "", *, force: bool = False, progress: Callback = silent) -> None:
    """Warn, and tell, from here and from the threads of devices."""
    warn("Name them with --labels FILE, or measure --again.")
    side_by_side(lambda each, _: warn(f"{each}: with --force, or --dataset NAME."), ["a", "b"])
    progress(Progress(stage="bench", message="measured before; --force measures anew"))


def test_warnings_and_progress_speak_python() -> None:
    heard: list[str] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        measured(progress=lambda event: heard.append(event.message))
    assert {str(each.message) for each in caught} == {
        "Name them with labels=FILE, or measure again.",
        "a: with force=True, or dataset=NAME.",
        "b: with force=True, or dataset=NAME.",
    }
    assert heard == ["measured before; force=True measures anew"]
    with pytest.warns(UserWarning, match="--labels FILE"):
        warn("Name them with --labels FILE.")


def test_a_warning_points_at_the_line_that_called(tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    for kind in ("left", "middle", "right"):
        (tmp_path / kind).mkdir()
        for number in range(10):
            pixels = draw.integers(0, 256, (8, 8), np.uint8)
            Image.fromarray(pixels).save(tmp_path / kind / f"{number}.png")
    bare = tmp_path / "bare.tflite"
    bare.write_bytes(TINY.read_bytes().partition(b"PK\x03\x04")[0])
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        tflconv.verify(bare, bare, tmp_path, normalize="0..1")
    ours = [each for each in caught if issubclass(each.category, UserWarning)]
    assert any("Name them with labels=FILE" in str(each.message) for each in ours), caught
    assert {each.filename for each in ours} == {__file__}
    assert not [each for each in ours if "--" in str(each.message)]
