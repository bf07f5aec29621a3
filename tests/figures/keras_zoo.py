"""The smallest of each family of ``keras.applications``, by tflconv and by the converter alone.

``python tests/figures/keras_zoo.py PHOTOS --log FILE`` makes what the log lacks, so that a run that
was ended goes on; the same call with ``--write`` makes ``docs/keras-zoo.md`` of the log. Weights
are random, as Keras draws them; the statistics of every BatchNormalization are those of a forward
pass on parts of the photographs. Random deep networks amplify rounding, so a figure says little
alone: beside it stands that of ``tf.lite.TFLiteConverter`` with the same samples.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import click
import keras
import numpy as np
from ai_edge_litert.interpreter import Interpreter
from legacy_uint8 import millions, views
from numpy.typing import NDArray

import tflconv
from tflconv.core.tensorflow import tf
from tflconv.errors import TflconvError
from tflconv.inspection.inspect import inspect

APPLICATIONS: dict[str, dict[str, Any]] = {
    "MobileNet": {"alpha": 0.25},
    "MobileNetV2": {"alpha": 0.35},
    "MobileNetV3Small": {"alpha": 0.75},
    "EfficientNetB0": {},
    "EfficientNetV2B0": {},
    "ResNet50": {},
    "ResNet50V2": {},
    "VGG16": {},
    "Xception": {},
    "InceptionV3": {},
    "DenseNet121": {},
    "NASNetMobile": {},
    "InceptionResNetV2": {},
    "ConvNeXtTiny": {},
}
"""One network per family, with the options that make it small; what takes longest is last."""

RECIPES = ("fp32", "dynamic_wi8_afp32", "static_wi8_ai8", "selective_wi8_ai8")
CALIBRATION, PICTURES = 16, 24
PAGE = Path(__file__).parents[2] / "docs" / "keras-zoo.md"
HEAD = """# The zoo of Keras

Made by `python tests/figures/keras_zoo.py PHOTOS --log FILE --side {side}`, and the same with
`--write`, from {photos} photographs.
One network per family of `keras.applications`, the smallest, at {side} px, with random weights and
without a softmax. {calibration} parts of the photographs set the statistics of BatchNormalization
and are the calibration samples; {pictures} others are answered by Keras and by each file.

Each cell has three figures: the signal-to-quantization-noise ratio of the logits in dB, after what
is common to all pictures was taken away; the partitions that XNNPACK takes; and the arm64
instructions of one inference (qemu, Cortex-A76), in millions. *converter* is the file that
`tf.lite.TFLiteConverter` makes alone of the network with a batch of 1, with the same samples; it
has no selective recipe. *as-is* and *optimized* are `tflconv convert --rewrite`. Random deep
networks amplify rounding, so the decibels of one file say little: compare those of a row. A dash
stands for what was not run.

"""
OWN_RANGE = ("ConvNeXtTiny", "EfficientNetB0", "EfficientNetV2B0", "MobileNetV3Small")
"""They scale pixels themselves; the others take -1..1."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One file: ours, and what the converter alone makes of the same network."""

    network: str
    recipe: str
    maker: str
    side: int = 224
    decibels: float | None = None
    partitions: int | None = None
    instructions: str | None = None
    refused: str | None = None
    uncounted: str | None = None


def network(name: str, pictures: NDArray[np.float32]) -> Any:
    """The network with random weights, and with the statistics of ``pictures``."""
    keras.utils.set_random_seed(0)
    model = getattr(keras.applications, name)(
        weights=None,
        input_shape=pictures.shape[1:],
        classifier_activation=None,
        **APPLICATIONS[name],
    )
    norms = [each for each in model.layers if isinstance(each, keras.layers.BatchNormalization)]
    usual = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = 0.0
    model(pictures, training=True)
    for norm, momentum in zip(norms, usual, strict=True):
        norm.momentum = momentum
    return model


def decibels(file: Path, pictures: NDArray[np.float32], expected: NDArray[np.float32]) -> float:
    """Signal to quantization noise of the logits of ``file``."""
    received = _answers(file, pictures)
    signal = expected - expected.mean(axis=0)
    noise = received - expected
    return float(10 * np.log10((signal**2).sum() / max((noise**2).sum(), 1e-30)))


def _answers(file: Path, pictures: NDArray[np.float32]) -> NDArray[np.float32]:
    runtime = Interpreter(model_path=str(file), num_threads=1)
    runtime.allocate_tensors()
    (source,), (sink,) = runtime.get_input_details(), runtime.get_output_details()
    scale, zero = sink["quantization"]
    answers = []
    for picture in pictures:
        runtime.set_tensor(source["index"], _quantized(picture[np.newaxis], source))
        runtime.invoke()
        values = runtime.get_tensor(sink["index"])[0].astype(np.float32)
        answers.append((values - zero) * scale if scale else values)
    return np.stack(answers)


def _quantized(values: NDArray[np.float32], taken: Any) -> NDArray[Any]:
    scale, zero = taken["quantization"]
    if not scale:
        return values
    bounds = np.iinfo(taken["dtype"])
    return np.clip(np.rint(values / scale + zero), bounds.min, bounds.max).astype(taken["dtype"])


def ours(source: Path, made_by: str, rewrite: str, samples: Path, folder: Path) -> Path:
    """What tflconv makes."""
    place = folder / rewrite
    (path,) = tflconv.convert(
        source,
        [made_by],
        place,
        calibration=str(samples),
        rewrite=rewrite,  # type: ignore[arg-type]
    )
    return path


def alone(model: Any, made_by: str, samples: Path, folder: Path) -> Path:
    """What ``tf.lite.TFLiteConverter`` makes; it has no selective recipe.

    The batch is 1: with an open one, LiteRT cannot run the files of some networks at all.
    """
    one = keras.Input(batch_shape=(1, *model.input_shape[1:]))
    converter = tf.lite.TFLiteConverter.from_keras_model(keras.Model(one, model(one)))
    if made_by != "fp32":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if made_by == "static_wi8_ai8":
        values = np.load(samples)
        converter.representative_dataset = lambda: ([each[np.newaxis]] for each in values)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = tf.int8
    path = folder / f"alone-{made_by}.tflite"
    path.write_bytes(converter.convert())
    return path


def rows(name: str, photos: Path, side: int, missing: set[tuple[str, str]]) -> Iterator[Row]:
    """Every file of one network that is still to be made."""
    pixels = np.stack(list(views(photos, (side, side), CALIBRATION + PICTURES)))
    values = pixels.astype(np.float32)
    values = values if name in OWN_RANGE else values / 127.5 - 1
    model = network(name, values[:CALIBRATION])
    expected = np.asarray(model(values[CALIBRATION:], training=False))
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        source, samples = folder / f"{name}.keras", folder / "samples.npy"
        model.save(source)
        np.save(samples, values[:CALIBRATION])
        for made_by, maker in sorted(missing):
            make = (
                partial(alone, model, made_by, samples, folder)
                if maker == "converter"
                else partial(ours, source, made_by, maker, samples, folder)
            )
            yield _row(name, made_by, maker, make, values[CALIBRATION:], expected)


def _row(
    name: str,
    made_by: str,
    maker: str,
    make: Callable[[], Path],
    pictures: NDArray[np.float32],
    expected: NDArray[np.float32],
) -> Row:
    row = Row(network=name, recipe=made_by, maker=maker, side=pictures.shape[1])
    try:
        path = make()
    except TflconvError as error:
        return replace(row, refused=str(error))
    except Exception as error:  # the converter raises its own kinds and plain ones alike
        return replace(row, refused=f"{type(error).__name__}: {error}")
    row = replace(
        row,
        decibels=decibels(path, pictures, expected),
        partitions=len(inspect(path).delegation.partitions),
    )
    try:
        return replace(row, instructions=millions(path, "cortex-a76"))
    except TflconvError as error:
        return replace(row, uncounted=str(error))


