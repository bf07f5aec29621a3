import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from making_pictures import collection, png, write, write_tar
from test_data_fetch import asl_archive

PROGRAM = [sys.executable, "-m", "tflconv"]


@pytest.fixture
def tflconv(tmp_path: Path):
    """Run ``tflconv datasets ...`` or ``list datasets`` with an empty data folder."""

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        places = {"TFLCONV_DATA_DIR": str(tmp_path / "data"), "XDG_CACHE_HOME": str(tmp_path)}
        return subprocess.run(
            [*PROGRAM, *(() if arguments[:1] == ("list",) else ("datasets",)), *arguments],
            env=os.environ | places,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def test_the_list_says_what_is_here(tflconv, tmp_path: Path) -> None:
    rows = {row["name"]: row for row in json.loads(tflconv("list", "datasets", "--json").stdout)}
    assert rows["mnist-sample"]["state"] == "bundled"
    assert rows["mnist"]["state"] == "missing"
    assert rows["asl-alphabet"]["licence"].startswith("Unverified")
    table = tflconv("list", "datasets").stdout.splitlines()
    assert [line.split()[0] for line in table] == ["name", *rows]


def test_show_counts_classes_and_warns_on_stderr(tflconv, tmp_path: Path) -> None:
    files = collection({"cats": 20, "dogs": 30}) | {"cats/bad.png": b"x", "dogs/copy.png": b""}
    files["dogs/copy.png"] = files["cats/000.png"]
    write(tmp_path / "pets", files)
    shown = tflconv("show", "pets")
    assert shown.returncode == 0
    assert shown.stdout.splitlines()[-1].split() == ["all", "37", "4", "10"]
    assert "1 of 52 pictures cannot be read: cats/bad.png" in shown.stderr
    described = json.loads(tflconv("show", "pets", "--json").stdout)
    assert [row["class"] for row in described["classes"]] == ["cats", "dogs", "all"]
    assert described["warnings"]


def test_fetch_from_a_file_makes_the_set_usable(tflconv, tmp_path: Path) -> None:
    asl_archive(tmp_path / "archive.zip")
    fetched = tflconv("fetch", "asl-alphabet", "--from", "archive.zip")
    assert fetched.returncode == 0
    assert "its sha256 was not known; recorded" in fetched.stdout
    assert tflconv("show", "asl-alphabet").returncode == 0


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["show", "mnits"], 2, "unknown dataset 'mnits'"),
        (["show", "nothing.tar"], 2, "unknown dataset"),
        (["show", "cifar-10"], 1, "is not on this machine"),
        (["show", "one"], 1, "only the class 'cats'"),
        (["show", "evil.tar"], 1, "points outside the archive"),
        (["fetch", "mnits"], 2, "Did you mean mnist"),
        (["fetch", "mnist-sample"], 2, "nothing to fetch"),
        (["fetch", "asl-alphabet"], 2, "behind a login"),
        (["fetch", "asl-alphabet", "--from", "nothing.zip"], 2, "there is no file"),
        (["fetch", "asl-alphabet", "--from", "evil.tar"], 1, "points outside the archive"),
    ],
)
def test_bad_input_is_one_message_and_its_exit_code(
    tflconv, tmp_path: Path, arguments: list[str], code: int, message: str
) -> None:
    write(tmp_path / "one", {"cats/1.png": png(1), "cats/2.png": png(2)})
    write_tar(tmp_path / "evil.tar", {"cats/1.png": png(1), "../evil.png": png(2)})
    before = sorted(path for path in tmp_path.rglob("*") if path.is_file())
    ended = tflconv(*arguments)
    assert ended.returncode == code
    assert message in ended.stderr
    assert "Traceback" not in ended.stderr
    assert ended.stdout == ""
    assert sorted(path for path in tmp_path.rglob("*") if path.is_file()) == before


def test_clean_frees_the_decoded_pictures_only(tflconv, tmp_path: Path) -> None:
    pets = write(tmp_path / "pets", collection({"cats": 9, "dogs": 9}))
    tflconv("show", str(pets))
    kept = [path for path in (tmp_path / "tflconv").rglob("*") if path.is_file()]
    size = sum(path.stat().st_size for path in kept)
    assert size > 18 * 64 * 64 * 3
    assert tflconv("clean").stdout == f"{size:,} bytes freed.\n"
    assert not any(path.is_file() for path in (tmp_path / "tflconv").rglob("*"))
    assert len(list(pets.rglob("*.png"))) == 18
    assert tflconv("clean").stdout == "0 bytes freed.\n"
