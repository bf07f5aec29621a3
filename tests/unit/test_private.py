"""A private folder is gone when its process is, however that ended, and never before."""

from __future__ import annotations

import ast
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import pytest

import tflconv
from tflconv.core import private
from tflconv.errors import TflconvError

HOLD = """
import sys
from pathlib import Path
from tflconv.core import private
with private.private_folder(Path(sys.argv[1])) as folder:
    (folder / "half").write_text("half")
    print(folder, flush=True)
    sys.stdin.read()
"""


def holder(parent: Path) -> tuple[subprocess.Popen[str], Path]:
    """A process that works in a private folder in ``parent``, and that folder."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, parent],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    return process, Path(process.stdout.readline().strip())


def test_it_is_there_while_its_process_works_and_gone_afterwards(tmp_path: Path) -> None:
    process, folder = holder(tmp_path)
    private.sweep(tmp_path)
    assert (folder / "half").read_text() == "half"
    process.communicate()
    assert os.listdir(tmp_path) == []


def test_what_a_killed_process_left_goes_with_the_next_private_folder(tmp_path: Path) -> None:
    process, folder = holder(tmp_path)
    process.kill()
    process.communicate()
    assert (folder / "half").exists()
    with private.private_folder(tmp_path) as mine:
        assert list(tmp_path.iterdir()) == [mine]


def test_a_child_that_outlives_a_killed_process_does_not_keep_its_folder(tmp_path: Path) -> None:
    program = HOLD.replace(
        "print(", 'import subprocess; child = subprocess.Popen(["sleep", "60"])\n    print('
    ).replace("folder, flush", "child.pid, flush")
    process = subprocess.Popen(
        [sys.executable, "-c", program, tmp_path], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    child = int(process.stdout.readline())
    process.kill()
    process.wait()
    private.sweep(tmp_path)
    os.kill(child, signal.SIGKILL)
    process.communicate()
    assert os.listdir(tmp_path) == []


def test_links_and_files_that_are_called_alike_are_left_alone(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "file").write_text("mine")
    (tmp_path / f"{private.PREFIX}link").symlink_to(elsewhere)
    (tmp_path / f"{private.PREFIX}file").write_text("mine")
    private.sweep(tmp_path)
    assert (elsewhere / "file").read_text() == "mine"
    assert (tmp_path / f"{private.PREFIX}file").exists()


def test_a_folder_lets_in_one_at_a_time(tmp_path: Path) -> None:
    inside, most = list[int](), list[int]()

    def work() -> None:
        with private.locked(tmp_path):
            inside.append(1)
            most.append(len(inside))
            time.sleep(0.01)
            inside.pop()

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1] * 8


def test_no_folder_for_temporary_files_is_one_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    with (
        pytest.raises(TflconvError, match=r"no folder for temporary files.*\n.*TMPDIR"),
        private.scratch_folder(),
    ):
        pass


def test_temporary_files_of_libraries_lie_in_the_private_folder_of_a_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with private.temporary_files():
        with tempfile.NamedTemporaryFile(delete=False) as theirs:
            pass
        assert Path(theirs.name).parent.parent == tmp_path
    assert os.listdir(tmp_path) == []
    assert tempfile.tempdir == str(tmp_path)


def test_a_command_that_needs_no_temporary_file_runs_without_a_place_for_them(
    tmp_path: Path,
) -> None:
    program = "import tempfile; tempfile.tempdir = '/proc'; from tflconv.cli import main; main()"
    run = subprocess.run(
        [sys.executable, "-c", program, "list", "recipes"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert run.returncode == 0, run.stderr


NAMES_ON_DISK = {"TemporaryDirectory", "NamedTemporaryFile", "mkdtemp", "mkstemp"}


def test_only_private_folders_hold_temporary_files() -> None:
    """A file without a name (``TemporaryFile``) is gone with its process anyway."""
    root = Path(tflconv.__file__).parent
    users = {
        file.relative_to(root).as_posix()
        for file in root.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Attribute) and node.attr in NAMES_ON_DISK
    }
    assert users == {"core/private.py"}
