"""The page about the accelerator says what was recorded."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

STUDY = Path(__file__).parents[2] / "studies" / "resnet-service"
PAGE = (STUDY / "accelerator.md").read_text(encoding="utf-8")
TIMED: dict[str, Any] = {
    path.stem: json.loads(path.read_text(encoding="utf-8"))
    for path in sorted((STUDY / "timing").glob("*.json"))
}
STEPS = {
    "train_step": "training step",
    "infer_batch": "inference, batch",
    "infer_one": "inference, one",
}


def told(seconds: float) -> str:
    return f"{seconds * 1e3:.2f} ms" if seconds < 1 else f"{seconds:.1f} s"


@pytest.mark.parametrize("name", TIMED)
@pytest.mark.parametrize("step", STEPS)
def test_the_table_says_what_was_timed(name: str, step: str) -> None:
    found = TIMED[name]
    calls = [found[f"{way}_{step}"] for way in ("jit", "eager")]
    cells = [told(call[key]) for call in calls for key in ("first", "median")]
    network = "width 64" if found["options"]["width"] == 64 else "ResNet-20"
    rows = [line for line in PAGE.splitlines() if line.startswith(f"| {network} |")]
    assert any(row.endswith(" | ".join([STEPS[step], *cells]) + " |") for row in rows)


def test_the_sentences_say_what_was_timed() -> None:
    small, large = (TIMED[f"h200-{name}-bfloat16"] for name in ("resnet20", "w64"))
    for found in (small, large):
        times = found["eager_train_step"]["median"] / found["jit_train_step"]["median"]
        assert f"{times:.0f} times" in PAGE
        assert f"{found['jit_peak_bytes'] / 1e6:.0f} MB" in PAGE
    slower = large["jit_train_step"]["median"] / small["jit_train_step"]["median"]
    assert f"cost {slower:.1f} times as long" in PAGE
    assert all(found["device"] == "gpu: NVIDIA H200" for found in (small, large))
