"""The properties of the unit tests, with many more examples."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

UNIT = Path(__file__).parents[1] / "unit"


def test_laws_hold_for_many_more_examples(
    count: Callable[[int], int], tell: Callable[[str, str], None]
) -> None:
    examples = count(2000)
    pytest = [sys.executable, "-m", "pytest", UNIT, "-m", "hypothesis", "--timeout=7200"]
    run = subprocess.run(
        [*pytest, "-o", "addopts=", "--hypothesis-profile=nightly"],
        env=os.environ | {"TFLCONV_EXAMPLES": str(examples)},
        cwd=UNIT.parents[1],
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stdout[-4000:]
    (laws,) = re.findall(r"(\d+) passed", run.stdout)
    tell(f"{laws} properties, up to {examples} examples of each", "all hold")
