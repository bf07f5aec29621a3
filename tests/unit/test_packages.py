"""Every package of the source tree is in the wheel."""

from __future__ import annotations

import configparser
from pathlib import Path

import tflconv

ROOT = Path(tflconv.__file__).parent
SETUP = Path(__file__).parents[2] / "setup.cfg"


def test_setup_names_every_package() -> None:
    config = configparser.ConfigParser()
    config.read(SETUP)
    named = set(config["options"]["packages"].split())
    folders = {file.parent.relative_to(ROOT.parent) for file in ROOT.rglob("__init__.py")}
    packages = {".".join(folder.parts) for folder in folders}
    data = {"tflconv.android_benchmark", "tflconv.datasets"}
    assert named - data == packages
