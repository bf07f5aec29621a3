"""The Tab key in real shells, set up by the lines that the docs tell to put into their files.

Each word is typed on a terminal and completed by Tab; then ``echo got:`` is put in front of the
line, and the shell itself says what the line has become.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import select
import shutil
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fakes import terminal as terminals
from tflconv import cli
from tflconv.cli import shells

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "completion.md"
LINE = re.compile(r"^([^`\n]*_TFLCONV_COMPLETE=(\w+)_source tflconv[^`\n]*)$", re.MULTILINE)
LINES = {shell: line for line, shell in LINE.findall(PAGE.read_text(encoding="utf-8"))}

SHELLS = {
    "bash": (["--norc", "--noprofile"], "PS1='% '; {line}"),
    "zsh": (["-f"], "PS1='%% '; autoload -U compinit && compinit -u -d $HOME/dump; {line}"),
    "fish": (["--no-config"], "function fish_prompt; echo '% '; end; {line}"),
}
"""How a shell starts without anybody's settings, and the line that a user would have."""

TYPED = {
    "tflconv conv": "tflconv convert",
    "tflconv convert m.keras --recipe channels50_qat_static_wi8_ai1": "qat_static_wi8_ai16",
    "tflconv train vit --dataset fashion-mnist-s": "fashion-mnist-sample",
    "tflconv bench m.tflite --device arm64:cortex-a7": "--device arm64:cortex-a76",
    "tflconv bench m.tflite --device=arm64:cortex-a7": "--device=arm64:cortex-a76",
    "tflconv inspect my": "tflconv inspect my model.tflite",
    "tflconv compare old": "tflconv compare old.tflite",
    "tflconv report r.json --html=rep": "--html=report.html",
}
"""Words that are typed, and the end of what the line is after Tab; ``echo`` takes ``\\`` away."""

_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[()][B0]|\x1b[=>]|\x1b\][^\x07]*\x07|[\r\x07]")
START_OF_LINE, TAB = "\x01", "\t"


class Terminal:
    """A shell on a terminal."""

    def __init__(self, leader: int) -> None:
        self._leader, self.seen = leader, ""

    def type(self, text: str) -> None:
        os.write(self._leader, text.encode())

    def wait_for(self, pattern: str) -> re.Match[str]:
        """Read until what was shown since the last match has ``pattern``."""
        deadline = time.monotonic() + 120
        while True:
            plain = _ESCAPES.sub("", self.seen)
            found = re.search(pattern, plain)
            if found:
                self.seen = ""
                return found
            assert time.monotonic() < deadline, f"{pattern!r} not in {plain!r}"
            ready, _, _ = select.select([self._leader], [], [], 1)
            if ready:
                self.seen += os.read(self._leader, 65536).decode(errors="replace")


@contextlib.contextmanager
def opened(shell: str, folder: Path) -> Iterator[Terminal]:
    """Start ``shell`` on a terminal in ``folder``, with the line of the docs."""
    flags, setup = SHELLS[shell]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 200, 0, 0))
    process = subprocess.Popen(
        [shutil.which(shell) or shell, *flags, "-i"],
        stdin=follower,
        stdout=follower,
        stderr=follower,
        cwd=folder,
        env=os.environ | {"PATH": path, "HOME": str(folder), "TERM": "xterm", "LC_ALL": "C.UTF-8"},
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(follower, termios.TIOCSCTTY, 0),  # fish asks for it
    )
    os.close(follower)
    terminal = Terminal(leader)
    try:
        terminal.type(f"{setup.format(line=LINES[shell])}; echo re''ady\n")
        terminal.wait_for("\nready")
        yield terminal
    finally:
        process.kill()
        process.wait()
        os.close(leader)


@pytest.mark.parametrize("shell", SHELLS)
def test_a_shell_completes_what_is_typed(
    shell: str, tmp_path: Path, require: Callable[[str, bool, str], None]
) -> None:
    require(shell, shutil.which(shell) is not None, f"needs {shell}")
    for name in ("my model.tflite", "old.tflite", "report.html"):
        (tmp_path / name).touch()
    became = {}
    with opened(shell, tmp_path) as terminal:
        for typed in TYPED:
            terminal.type(f"{typed}{TAB}{START_OF_LINE}echo got: \n")
            became[typed] = terminal.wait_for(r"\ngot: (.*)\n")[1].strip()
    wrong = {typed: line for typed, line in became.items() if not line.endswith(TYPED[typed])}
    assert not wrong


WAITING = """
import threading
from tflconv.cli.console import waiting
with waiting("reading"):
    print(threading.active_count() - 1, "writers")
"""


@pytest.mark.parametrize(("variable", "writers"), [("NONE", 1), (shells.VARIABLE, 0)])
def test_nothing_is_told_in_the_middle_of_what_is_typed(variable: str, writers: int) -> None:
    """A command says on a terminal that it starts, but not where the Tab key starts it."""
    command = [sys.executable, "-c", WAITING]
    seen = terminals.run(command, environment={variable: "bash_complete"})
    assert f"{writers} writers" in seen.text


def test_what_is_waited_for_is_named() -> None:
    script = WAITING.replace("print(", "input(").replace(', "writers"', "")
    seen = terminals.run([sys.executable, "-c", script], until=lambda text: "reading ." in text)
    assert seen.code == 0


def test_the_docs_have_the_lines_of_the_help() -> None:
    assert set(LINES) == {"bash", "zsh", "fish"}
    for line in LINES.values():
        assert line in cli._MORE
