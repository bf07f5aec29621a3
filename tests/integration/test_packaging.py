"""Wheel and sdist hold the code and both data trees, and an installed wheel can open them."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
NEEDED = ("datasets/mnist/card.json", "android_benchmark/CMakeLists.txt", "py.typed", "demo.toml")
OPEN_BOTH_TREES = """
from tflconv import data
from tflconv.core import resources
import tflconv
assert "{target}" in tflconv.__file__, tflconv.__file__
assert (resources.harness_dir() / "CMakeLists.txt").is_file()
assert len(data.load("mnist-sample").test.labels) >= 1000
"""


def names_in(wheel: Path) -> list[str]:
    return sorted(zipfile.ZipFile(wheel).namelist())


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("dist")
    source = target / "source"
    tracked = subprocess.run(
        ["git", "ls-files", "-z"], cwd=REPOSITORY, capture_output=True, text=True, check=True
    ).stdout.split("\0")
    for name in filter(None, tracked):
        if (REPOSITORY / name).is_file():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_bytes((REPOSITORY / name).read_bytes())
    subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", "--outdir", target, source],
        check=True,
        capture_output=True,
    )
    return target


def test_wheel_holds_code_and_data_trees(built: Path) -> None:
    names = names_in(next(built.glob("*.whl")))
    for needed in NEEDED:
        assert f"tflconv/{needed}" in names


def test_the_wheel_is_small(built: Path) -> None:
    """Four fifths of it are the pictures of two samples."""
    wheel = next(built.glob("*.whl"))
    members = zipfile.ZipFile(wheel).infolist()
    pictures = sum(one.compress_size for one in members if one.filename.endswith("-ubyte.gz"))
    assert wheel.stat().st_size < 5_500_000
    assert wheel.stat().st_size - pictures < 1_500_000


def test_sdist_builds_the_same_wheel(built: Path, tmp_path: Path) -> None:
    with tarfile.open(next(built.glob("*.tar.gz"))) as archive:
        archive.extractall(tmp_path, filter="data")
    source = next(tmp_path.iterdir())
    subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", "--wheel", "--outdir", tmp_path, source],
        check=True,
        capture_output=True,
    )
    direct, through_sdist = next(built.glob("*.whl")), next(tmp_path.glob("*.whl"))
    assert names_in(direct) == names_in(through_sdist)


def test_installed_wheel_opens_both_data_trees(built: Path, tmp_path: Path) -> None:
    target = tmp_path / "site"
    wheel = next(built.glob("*.whl"))
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index"]
    subprocess.run([*pip, "--target", target, wheel], check=True, capture_output=True)
    run = subprocess.run(
        [sys.executable, "-c", OPEN_BOTH_TREES.format(target=target)],
        env={"PYTHONPATH": str(target), "PATH": ""},
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr
