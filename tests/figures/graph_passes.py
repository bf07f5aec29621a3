"""What every graph pass is worth: ``python tests/figures/graph_passes.py --help``.

Models of random weights are taken from their unfused graph to the optimized one, pass by pass: how
many operators, bytes and instructions are left, and how far the outputs have moved. A converter
does some of this by itself, so the other table leaves out one pass at a time from the int8 file.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import numpy as np
from random_model import randomize

from tflconv import benchmark, device, models, recipe
from tflconv.benchmark import BenchmarkConfig
from tflconv.conversion import Calibration, unfused
from tflconv.conversion.optimized import OptimizedModel
from tflconv.core.tensorflow import keras2
from tflconv.errors import TflconvError
from tflconv.model.interpreter import Interpreter
from tflconv.network.keras import execution
from tflconv.network.keras.reader import read
from tflconv.network.nodes import Network
from tflconv.network.passes import PASSES, NamedPass, optimize
from tflconv.tflite import reading

COUNTING = BenchmarkConfig(profile_runs=0)
Row = tuple[str, ...]


def small_cnn() -> Any:
    """What the models of the registry lack: pooling, dropout, scaled pixels, softmax, two Dense."""
    layers = keras2.layers
    return keras2.Sequential(
        [
            keras2.Input((32, 32, 3)),
            layers.Rescaling(1 / 127.5, offset=-1),
            layers.BatchNormalization(),
            layers.Conv2D(16, 4, strides=4, activation="relu"),
            layers.BatchNormalization(),
            layers.Conv2D(32, 3, padding="same", activation="relu"),
            layers.AveragePooling2D(2),
            layers.Flatten(),
            layers.Dropout(0.5),
            layers.Dense(16),
            layers.Dense(10),
            layers.Softmax(),
        ]
    )


def of_registry(name: str, **options: Any) -> Callable[[], Any]:
    """How to build the model ``name`` for pictures of 32 px."""
    return lambda: models.build(name, (32, 32, 3), 10, **options)


MODELS: dict[str, tuple[Callable[[], Any], str]] = {
    "small CNN": (small_cnn, "static_wi8_ai8"),
    "mobilenet_v2": (of_registry("mobilenet_v2"), "static_wi8_ai8"),
    "vit": (of_registry("vit", patch=4, dim=96, depth=2, heads=3), "selective_wi8_ai8"),
    "vit_int8": (of_registry("vit_int8"), "static_wi8_ai8"),
}


def instructions(content: bytes, place: device.Device, folder: Path) -> float:
    """Instructions of an inference of the model with this ``content``."""
    path = folder / "model.tflite"
    path.write_bytes(content)
    run = benchmark.bench(path, place, COUNTING, identity=benchmark.identify(path))
    assert run.instructions is not None, run.warnings
    return run.instructions.total


def ladder(network: Network, place: device.Device, folder: Path) -> Iterator[Row]:
    """One row for each pass that applies, in their order: what is left after it."""
    shape = (4, *network.inputs[0].options["shape"])
    values = np.random.default_rng(1).uniform(-1, 1, shape).astype(np.float32)
    expected = execution.predict(network, values)
    for each in (None, *PASSES):
        before, name = network, "(unfused)" if each is None else each.name
        if each is not None and (network := each.apply(before)) is before:
            continue
        moved = np.abs(execution.predict(network, values) - expected).max()
        if each is not None and each.name == "drop_softmax":
            expected = execution.predict(network, values)
        yield name, *_figures(unfused.lower(network), place, folder), _difference(name, moved)


def without_effect(network: Network) -> str:
    """The passes that do not apply, each with its reason."""
    skipped = [outcome for outcome in optimize(network)[1] if outcome.skipped]
    return "; ".join(f"{outcome.name} ({outcome.skipped})" for outcome in skipped)


def _figures(content: bytes, place: device.Device, folder: Path) -> Row:
    count = instructions(content, place, folder)
    operators = len(reading.read(folder / "model.tflite").main.operators)
    return str(operators), f"{len(content):,}", f"{count:,.0f}"


def _difference(name: str, moved: float) -> str:
    return "logits instead" if name == "drop_softmax" else f"{moved:.0e}"


def left_out(network: Network, chosen: str, place: device.Device, folder: Path) -> Iterator[Row]:
    """One row for each pass that applies: the int8 file without it."""
    applied = [o.name for o in optimize(network)[1] if o.skipped is None]
    for name in ("(none)", *applied):
        passes = [each for each in PASSES if each.name != name]
        try:
            content = _integer(network, passes, chosen)
        except (TflconvError, KeyError) as error:
            yield name, "", "", "", str(error).partition(":")[0]
            continue
        figures = _figures(content, place, folder)
        yield name, *figures, str(Interpreter(folder / "model.tflite").partitions)


def _integer(network: Network, passes: list[NamedPass], chosen: str) -> bytes:
    ready = OptimizedModel(*optimize(network, passes))
    noise = np.random.default_rng(2).uniform(-1, 1, (20, 32, 32, 3)).astype(np.float32)
    return ready.make(recipe.get(chosen), Calibration.of_values("noise", noise))


def table(head: Row, rows: Iterator[Row]) -> None:
    """Print a Markdown table, row by row."""
    for row in (head, ("---",) * len(head), *rows):
        click.echo(f"| {' | '.join(row)} |")
    click.echo()


@click.command()
@click.option("--device", "core", default="arm64:cortex-a76", show_default=True)
@click.argument("chosen", nargs=-1)
def main(core: str, chosen: tuple[str, ...]) -> None:
    """Measure the passes on all models, or on those that were CHOSEN."""
    place = device.find(core)
    for name in chosen or MODELS:
        build, integer = MODELS[name]
        model = build()
        randomize(model)
        network = read(model)
        with tempfile.TemporaryDirectory() as folder:
            click.echo(f"### {name}, {integer}\n")
            head = ("after", "operators", "bytes", "instructions", "largest difference")
            table(head, ladder(network, place, Path(folder)))
            click.echo(f"Does not apply: {without_effect(network)}.\n")
            head = ("int8 without", "operators", "bytes", "instructions", "partitions")
            table(head, left_out(network, integer, place, Path(folder)))


if __name__ == "__main__":
    main()