MAKERS = ("converter", "as-is", "optimized")
WANTED = [
    (made_by, maker)
    for made_by in RECIPES
    for maker in MAKERS
    if (made_by, maker) != ("selective_wi8_ai8", "converter")
]


def table(known: list[Row]) -> Iterator[str]:
    """The table of the docs: a row per network and recipe."""
    yield "| network | recipe | " + " | ".join(MAKERS) + " |"
    yield "|---|---|" + "---|" * len(MAKERS)
    found = {(row.network, row.recipe, row.maker): row for row in known}
    for name in sorted({row.network for row in known}):
        for made_by in RECIPES:
            cells = [_cell(found.get((name, made_by, maker))) for maker in MAKERS]
            if set(cells) != {_NOT_RUN}:
                yield f"| {name} | `{made_by}` | " + " | ".join(cells) + " |"
    missing = sorted(set(APPLICATIONS) - {row.network for row in known})
    if missing:
        yield ""
        yield f"Not run yet: {', '.join(missing)}."
    lacking = [row for row in known if row.refused or row.uncounted]
    if lacking:
        yield ""
    for row in lacking:
        reason = (row.refused or row.uncounted or "").splitlines()[0][:160]
        word = "refused" if row.refused else "not counted"
        yield f"- {row.network}, {row.recipe}, {row.maker}: {word}, {reason}"


def page(known: list[Row], side: int, photos: Path) -> str:
    """The page of the docs."""
    head = HEAD.format(
        side=side,
        photos=len(list(photos.glob("*.[jp][pn]g"))),
        calibration=CALIBRATION,
        pictures=PICTURES,
    )
    return head + "\n".join(table(known)) + "\n"


_NOT_RUN = "–"


def _cell(row: Row | None) -> str:
    if row is None:
        return _NOT_RUN
    if row.refused:
        return "refused"
    return f"{row.decibels:.1f}, {row.partitions}, {row.instructions or '–'}"


@click.command()
@click.argument("photos", type=click.Path(exists=True, path_type=Path))
@click.option("--log", type=click.Path(path_type=Path), required=True, help="Lines of JSON.")
@click.option("--side", default=224, show_default=True, help="Side of the pictures in pixels.")
@click.option("--only", type=click.Choice(list(APPLICATIONS)), help="Only this network.")
@click.option("--write", is_flag=True, help="Write what the log has into the docs.")
def main(photos: Path, log: Path, side: int, only: str | None, write: bool) -> None:
    """Make what LOG lacks, and print or write the page."""
    if only is not None:
        complete(only, photos, side, log)
        return
    for name in () if write else APPLICATIONS:
        if set(WANTED) - made(name, side, log):  # a process each: TensorFlow keeps its memory
            call = [sys.executable, __file__, str(photos), f"--log={log}", f"--side={side}"]
            subprocess.run([*call, f"--only={name}"], check=False)
    text = page([row for row in read(log) if row.side == side], side, photos)
    if write:
        PAGE.write_text(text)
    else:
        print(text)


def complete(name: str, photos: Path, side: int, log: Path) -> None:
    """Append the rows of one network that the log lacks."""
    for row in rows(name, photos, side, set(WANTED) - made(name, side, log)):
        with log.open("a") as file:
            file.write(json.dumps(asdict(row)) + "\n")


def read(log: Path) -> list[Row]:
    """The rows of a log."""
    lines = log.read_text().splitlines() if log.exists() else []
    return [Row(**json.loads(line)) for line in lines]


def made(name: str, side: int, log: Path) -> set[tuple[str, str]]:
    """What the log has of one network: recipes and makers."""
    found = [row for row in read(log) if (row.network, row.side) == (name, side)]
    return {(row.recipe, row.maker) for row in found}


if __name__ == "__main__":
    main()
