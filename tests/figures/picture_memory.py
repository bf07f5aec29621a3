"""Memory and time of datasets by their size: ``python tests/figures/picture_memory.py``.

Makes JPEG files (once, in ``--folder``), then loads, calibrates and verifies them in a fresh
process per size, and prints a table with the largest anonymous resident memory (``RssAnon``: what
the system cannot take back, unlike mapped files) and the seconds that each step took.
"""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import click
import numpy as np
from PIL import Image

from tflconv import convert, data, verification
from tflconv.conversion.calibration import Calibration
from tflconv.model.normalization import NAMED

CLASSES = 29
MODEL = "model.tflite"


def make_pictures(folder: Path, count: int, side: int) -> None:
    """Write ``count`` smooth colour noise pictures, sorted into classes."""
    for index in range(count):
        path = folder / f"class{index % CLASSES:02}" / f"{index:06}.jpg"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            coarse = np.random.default_rng(index).integers(0, 256, (12, 12, 3), np.uint8)
            buffer = io.BytesIO()
            image = Image.fromarray(coarse).resize((side, side), Image.Resampling.BICUBIC)
            image.save(buffer, "JPEG", quality=90)
            path.write_bytes(buffer.getvalue())


def make_model(folder: Path, side: int) -> None:
    """Write a small classifier of pictures with ``side`` pixels a side."""
    import keras

    layers = [
        keras.Input((side, side, 3)),
        keras.layers.Conv2D(8, 5, strides=8),
        keras.layers.GlobalAveragePooling2D(),
        keras.layers.Dense(CLASSES),
    ]
    labels = [f"class{index:02}" for index in range(CLASSES)]
    (artifact,) = convert(
        keras.Sequential(layers), ["fp32"], folder=folder / "made", normalize="0..1", labels=labels
    )
    artifact.rename(folder / MODEL)


class Watch:
    """Largest anonymous resident memory of this process, looked at every 20 ms."""

    def __init__(self) -> None:
        self.peak = 0
        self.seconds: dict[str, str] = {}
        threading.Thread(target=self._look, daemon=True).start()

    def step(self, name: str, run: Callable[[], object]) -> None:
        """Run a step and keep its seconds, and those of all processors together."""
        start, worked = time.perf_counter(), time.process_time()
        run()
        took, work = time.perf_counter() - start, time.process_time() - worked
        self.seconds[name] = f"{took:.1f} ({work:.1f})"

    def _look(self) -> None:
        while True:
            status = Path("/proc/self/status").read_text()
            self.peak = max(self.peak, int(status.split("RssAnon:")[1].split()[0]))
            time.sleep(0.02)


def measure(pictures: Path, model: Path, side: int) -> None:
    """Load, calibrate and verify; print what it cost as JSON."""
    watch = Watch()
    dataset = data.load(pictures, resolution=side)
    watch.step("load", lambda: dataset.train)
    watch.step("again", lambda: data.load(pictures, resolution=side).train)
    watch.step(
        "calibrate", lambda: Calibration.of_pictures(data.calibration(dataset), NAMED["0..1"])
    )
    watch.step("verify", lambda: verification.verify(model, model, dataset))
    counts = sum(len(split) for split in dataset.splits.values())
    print(json.dumps({"pictures": counts, "peak": watch.peak, **watch.seconds}))


@click.command()
@click.option("--sizes", default="5000,10000,20000", show_default=True)
@click.option("--side", default=200, show_default=True)
@click.option("--folder", type=click.Path(path_type=Path), default=None)
@click.option("--child", is_flag=True, hidden=True)
def main(sizes: str, side: int, folder: Path | None, child: bool) -> None:
    """Print a row per size."""
    root = folder or Path(tempfile.mkdtemp())
    if child:
        measure(root / sizes, root / MODEL, side)
        return
    root.mkdir(parents=True, exist_ok=True)
    make_model(root, side)
    print("Seconds of wall time, and in brackets of all processors together.\n")
    print("| pictures | RssAnon at most, MB | load | load again | calibrate | verify |")
    print("|---:|---:|---:|---:|---:|---:|")
    for size in sizes.split(","):
        make_pictures(root / size, int(size), side)
        with tempfile.TemporaryDirectory(dir=root) as cache:
            options = ["--child", "--sizes", size, "--side", str(side), "--folder", str(root)]
            output = subprocess.run(
                [sys.executable, __file__, *options],
                env=os.environ | {"TFLCONV_CACHE_DIR": cache},
                stdout=subprocess.PIPE,
                check=True,
            ).stdout
        row = json.loads(output)
        cells = [row["pictures"], round(row["peak"] / 1000), row["load"], row["again"]]
        print("|", " | ".join(map(str, [*cells, row["calibrate"], row["verify"]])), "|", flush=True)


if __name__ == "__main__":
    main()
