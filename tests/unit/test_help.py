"""Help of every command: examples, groups, units, defaults; completion; the plan to begin with."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest

from tflconv import cli, recipe
from tflconv.cli import COMMANDS, MOVED, groups
from tflconv.pipeline import plan as plans

UNITS = ("INTEGER", "FLOAT", "TEXT", "INTEGER RANGE")
"""What click calls values whose unit nobody has said."""

WITHOUT_JSON = {
    "tflconv serve", "tflconv datasets fetch", "tflconv datasets clean", "tflconv devices setup",
    "tflconv devices clean", "tflconv history export", "tflconv history merge",
}  # fmt: skip
"""Commands that answer by a line or a file."""


def all_commands() -> dict[str, click.Command]:
    """Every command and subcommand, by what one types."""
    found: dict[str, click.Command] = {}
    for name in COMMANDS:
        command = cli.group.get_command(click.Context(cli.group), name)
        assert command is not None
        found[f"tflconv {name}"] = command
        if isinstance(command, click.Group):
            found |= {f"tflconv {name} {sub}": each for sub, each in command.commands.items()}
    return found


ALL = all_commands()
LEAVES = {
    words: command
    for words, command in ALL.items()
    if not isinstance(command, click.Group) or command.invoke_without_command
}


def help_of(words: str) -> str:
    context = click.Context(ALL[words], info_name=words, max_content_width=90, terminal_width=90)
    return ALL[words].get_help(context)


def options(words: str) -> list[click.Option]:
    command = ALL[words]
    every = command.get_params(click.Context(command, info_name=words))
    return [each for each in every if isinstance(each, click.Option)]


def test_there_are_few_commands() -> None:
    assert len(COMMANDS) <= 16


@pytest.mark.parametrize("words", ALL)
def test_every_command_has_two_examples(words: str) -> None:
    examples = help_of(words).partition("Examples:\n")[2].splitlines()
    shown = [line.strip() for line in examples if line.startswith(" ")]
    assert len([line for line in shown if line.startswith(("tflconv ", "curl "))]) >= 2


@pytest.mark.parametrize("words", ALL)
def test_every_option_stands_in_a_group(words: str) -> None:
    command = ALL[words]
    outside = [o.name for o in options(words) if groups.of(o, command.name) == groups.OTHER]
    assert not outside
    assert "\nGeneral:\n" in help_of(words)


@pytest.mark.parametrize("words", ALL)
def test_every_option_says_its_unit_and_its_default(words: str) -> None:
    context = click.Context(ALL[words], info_name=words)
    for option in options(words):
        record = option.get_help_record(context)
        assert record is not None, option.name
        assert record[1].strip(), option.name
        if not option.is_flag:
            assert not record[0].endswith(UNITS), record[0]
    titles = "|".join(map(re.escape, groups.TITLES))
    listed = re.split(rf"\n(?:{titles}):\n", help_of(words), maxsplit=1)[1]
    shown = re.split(r"\n  (?=-)", f"\n{listed}")
    by_name = {option.opts[-1]: option for option in options(words)}
    for entry in shown[1:]:
        flag = re.findall(r"--?[a-z][a-z-]*", entry)
        option = next((by_name[word] for word in flag if word in by_name), None)
        if option is not None and not option.is_flag and not option.required:
            assert "[default:" in " ".join(entry.split()), f"{words} {option.name}: {entry}"


@pytest.mark.parametrize("words", ALL)
def test_every_command_can_be_quiet_or_tell_more(words: str) -> None:
    spelled = {flag for option in options(words) for flag in option.opts}
    assert {"-q", "--quiet", "-v", "--verbose", "--no-progress"} <= spelled


@pytest.mark.parametrize("words", LEAVES)
def test_json_is_spelled_in_one_way(words: str) -> None:
    spelled = {flag: o for o in options(words) for flag in o.opts if "json" in flag}
    assert set(spelled) <= {"--json", "--export-json"}
    assert ("--json" in spelled) == (words not in WITHOUT_JSON)
    assert all(option.is_flag == (flag == "--json") for flag, option in spelled.items())


@pytest.mark.parametrize("word", MOVED)
def test_what_has_another_name_is_told(word: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        cli.main([word])
    assert f"Say 'tflconv {MOVED[word]}'." in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "near"),
    [
        (["convrt"], "convert"),
        (["receipes"], "list recipes"),
        (["list", "modles"], "models"),
        (["datasets", "fech"], "fetch"),
        (["history", "trnd"], "trend"),
        (["devices", "setpu"], "setup"),
    ],
)
def test_a_misspelt_command_gets_the_nearest(
    words: list[str], near: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        cli.main(words)
    assert f"Did you mean '{near}'?" in capsys.readouterr().err


def test_the_first_plan_is_a_plan(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        cli.main(["study", "init"])
    text = capsys.readouterr().out
    found = plans.parse(text)
    assert found.recipes[0] == "fp32"
    assert len([line for line in text.splitlines() if line.startswith("# ")]) > 10


def test_every_line_of_the_first_plan_that_is_off_can_be_switched_on(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit, match="0"):
        cli.main(["study", "init"])
    text = re.sub(r"^#(?=\S)", "", capsys.readouterr().out, flags=re.M)
    found = plans.parse(text)
    assert [model.title for model in found.models] == ["small", "mine"]
    assert found.settings == {"channels": {"epochs": 5}}
    missing = [
        key
        for key in plans.Plan.__dataclass_fields__
        if not re.search(rf"^\[*{key}\b", text, flags=re.M)
    ]
    assert not missing


@pytest.mark.parametrize("words", LEAVES)
def test_an_option_without_its_value_says_what_it_takes(words: str) -> None:
    taking = [option for option in options(words) if not option.is_flag and option.nargs == 1]
    for option in taking:
        with pytest.raises(click.UsageError, match="requires an argument") as told:
            LEAVES[words].main([option.opts[-1]], prog_name=words, standalone_mode=False)
        assert f"{option.opts[-1]} " in told.value.message.splitlines()[-1]
        assert str(option.help) in told.value.message


@pytest.mark.parametrize("words", LEAVES)
def test_a_missing_word_is_told_with_an_example(words: str) -> None:
    if any(each.required for each in LEAVES[words].params):
        with pytest.raises(click.UsageError, match="Missing") as told:
            LEAVES[words].main([], prog_name=words, standalone_mode=False)
        assert f"For example: {words.removesuffix(' setup')}" in told.value.message


def completed(*words: str) -> list[str]:
    """What bash would offer for the last of ``words``."""
    told = {
        "_TFLCONV_COMPLETE": "bash_complete",
        "COMP_LINE": " ".join(["tflconv", *words]),
    }
    run = subprocess.run(
        [sys.executable, "-c", "from tflconv.__main__ import run; run()"],
        env=os.environ | told,
        capture_output=True,
        text=True,
    )
    assert run.stderr == ""
    return [line.partition(",")[2] for line in run.stdout.splitlines()]


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (["con"], {"convert"}),
        (["convert", "m.keras", "--recipe", "static"], {"static_wi8_ai8", "static_wi8_ai16"}),
        (["convert", "m.keras", "--recipe", "qat_static_wi8_ai8"], {"qat_static_wi8_ai8"}),
        (["convert", "m.keras", "--recipe", "in"], {"int8"}),
        (["train", "vit", "--dataset", "mnist"], {"mnist", "mnist-sample"}),
        (["train", "mobilenet_v2"], {"mobilenet_v2"}),
        (["bench", "m.tflite", "--device", "arm64:cortex-a7"], {"arm64:cortex-a76"}),
        (["bench", "m.tflite", "--no-pro"], {"--no-progress"}),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_shell_completes(words: list[str], offered: set[str]) -> None:
    assert offered <= set(completed(*words))


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_help_says_how_a_shell_learns_it(shell: str) -> None:
    text = cli.group.get_help(click.Context(cli.group, info_name="tflconv"))
    assert f"_TFLCONV_COMPLETE={shell}_source tflconv" in text
    run = subprocess.run(
        [sys.executable, "-c", "from tflconv.__main__ import run; run()"],
        env=os.environ | {"_TFLCONV_COMPLETE": f"{shell}_source"},
        capture_output=True,
        text=True,
    )
    assert "_TFLCONV_COMPLETE" in run.stdout
    assert run.returncode == 0


def test_short_names_of_recipes_are_those_of_the_field() -> None:
    assert {"int8", "float16", "dynamic", "qat"} <= set(recipe.ALIASES)


def test_the_demo_is_a_study(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SystemExit, match="1"):
        cli.main(["study", "demo", "-o", str(tmp_path / "file" / "below")])
    assert "a file, not a folder" in capsys.readouterr().err
