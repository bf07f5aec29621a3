"""What a convolution costs by its width: ``python tests/figures/channel_tile.py``.

XNNPACK computes a tile of output channels at once, and reads input channels in groups. So a width
just above a multiple of the tile costs as much as the next multiple, and channels that are pruned
only save instructions where a width comes down to a multiple. This counts a 1x1 convolution on
14x14 pixels on an emulated core, for each number of output channels and of input channels.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import click
import numpy as np

import tflconv
from tflconv import benchmark, device
from tflconv.benchmark import BenchmarkConfig
from tflconv.core.tensorflow import keras2

CONFIG = BenchmarkConfig(profile_runs=0)
SIDE, OTHER = 14, 64


def model(inputs: int, outputs: int) -> object:
    """One 1x1 convolution from ``inputs`` channels to ``outputs``."""
    keras2.utils.set_random_seed(0)
    pixels = keras2.layers.Input((SIDE, SIDE, inputs))
    return keras2.Model(pixels, keras2.layers.Conv2D(outputs, 1, activation="relu")(pixels))


def counted(
    widths: Sequence[tuple[int, int]], recipe: str, place: device.Device, folder: Path
) -> Iterator[float]:
    """Instructions of one inference for each of ``widths`` (inputs, outputs)."""
    draw = np.random.default_rng(0)
    for inputs, outputs in widths:
        samples = draw.normal(size=(16, SIDE, SIDE, inputs)).astype(np.float32)
        (path,) = tflconv.convert(
            model(inputs, outputs), [recipe], folder, calibration=samples, with_card=False
        )
        run = benchmark.bench(path, place, CONFIG, identity=benchmark.identify(path))
        assert run.instructions is not None, run.warnings
        yield run.instructions.total


@click.command()
@click.option("--device", "core", default="arm64:cortex-a76", show_default=True)
@click.option("--recipe", default="static_wi8_ai8", show_default=True)
@click.option("--widths", default="8,12,15,16,17,20,24,28,31,32,33,40,48,64", show_default=True)
def main(core: str, recipe: str, widths: str) -> None:
    """Print instructions by output channels and by input channels."""
    place, numbers = device.find(core), [int(width) for width in widths.split(",")]
    with tempfile.TemporaryDirectory() as folder:
        outputs = counted([(OTHER, n) for n in numbers], recipe, place, Path(folder))
        inputs = counted([(n, OTHER) for n in numbers], recipe, place, Path(folder))
        click.echo(f"{'width':>5} {'as outputs':>11} {'as inputs':>11}")
        for number, by_output, by_input in zip(numbers, outputs, inputs, strict=True):
            click.echo(f"{number:>5} {by_output:>11.0f} {by_input:>11.0f}")


if __name__ == "__main__":
    main()
