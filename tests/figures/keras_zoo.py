"""The smallest of each family of ``keras.applications``, by tflconv and by the converter alone.

``python tests/figures/keras_zoo.py PHOTOS --log FILE`` makes what the log lacks, so that a run that
was ended goes on: first all files, in a folder beside the log, then their instructions, which take
longest. The same call with ``--write`` makes ``docs/keras-zoo.md`` of the log. Weights are random,
as Keras draws them; the statistics of every BatchNormalization are those of a forward pass on parts
of the photographs. Random deep networks amplify rounding, so a figure says little alone: beside it
stands that of ``tf.lite.TFLiteConverter`` with the same samples.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import click
import keras
import numpy as np
from ai_edge_litert.interpreter import Interpreter
from cost_table import instructions
from legacy_uint8 import views
from numpy.typing import NDArray

import tflconv
from tflconv import device
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
CORE = "arm64:cortex-a76"
PAGE = Path(__file__).parents[2] / "docs" / "keras-zoo.md"
HEAD = """# The zoo of Keras

Made by `python tests/figures/keras_zoo.py PHOTOS --log FILE --side {side}`, and the same with
`--write`, from {photos} photographs{made_at}.
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
    file: str | None = None
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


Made = Path | str
"""A file, or why there is none."""


def ours(
    source: Path, recipes: Sequence[str], rewrite: str, samples: Path, folder: Path
) -> dict[str, Made]:
    """What tflconv makes: all files at once, which is quicker, or each alone to know reasons."""
    try:
        paths = tflconv.convert(
            source,
            recipes,
            folder / rewrite,
            calibration=str(samples),
            rewrite=rewrite,  # type: ignore[arg-type]
        )
    except TflconvError as error:
        if len(recipes) == 1:
            return {recipes[0]: str(error)}
        each = (ours(source, [recipe], rewrite, samples, folder) for recipe in recipes)
        return {recipe: made for found in each for recipe, made in found.items()}
    return dict(zip(recipes, paths, strict=True))


def alone(model: Any, recipes: Sequence[str], samples: Path, folder: Path) -> dict[str, Made]:
    """What ``tf.lite.TFLiteConverter`` makes; it has no selective recipe.

    The batch is 1: with an open one, LiteRT cannot run the files of some networks at all.
    """
    one = keras.Input(batch_shape=(1, *model.input_shape[1:]))
    fixed = keras.Model(one, model(one))
    made: dict[str, Made] = {}
    for recipe in recipes:
        converter = tf.lite.TFLiteConverter.from_keras_model(fixed)
        if recipe != "fp32":
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        if recipe == "static_wi8_ai8":
            values = np.load(samples)
            converter.representative_dataset = lambda kept=values: ([v[np.newaxis]] for v in kept)
            converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
            converter.inference_input_type = converter.inference_output_type = tf.int8
        path = folder / f"alone-{recipe}.tflite"
        try:
            path.write_bytes(converter.convert())
        except Exception as error:  # the converter raises its own kinds and plain ones alike
            made[recipe] = f"{type(error).__name__}: {error}"
        else:
            made[recipe] = path
    return made


def rows(
    name: str, photos: Path, side: int, missing: set[tuple[str, str]], folder: Path
) -> Iterator[Row]:
    """Every file of one network that is still to be made; nothing is counted yet."""
    pixels = np.stack(list(views(photos, (side, side), CALIBRATION + PICTURES)))
    values = pixels.astype(np.float32)
    values = values if name in OWN_RANGE else values / 127.5 - 1
    model = network(name, values[:CALIBRATION])
    expected = np.asarray(model(values[CALIBRATION:], training=False))
    source, samples = folder / f"{name}.keras", folder / "samples.npy"
    folder.mkdir(parents=True, exist_ok=True)
    model.save(source)
    np.save(samples, values[:CALIBRATION])
    for maker in MAKERS:
        recipes = [recipe for recipe in RECIPES if (recipe, maker) in missing]
        if not recipes:
            continue
        if maker == "converter":
            made = alone(model, recipes, samples, folder)
        else:
            made = ours(source, recipes, maker, samples, folder)
        for recipe, found in made.items():
            row = Row(network=name, recipe=recipe, maker=maker, side=side)
            if isinstance(found, str):
                yield replace(row, refused=found)
                continue
            yield replace(
                row,
                file=str(found),
                decibels=decibels(found, values[CALIBRATION:], expected),
                partitions=len(inspect(found).delegation.partitions),
            )


def counted(row: Row) -> Row:
    """``row`` with the instructions of its file."""
    assert row.file is not None
    try:
        total = instructions(Path(row.file), device.find(CORE))
    except TflconvError as error:
        return replace(row, uncounted=str(error))
    return replace(row, instructions=f"{total / 1e6:.1f} M")


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


def page(known: list[Row], side: int, photos: Path, commit: str | None) -> str:
    """The page of the docs."""
    head = HEAD.format(
        side=side,
        photos=len(list(photos.glob("*.[jp][pn]g"))),
        calibration=CALIBRATION,
        pictures=PICTURES,
        made_at=f", by the code of commit {commit}" if commit else "",
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
@click.option("--commit", help="By the code of which the log was made, for the docs.")
def main(
    photos: Path, log: Path, side: int, only: str | None, write: bool, commit: str | None
) -> None:
    """Make what LOG lacks, and print or write the page."""
    if only is not None:
        complete(only, photos, side, log)
        return
    for name in () if write else APPLICATIONS:
        if set(WANTED) - made(name, side, log):  # a process each: TensorFlow keeps its memory
            call = [sys.executable, __file__, str(photos), f"--log={log}", f"--side={side}"]
            subprocess.run([*call, f"--only={name}"], check=False)
    for row in () if write else read(log):
        if row.side == side and row.file and not (row.instructions or row.uncounted):
            append(log, counted(row))
    text = page([row for row in read(log) if row.side == side], side, photos, commit)
    if write:
        PAGE.write_text(text)
    else:
        print(text)


def complete(name: str, photos: Path, side: int, log: Path) -> None:
    """Append the rows of one network that the log lacks."""
    folder = log.with_suffix("") / name
    for row in rows(name, photos, side, set(WANTED) - made(name, side, log), folder):
        append(log, row)


def append(log: Path, row: Row) -> None:
    """Write ``row`` at the end of a log."""
    with log.open("a") as file:
        file.write(json.dumps(asdict(row)) + "\n")


def read(log: Path) -> list[Row]:
    """The rows of a log; what was written last of one stands."""
    lines = log.read_text().splitlines() if log.exists() else []
    found = [Row(**json.loads(line)) for line in lines]
    return list({(row.network, row.side, row.recipe, row.maker): row for row in found}.values())


def made(name: str, side: int, log: Path) -> set[tuple[str, str]]:
    """What the log has of one network: recipes and makers."""
    found = [row for row in read(log) if (row.network, row.side) == (name, side)]
    return {(row.recipe, row.maker) for row in found}


if __name__ == "__main__":
    main()
