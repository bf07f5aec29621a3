"""Take the pictures of terminal and report that the docs show.

    python docs/make_screenshots.py FOLDER

FOLDER is one that ``python tests/figures/silence.py FOLDER`` has left: it has models in ``m``. The
command runs on a terminal; what it shows at one moment, and at the end, is drawn as it was. A
Chromium on ``PATH`` takes the picture of the report of the recorded demo.
"""

from __future__ import annotations

import io
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image
from rich.console import Console
from rich.text import Text

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))
from fakes import terminal  # noqa: E402
from fakes.terminal import Seen  # noqa: E402

PICTURES = ROOT / "docs" / "pictures"
T = f"{sys.executable} -m tflconv"
SHOWN = "bench m/*.tflite --dataset mnist-sample --again --export-json shown.json"
COLUMNS = 100
WIDE, NARROW = (1280, 1500), (390, 1500)

_MOVES = re.compile(r"\x1b\[(?P<count>\d*)(?P<act>[A-KSTf])|(?P<line>\r?\n)|(?P<start>\r)")
_HIDDEN = re.compile(r"\x1b\[\?\d+[hl]")
SVG = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}">
<style>
.{unique_id}-matrix {{ font-family: ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace;
  font-size: {char_height}px; line-height: {line_height}px; }}
{styles}
</style>
<defs><clipPath id="{unique_id}-clip-terminal">
<rect x="0" y="0" width="{terminal_width}" height="{terminal_height}"/></clipPath>{lines}</defs>
<rect fill="#16191d" x="0" y="0" width="{width}" height="{height}" rx="8"/>
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}<g class="{unique_id}-matrix">{matrix}</g></g>
</svg>
"""
"""A picture of a terminal without its window, in fonts that the reader has."""


def main() -> None:
    """Write all pictures."""
    folder = Path(sys.argv[1])
    seen = run(SHOWN, folder)
    counted = [when for when, text in seen.writes if " parts" in text and "done in" in text]
    draw("terminal-working", SHOWN, screen(seen, until=counted[2 * len(counted) // 3]))
    draw("terminal-results", SHOWN, screen(seen))
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        print("no Chromium: the pictures of the report stay as they are")
        return
    with tempfile.TemporaryDirectory() as place:
        page = Path(place) / "report.html"
        recorded = ROOT / "studies" / "demo" / "results.json"
        subprocess.run([*T.split(), "report", str(recorded), "--html", str(page)], check=True)
        photograph(browser, page, "report", WIDE)


def run(command: str, folder: Path) -> Seen:
    """Run a command on a terminal."""
    seen = terminal.run(
        ["bash", "-c", f"exec {T} {command}"],
        cwd=folder,
        environment={"TFLCONV_HISTORY": "off", "COLUMNS": str(COLUMNS)},
    )
    assert seen.code == 0, seen.text
    return seen


def screen(seen: Seen, until: float | None = None) -> list[str]:
    """Return the lines that a terminal shows, with their colours."""
    written = "".join(text for when, text in seen.writes if until is None or when <= until)
    lines, row, at = [""], 0, 0
    written = _HIDDEN.sub("", written)
    for move in _MOVES.finditer(written):
        lines[row] += written[at : move.start()]
        at = move.end()
        if move["line"]:
            row += 1
            if row == len(lines):
                lines.append("")
        elif move["act"] == "A":
            row = max(0, row - int(move["count"] or 1))
        elif move["act"] == "K":
            lines[row] = ""
    lines[row] += written[at:]
    return [line for line in lines if line.strip()]


def draw(name: str, command: str, lines: list[str]) -> None:
    """Write ``lines`` below the ``command`` that made them as an SVG file."""
    console = Console(
        record=True,
        width=COLUMNS,
        file=io.StringIO(),
        force_terminal=True,
        color_system="truecolor",
    )
    console.print(Text.assemble(("$ ", "green"), f"tflconv {command}"), soft_wrap=True)
    for line in lines:
        console.print(Text.from_ansi(line), no_wrap=True, overflow="crop")
    drawn = console.export_svg(title="", code_format=SVG, unique_id=name)
    (PICTURES / f"{name}.svg").write_text(drawn, encoding="utf-8")


def photograph(browser: str, page: Path, name: str, size: tuple[int, int]) -> None:
    """Write what a browser shows of a page in a window of this size."""
    picture = page.with_suffix(".png")
    subprocess.run(
        [
            browser, "--headless=new", "--no-sandbox", "--hide-scrollbars", "--disable-gpu",
            f"--user-data-dir={page.parent / 'profile'}", f"--window-size={size[0]},{size[1]}",
            f"--screenshot={picture}", page.as_uri(),
        ],
        check=True,
        capture_output=True,
        timeout=300,
    )  # fmt: skip
    with Image.open(picture) as taken:
        small = taken.convert("RGB").quantize(256)
        small.save(PICTURES / f"{name}.png", optimize=True)


if __name__ == "__main__":
    main()
