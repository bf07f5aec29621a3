"""Nobody ever sees half a file, whatever happens to the writer."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tflconv.core import files, outputs
from tflconv.errors import TflconvError

Json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def test_a_failure_while_writing_keeps_the_old_file(tmp_path: Path) -> None:
    target = files.write_text(tmp_path / "a.txt", "old")

    with pytest.raises(RuntimeError), files.replacing_file(target) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert target.read_text() == "old"
    assert os.listdir(tmp_path) == ["a.txt"]


def test_a_folder_appears_whole_and_replaces_the_old_one(tmp_path: Path) -> None:
    for content in ("old", "new"):
        with files.replacing_folder(tmp_path / "entry") as folder:
            (folder / "file").write_text(content)
    assert (tmp_path / "entry" / "file").read_text() == "new"
    assert os.listdir(tmp_path) == ["entry"]


def test_new_files_respect_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        assert files.write_text(tmp_path / "a", "").stat().st_mode & 0o777 == 0o640
    finally:
        os.umask(before)


def test_a_file_where_a_folder_should_be_is_explained(tmp_path: Path) -> None:
    blocker = files.write_text(tmp_path / "blocker", "")
    with pytest.raises(TflconvError, match=r"blocker.*\n.*file, not a folder"):
        files.write_text(blocker / "below.txt", "")


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="no /proc")
def test_a_folder_that_cannot_be_made_is_explained() -> None:
    with pytest.raises(TflconvError, match=r"cannot be made"):
        files.write_text(Path("/proc/below.txt"), "")


def test_what_cannot_be_written_is_said_beforehand(tmp_path: Path) -> None:
    blocker = files.write_text(tmp_path / "blocker", "")
    with pytest.raises(TflconvError, match="file, not a folder"):
        outputs.try_files(blocker / "below.txt")
    outputs.try_files(tmp_path / "below.txt")
    assert os.listdir(tmp_path) == ["blocker"]


def test_a_folder_one_may_not_write_to_is_explained(tmp_path: Path) -> None:
    program = """
        import os, sys
        from pathlib import Path
        from tflconv.core import files
        os.chmod(sys.argv[1], 0o555)
        if os.getuid() == 0:
            os.setuid(65534)
        try:
            files.write_text(Path(sys.argv[1]) / "a.txt", "")
        except files.TflconvError as error:
            print(error)
    """
    folder = tmp_path / "locked"
    folder.mkdir()
    for parent in [tmp_path, *tmp_path.parents][:3]:
        parent.chmod(parent.stat().st_mode | 0o055)
    out = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program), folder], capture_output=True, text=True
    )
    assert "Permission denied" in out.stdout, out.stderr
    assert "Choose a folder you may write to." in out.stdout


def test_a_full_disk_is_explained_and_leaves_nothing(
    tmp_path: Path, require: Callable[[str, bool, str], None]
) -> None:
    mount = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c"]
    allowed = shutil.which("unshare") and not subprocess.run([*mount, "true"]).returncode
    require("namespaces", bool(allowed), "no user namespaces here")
    program = (
        "import os, sys; from pathlib import Path; from tflconv.core import files\n"
        "try: files.write_bytes(Path(sys.argv[1]) / 'big', bytes(1 << 20))\n"
        "except files.TflconvError as error: print(error, os.listdir(sys.argv[1]))"
    )
    script = 'mount -t tmpfs -o size=64k none "$1" && exec "$0" -c "$2" "$1"'
    out = subprocess.run(
        [*mount, script, sys.executable, tmp_path, program], capture_output=True, text=True
    )
    assert "No space left on device" in out.stdout, out.stderr
    assert out.stdout.rstrip().endswith("[]")


def test_an_interrupt_leaves_nothing(tmp_path: Path) -> None:
    program = (
        "import sys, time; from pathlib import Path; from tflconv.core import files\n"
        "with files.replacing_folder(Path(sys.argv[1]) / 'entry') as folder:\n"
        "    (folder / 'half').write_text('half'); print('ready', flush=True); time.sleep(60)"
    )
    writer = subprocess.Popen(
        [sys.executable, "-c", program, tmp_path],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert writer.stdout is not None
    assert writer.stdout.readline() == b"ready\n"
    writer.send_signal(signal.SIGINT)
    writer.wait(timeout=10)
    writer.stdout.close()
    assert os.listdir(tmp_path) == []


def test_an_error_of_another_file_is_not_taken_for_one_of_the_target(tmp_path: Path) -> None:
    elsewhere = tmp_path / "there" / "elsewhere"
    elsewhere.mkdir(parents=True)
    target = tmp_path / "here" / "a.txt"
    with pytest.raises(IsADirectoryError), files.replacing_file(target) as temporary:
        temporary.write_bytes(elsewhere.read_bytes())


@given(Json)
def test_the_hash_of_json_does_not_depend_on_order(value: object) -> None:
    def reversed_keys(node: object) -> object:
        if isinstance(node, dict):
            return {key: reversed_keys(node[key]) for key in reversed(node)}
        return [reversed_keys(item) for item in node] if isinstance(node, list) else node

    assert files.sha256_json(value) == files.sha256_json(reversed_keys(value))


def test_hash_of_a_file_is_the_hash_of_its_bytes(tmp_path: Path) -> None:
    content = bytes(range(256)) * 9000
    path = files.write_bytes(tmp_path / "big", content)
    assert files.sha256_file(path) == files.sha256_bytes(content)
