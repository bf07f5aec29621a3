"""All that ``tflconv inspect`` can do with a file, whatever is in it."""

from __future__ import annotations

import io
import json
from pathlib import Path

from rich.console import Console

from tflconv.inspection import diff, drawing, runnable, text
from tflconv.inspection.inspect import inspect, to_json


def inspect_whole(path: Path) -> None:
    """Read, describe, draw and compare a file. Raises ``TflconvError`` if it is no sound model."""
    found = inspect(path)
    console = Console(file=io.StringIO(), width=200)
    text.print_inspection(found, console)
    difference = diff.compare(found, found)
    text.print_difference(difference, console)
    json.dumps([to_json(found), diff.to_json(difference)])
    drawing.draw([found.model, found.model])
    runnable.obstacles(found.model)
