"""Every code block of the docs is run, here or by ``make nightly``, or says why it is not."""

from __future__ import annotations

import ast
import inspect
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import click
import numpy as np
import pytest
from PIL import Image

import doc_blocks
import tflconv
from doc_blocks import Block
from tflconv.cli import group
from tflconv.pipeline.plan import tomllib

BLOCKS = [block for page in doc_blocks.pages() for block in doc_blocks.blocks(page)]
SCRIPTS = [block for block in BLOCKS if block.language in doc_blocks.SHELL]
PROGRAMS = [block for block in BLOCKS if block.language == "python"]
TINY = doc_blocks.ROOT / "tests" / "golden" / "models" / "tiny_int8.tflite"


def test_no_block_is_overlooked() -> None:
    fences = sum(
        len(re.findall(r"^ *```", page.read_text(encoding="utf-8"), re.MULTILINE))
        for page in doc_blocks.pages()
    )
    directives = sum(
        len(re.findall(r"^ *```\{", page.read_text(encoding="utf-8"), re.MULTILINE))
        for page in doc_blocks.pages()
    )
    assert len(BLOCKS) + directives == fences / 2


@pytest.mark.parametrize("block", BLOCKS, ids=str)
def test_a_block_says_its_language_and_when_it_is_run(block: Block) -> None:
    assert block.language in doc_blocks.LANGUAGES, "a fence has a language, or text"
    assert block.when in ("now", "nightly", "never", None)
    if block.when == "never":
        assert len(block.remark) > 5, "say why it is not run"
    if block.language in doc_blocks.RUN:
        assert block.when, "say when it is run: tests/doc_blocks.py tells how"
    if block.when == "now" and block.remark:
        assert (doc_blocks.ROOT / block.remark.removeprefix("in ")).is_file()


@pytest.mark.parametrize("block", SCRIPTS, ids=str)
def test_commands_and_their_options_exist(block: Block) -> None:
    """Also of blocks that are not run, and before the night."""
    for words in doc_blocks.commands(block.text):
        if words and words[0].endswith("tflconv"):
            check_command(words[1:])
        if words and words[0] == "python" and words[1].endswith(".py"):
            assert (doc_blocks.ROOT / words[1]).is_file(), words[1]


def check_command(words: list[str]) -> None:
    command: click.Command = group
    context = click.Context(group)
    left = list(words)
    while left:
        word = left.pop(0)
        if isinstance(command, click.Group) and not word.startswith("-"):
            found = command.get_command(context, word)
            assert found is not None, f"no command {word}"
            command = found
        elif re.match(r"--?[a-z]", word) and word not in ("--help", "--version"):
            name, equals, _ = word.partition("=")
            options = [p for p in command.params if name in (*p.opts, *p.secondary_opts)]
            assert options, f"{command.name} has no option {name}"
            if not equals and not getattr(options[0], "is_flag", False):
                del left[: options[0].nargs]


@pytest.mark.parametrize("block", PROGRAMS, ids=str)
def test_functions_and_their_parameters_exist(block: Block) -> None:
    for node in ast.walk(ast.parse(block.text)):
        if isinstance(node, ast.Call) and (name := named(node.func)):
            function = getattr(tflconv, name)
            parameters = inspect.signature(function).parameters
            for keyword in node.keywords:
                assert keyword.arg in parameters, f"tflconv.{name} has no {keyword.arg}"


def named(node: ast.expr) -> str | None:
    """``NAME`` of ``tflconv.NAME``."""
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        return node.attr if node.value.id == "tflconv" else None
    return None


@pytest.mark.parametrize(
    "block", [b for b in BLOCKS if b.language in ("toml", "json") and b.when is None], ids=str
)
def test_what_is_not_run_can_be_read(block: Block) -> None:
    read = {"toml": tomllib.loads, "json": json.loads}[block.language]
    assert read(block.text)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what the pages speak of, as far as it needs no TensorFlow."""
    folder = tmp_path_factory.mktemp("reader")
    for name in ("model", "old", "new"):
        shutil.copy(TINY, folder / f"{name}.tflite")
    drawn = np.random.default_rng(0).integers(0, 256, (60, 8, 8), np.uint8)
    for index, picture in enumerate(drawn):
        place = folder / "photos" / ("coat", "dress", "shirt")[index % 3]
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture).save(place / f"{index}.png")
    return folder


@pytest.mark.parametrize("block", [b for b in SCRIPTS if b.when == "now" and not b.remark], ids=str)
def test_a_block_runs(block: Block, folder: Path) -> None:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["sh", "-exc", block.text],
        cwd=folder,
        env=os.environ | {"PATH": path},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
