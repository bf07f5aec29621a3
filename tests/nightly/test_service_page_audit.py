"""The pages of the service by the rules of axe-core, light and dark, wide and on a phone.

``npm install axe-core`` in a folder, and ``TFLCONV_NODE_MODULES`` naming that folder, are all that
it needs beside Chromium. ``TFLCONV_SCREENSHOTS`` names a folder that keeps pictures of the pages.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from fakes.browser import PROGRAM, browsing
from fakes.serving import png, serving

TINY = Path(__file__).parents[1] / "golden" / "models" / "tiny_float32.tflite"
AXE = Path(os.environ.get("TFLCONV_NODE_MODULES", ""), "node_modules", "axe-core", "axe.min.js")
FAULTS = "axe.run().then(({violations}) => violations.map(each => each.id + each.nodes[0].html))"


def test_the_pages_of_the_service_are_accessible(
    tmp_path: Path, tell: Callable[[str, str], None]
) -> None:
    if PROGRAM is None or not AXE.is_file():
        pytest.skip("needs chromium, and TFLCONV_NODE_MODULES with axe-core")
    shots = Path(os.environ.get("TFLCONV_SCREENSHOTS", tmp_path))
    (tmp_path / "one.png").write_bytes(png(1, 60))
    found, views = list[str](), 0
    with serving(TINY, "--workers", 1) as service, browsing(tmp_path) as browser:
        page = browser.page()
        page.tell("Page.setBypassCSP", enabled=True)
        for path in ("", "docs"):
            for scheme in ("light", "dark"):
                for width in (1200, 390):
                    address = f"http://127.0.0.1:{service.port}/{path}"
                    page.open(address, scheme=scheme, width=width)
                    if not path:
                        page.choose("#file", tmp_path / "one.png")
                        page.wait("document.querySelectorAll('li.class').length")
                    page.value(AXE.read_text("utf-8"))
                    found += page.value(FAULTS)
                    page.photograph(shots / f"service-{path or 'upload'}-{scheme}-{width}.png")
                    views += 1
    assert found == []
    tell(f"{views} views of the pages of the service", "no fault of accessibility")
