"""Pages as a reader meets them: a headless Chromium opens them, looks, and presses keys.

``npm install puppeteer-core @sparticuz/chromium axe-core`` in a folder, and
``TFLCONV_NODE_MODULES`` naming that folder, are all that it needs beside node.
``TFLCONV_SCREENSHOTS`` names a folder that keeps the pictures.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from fakes.layered_file import SIDES, layered
from fakes.rich_results import rich
from tflconv.inspection import diff
from tflconv.inspection.inspect import inspect
from tflconv.report import graph_page
from tflconv.report.html import to_html
from tflconv.verification import per_operator

SCRIPT = Path(__file__).with_name("report.mjs")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    kept = os.environ.get("TFLCONV_SCREENSHOTS")
    if kept:
        Path(kept).mkdir(parents=True, exist_ok=True)
    return Path(kept) if kept else tmp_path


def report(folder: Path) -> Path:
    page = folder / "report.html"
    page.write_text(to_html(rich()), encoding="utf-8")
    return page


def graphs(folder: Path) -> Path:
    first, second = layered(folder / "a.tflite", 6), layered(folder / "b.tflite", 6, last="SQUARE")
    sample = [np.full(SIDES, 0.5, np.float32)]
    found = [inspect(path) for path in (first, second)]
    errors = per_operator.trace(first, second, [sample], "halves")
    page = folder / "graphs.html"
    page.write_text(graph_page.to_html(found, diff.compare(*found), errors), encoding="utf-8")
    return page


def test_pages_are_sound_in_chromium(folder: Path, tell: Callable[[str, str], None]) -> None:
    modules, node = os.environ.get("TFLCONV_NODE_MODULES", ""), shutil.which("node")
    if node is None or not (Path(modules) / "node_modules" / "puppeteer-core").is_dir():
        pytest.skip("needs node, and TFLCONV_NODE_MODULES with puppeteer-core and the others")
    pages = [report(folder), graphs(folder)]
    done = subprocess.run(
        [node, SCRIPT, modules, folder, *pages],
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == []
    views = len(list(folder.glob("*0.png")))
    tell(
        f"{len(pages)} pages, wide, on a tablet and on a phone, light and dark",
        f"{views} views without a fault of accessibility or layout",
    )
