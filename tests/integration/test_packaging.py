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
try:
    data.load("fashion-mnist")
except tflconv.errors.TflconvError as error:  # its sample stays in the repository
    assert "datasets fetch fashion-mnist" in error.hint, error.hint
else:
    raise AssertionError("there are no such pictures")
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
    """Half of it is the sample of MNIST; the larger sample of clothing stays in the repository."""
    wheel = next(built.glob("*.whl"))
    assert wheel.stat().st_size < 3_000_000
    assert not [name for name in names_in(wheel) if "fashion-mnist-sample" in name]


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
        env={"PYTHONPATH": str(target), "PATH": "", "XDG_DATA_HOME": str(tmp_path)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr
