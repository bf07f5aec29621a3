"""Whatever a user gets wrong: one message, a documented exit code, no traceback, nothing left."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

GOLDEN = Path(__file__).parents[1] / "golden" / "models"
TINY = GOLDEN / "tiny_float32.tflite"
MODULE = [sys.executable, "-m", "tflconv"]


def tflconv(*arguments: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*MODULE, *map(str, arguments)], cwd=cwd, capture_output=True, text=True, timeout=600
    )


def one_message(run: subprocess.CompletedProcess[str], code: int) -> str:
    """The message of a run that failed as it should."""
    assert run.returncode == code, run.stderr
    assert "Traceback" not in run.stderr
    assert run.stderr.count("Error:") == 1, run.stderr
    return run.stderr


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with every kind of damaged or foreign file."""
    content = TINY.read_bytes()
    (tmp_path / "empty.tflite").write_bytes(b"")
    (tmp_path / "truncated.tflite").write_bytes(content[: len(content) // 2])
    (tmp_path / "text.tflite").write_text("this is no model\n" * 40)
    (tmp_path / "garbled.tflite").write_bytes(content[:8] + os.urandom(len(content) - 8))
    (tmp_path / "empty.keras").write_bytes(b"")
    (tmp_path / "text.keras").write_text("this is no model\n" * 40)
    with zipfile.ZipFile(tmp_path / "foreign.keras", "w") as archive:
        archive.writestr("hello.txt", "hello")
    (tmp_path / "bad.json").write_text('{"schema_version": 99}')
    (tmp_path / "plan.toml").write_text('name = "x"\ndatset = "mnist-sample"\n')
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["train", "mobilnet_v2", "--dataset", "mnist-sample"], 2, "Did you mean mobilenet_v2"),
        (["train", "vit", "--dataset", "mnist-sampel"], 2, "Did you mean mnist-sample"),
        (["train", "vit", "--dataset", "mnist-sample", "--epochs", "0"], 2, "epochs"),
        (["train", "vit", "--dataset", "mnist-sample", "--option", "patch=5"], 2, "patch"),
        (["train", "vit", "--dataset", "mnist-sample", "--option", "dpeth=5"], 2, "depth"),
        (["convert", "none.keras"], 1, "none.keras"),
        (["convert", "text.keras", "--recipe", "static_w8_ai8"], 2, "static_wi8_ai8"),
        (["convert", "empty.keras"], 1, "empty.keras"),
        (["convert", "text.keras"], 1, "text.keras"),
        (["convert", "foreign.keras"], 1, "foreign.keras"),
        (["convert", "truncated.tflite"], 1, "truncated.tflite"),
        (["bench", "none.tflite"], 2, "none.tflite"),
        (["bench", "empty.tflite"], 1, "empty.tflite"),
        (["bench", "truncated.tflite"], 1, "truncated.tflite"),
        (["bench", "text.tflite"], 1, "text.tflite"),
        (["bench", TINY, "--device", "hots"], 2, "host"),
        (["bench", TINY, "--num-runs", "0"], 2, "--num-runs must be"),
        (["bench", TINY, "--fast"], 2, "--fast"),
        (["inspect", "empty.tflite"], 1, "empty.tflite"),
        (["inspect", "truncated.tflite"], 1, "truncated.tflite"),
        (["inspect", "text.tflite"], 1, "text.tflite"),
        (["verify", TINY, "text.tflite", "--dataset", "mnist-sample"], 1, "text.tflite"),
        (["report", "none.json"], 1, "none.json"),
        (["report", "bad.json"], 1, "schema_version 99"),
        (["report", "text.tflite"], 1, "text.tflite"),
        (["study", "none.toml"], 2, "none.toml"),
        (["study", "plan.toml"], 2, "plan.toml, line 2: unknown key 'datset'"),
        (["datasets", "fetch", "minst"], 2, "mnist"),
        (["benhc"], 2, "benhc"),
    ],
    ids=lambda value: "-".join(map(str, value)) if isinstance(value, list) else None,
)
def test_bad_input(arguments: list[object], code: int, says: str, folder: Path) -> None:
    before = sorted(folder.rglob("*"))
    message = one_message(tflconv(*arguments, cwd=folder), code)
    assert says in message
    assert sorted(folder.rglob("*")) == before


def test_a_garbled_model_is_one_message(folder: Path) -> None:
    for command in ("inspect", "bench"):
        run = tflconv(command, "garbled.tflite", cwd=folder)
        assert run.returncode in (1, 3), run.stderr
        assert "Traceback" not in run.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["train", "vit", "--dataset", "mnist-sample", "-o", "file/below/vit.keras"],
        ["convert", TINY, "-o", "file/below"],
        ["bench", TINY, "--num-runs", "1", "--export-json", "file/below.json"],
        ["report", GOLDEN.parent / "report" / "results.json", "--html", "file/below.html"],
        ["inspect", TINY, "--svg", "file/below.svg"],
    ],
    ids=lambda value: value[0],
)
def test_a_folder_that_cannot_be_is_one_message(arguments: list[object], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    message = one_message(tflconv(*arguments, cwd=tmp_path), 1)
    assert "file" in message
    assert "a file, not a folder" in message


@pytest.mark.parametrize(
    "arguments",
    [
        ["convert", TINY, "-o", "full"],
        ["report", GOLDEN.parent / "report" / "results.json", "--html", "full/report.html"],
        ["train", "vit", "--dataset", "mnist-sample", "--epochs", "1", "-o", "full/vit.keras"],
    ],
    ids=lambda value: value[0],
)
def test_a_full_disk_is_one_message_and_leaves_nothing(
    arguments: list[object], tmp_path: Path, require: Callable[[str, bool, str], None]
) -> None:
    mount = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c"]
    allowed = shutil.which("unshare") and not subprocess.run([*mount, "true"]).returncode
    require("namespaces", bool(allowed), "no user namespaces here")
    (tmp_path / "full").mkdir()
    fill = "mount -t tmpfs -o size=4k none full && echo x > full/filler"
    script = f'{fill}; "$@"; code=$?; rm full/filler; ls -A full; exit $code'
    run = subprocess.run(
        [*mount, script, "sh", *MODULE, *map(str, arguments)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert "No space left on device" in one_message(run, 1)
    assert run.stdout == ""
