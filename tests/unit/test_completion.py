"""The Tab key in real shells, set up by the lines that the docs tell to put into their files."""

from __future__ import annotations

import os
import pty
import re
import select
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tflconv import cli

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "completion.md"
LINE = re.compile(r"^([^`\n]*_TFLCONV_COMPLETE=(\w+)_source tflconv[^`\n]*)$", re.MULTILINE)
LINES = {shell: line for line, shell in LINE.findall(PAGE.read_text(encoding="utf-8"))}

ASK = {
    "zsh": """
_describe() {{ print -rl -- ${{(P)3}} }}
compadd() {{ print -rl -- ${{(P)@[-1]}} }}
words=({words}) CURRENT=${{#words}}
$_comps[tflconv]
""",
    "fish": 'complete -C "{words}"',
}
"""What a shell would offer for the last word, one per line."""
BEFORE = {"zsh": "autoload -U compinit && compinit -u -d $HOME/dump\n", "fish": ""}
CASES = [
    ("tflconv con", {"convert"}),
    ("tflconv convert m.keras --recipe static_wi8", {"static_wi8_ai8", "static_wi8_ai16"}),
    ("tflconv bench m.tflite --device arm64:cortex-a7", {"arm64:cortex-a76"}),
]


def variables(folder: Path) -> dict[str, str]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return os.environ | {"PATH": path, "HOME": str(folder), "TERM": "dumb"}


@pytest.mark.parametrize(("words", "offered"), CASES)
@pytest.mark.parametrize("shell", ASK)
def test_a_shell_completes_after_the_line_of_the_docs(
    shell: str, words: str, offered: set[str], tmp_path: Path
) -> None:
    program = shutil.which(shell)
    if program is None:
        pytest.skip(f"needs {shell}")
    script = f"{BEFORE[shell]}{LINES[shell]}\n{ASK[shell].format(words=words)}"
    run = subprocess.run(
        [program, "-c", script],
        env=variables(tmp_path),
        capture_output=True,
        text=True,
        timeout=120,
    )
    lines = run.stdout.replace("\\:", "\0").splitlines()
    told = {re.split(r"[\t:]", line)[0].replace("\0", ":") for line in lines}
    assert offered <= told | set(lines), (run.stdout, run.stderr)


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        *CASES,
        ("tflconv bench m.tflite --device=arm64:cortex-a76", {"arm64:cortex-a76 "}),
        ("tflconv inspect my", {"my\\ model.tflite"}),
    ],
)
def test_bash_completes_what_is_typed(typed: str, shown: set[str], tmp_path: Path) -> None:
    """On a terminal, for a word ends at a colon there, and files are bash's own business."""
    (tmp_path / "my model.tflite").touch()
    leader, follower = pty.openpty()
    shell = subprocess.Popen(
        ["bash", "--norc", "--noprofile", "-i"],
        stdin=follower,
        stdout=follower,
        stderr=follower,
        cwd=tmp_path,
        env=variables(tmp_path),
        start_new_session=True,
    )
    os.close(follower)
    try:
        setup = f"PS1='% '; bind 'set show-all-if-ambiguous on'; {LINES['bash']}; echo re''ady\n"
        os.write(leader, setup.encode())
        seen = read_until(leader, "ready\r\n% ")
        os.write(leader, f"{typed}\t".encode())
        for each in shown:
            last = each.rpartition(":")[2] if ":" in each else each
            seen += read_until(leader, last, seen)
    finally:
        shell.kill()
        shell.wait()
        os.close(leader)


def read_until(terminal: int, text: str, already: str = "") -> str:
    """Read what a terminal shows until ``text`` is in it."""
    seen, deadline = "", time.monotonic() + 60
    while text not in already + seen:
        ready, _, _ = select.select([terminal], [], [], 1)
        assert time.monotonic() < deadline, f"{text!r} not in {already + seen!r}"
        if ready:
            seen += os.read(terminal, 65536).decode(errors="replace")
    return seen


def test_the_docs_have_the_lines_of_the_help() -> None:
    assert set(LINES) == {"bash", "zsh", "fish"}
    for line in LINES.values():
        assert line in cli._MORE
