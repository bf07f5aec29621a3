"""What the check of every converted file costs beside its conversion: docs/how-it-works.md.

``python tests/figures/check_cost.py`` converts networks with random weights as they come, to four
recipes each, and prints the CPU seconds of the conversion (opening, tracing, lowering, calibrating,
quantizing, writing), of the comparison with the float model that follows each file, and of the
start of such a command, which is mostly the import of TensorFlow. Ranges are taken from 200
samples, as by default, and from 32. Every line has a process of its own. ``--write`` puts the table
into the docs. It takes about four minutes of one core.
"""

from __future__ import annotations

import itertools
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import click
import numpy as np

from tflconv.pipeline.meaning import SAMPLES

NETWORKS = {"resnet": 32, "vit": 28, "mobilenet_v2": 96, "MobileNetV2": 224, "ResNet50": 224}
"""By the side of their pictures; names in capitals are those of ``keras.applications``."""

RECIPES = ("fp32", "dynamic_wi8_afp32", "static_wi8_ai8", "selective_wi8_ai8")
PAGE = Path(__file__).parents[2] / "docs" / "how-it-works.md"
MARK = "<!-- python tests/figures/check_cost.py -->\n"
HEAD = """| network | px | samples | start, CPU s | conversion | check | of conversion | of both |
|---|---:|---:|---:|---:|---:|---:|---:|"""
COUNTS = (SAMPLES, 32)


def build(name: str, side: int) -> Any:
    """The network with random weights."""
    from random_model import randomize

    from tflconv import models

    shape = (side, side, 3)
    if name in models.names():
        model = models.build(name, shape, 10)
        randomize(model)
        return model
    import keras

    return getattr(keras.applications, name)(weights=None, input_shape=shape)


def row(name: str, side: int, count: int) -> str:
    """One line of the table."""
    started = time.process_time()
    from tflconv import recipe
    from tflconv.conversion import Calibration
    from tflconv.core.store import Store
    from tflconv.pipeline.line import Line
    from tflconv.pipeline.requests import ConversionRequest

    with tempfile.TemporaryDirectory() as place:
        file = Path(place) / f"{name}.keras"
        build(name, side).save(file)
        noise = np.random.default_rng(1).uniform(-1, 1, (count, side, side, 3)).astype(np.float32)
        request = ConversionRequest(
            model=file,
            recipes=tuple(recipe.get(each) for each in RECIPES),
            rewrite="as-is",
            calibration=Calibration.of_values("noise", noise),
            with_card=False,
        )
        line, made, checked = Line(request, Store(Path(place) / "store")), 0.0, 0.0
        for each in line.order:
            began = time.process_time()
            line.file(each)
            written = time.process_time()
            line.fidelity(each)
            made, checked = made + written - began, checked + time.process_time() - written
    shares = f"{checked / made:.0%} | {checked / (started + made):.0%}"
    return f"| {name} | {side} | {count} | {started:.1f} | {made:.1f} | {checked:.1f} | {shares} |"


@click.command()
@click.option("--only", help="Only this network, without the head of the table.")
@click.option("--samples", default=SAMPLES, help="How many its ranges are taken from.")
@click.option("--write", is_flag=True, help="Write the table into the docs, too.")
def main(only: str | None, samples: int, write: bool) -> None:
    """Print the table."""
    if only is not None:
        from tflconv.core.tensorflow import tf

        tf.zeros(1)
        print(row(only, NETWORKS[only], samples))
        return
    lines = [HEAD]
    for name, count in itertools.product(NETWORKS, COUNTS):
        call = [sys.executable, __file__, f"--only={name}", f"--samples={count}"]
        done = subprocess.run(call, check=True, capture_output=True, text=True)
        lines.append(done.stdout.strip())
        print(lines[-1], flush=True)
    if write:
        before, mark, after = PAGE.read_text().partition(MARK)
        prose = after[after.index("\n\n") :]
        PAGE.write_text(before + mark + "\n".join(lines) + prose)


if __name__ == "__main__":
    main()
