"""Measure other converters on networks of ours: ``python record.py --help``.

FOLDER takes all files (some 300 MB), PYTHON is the interpreter of the environment that
requirements.txt describes, NAMES are networks, by default all. ``--own`` makes and measures
tflconv's own files again beside what is recorded, which takes no other environment. Pictures are
from ``$TFLCONV_DATA_DIR``, trained networks from this repository and ``$TFLCONV_MODEL_DIR``. Writes
measured.json; ``python tables.py`` then writes the table of the README.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np
from ai_edge_litert.interpreter import Interpreter
from litert_quantizer import quantizer, recipe
from litert_quantizer.utils import tfl_interpreter_utils

import tflconv
from tflconv import data, models
from tflconv.core.files import write_json
from tflconv.core.tensorflow import keras2, tf
from tflconv.model.normalization import NAMED
from tflconv.models import layers  # noqa: F401 - registers them with Keras

HERE = Path(__file__).parent
CORES = ("cortex-a76", "neoverse-n2")
SAMPLES = 100
FILTERS = ("FULLY_CONNECTED", "CONV_2D", "DEPTHWISE_CONV_2D")


@dataclass(frozen=True, kw_only=True)
class Case:
    """A network of the registry, how it is made, and how many pictures it is asked."""

    model: str
    options: dict[str, Any]
    classes: int
    make: Callable[[], Any]
    pictures: Callable[[], np.ndarray]
    asked: int


@click.command()
@click.option("--rounds", default=200, show_default=True, help="Times of this host; 0 for none.")
@click.option("--own", is_flag=True, help="Only tflconv's files again; PYTHON is left alone.")
@click.argument("folder", type=click.Path(path_type=Path))
@click.argument("python")
@click.argument("names", nargs=-1)
def main(rounds: int, own: bool, folder: Path, python: str, names: tuple[str, ...]) -> None:
    """Record the networks called NAMES. Times need a computer that does nothing else."""
    output = HERE / "measured.json"
    recorded = json.loads(output.read_text(encoding="utf-8")) if output.exists() else {}
    for name in names or CASES:
        place = folder / name
        place.mkdir(parents=True, exist_ok=True)
        prepare(CASES[name], place)
        if own:
            recorded[name] = renewed(place, recorded[name])
            write_json(output, recorded)
            continue
        path = os.pathsep.join([str(HERE.parents[1] / "converter"), str(HERE)])
        environment = os.environ | {"PYTHONPATH": path}
        command = [python, HERE / "outside.py", place, str(rounds)]
        subprocess.run(command, env=environment, check=True)
        recorded[name] = collect(place)
        write_json(output, recorded)


def prepare(case: Case, folder: Path) -> None:
    """Write the network, its pictures, and the ``.tflite`` files of all that make some."""
    if (folder / "network.json").exists():
        return
    model, pictures = case.make(), case.pictures().astype(np.float32)
    samples, asked = pictures[:SAMPLES], pictures[SAMPLES : SAMPLES + case.asked]
    weights = {
        f"{layer.name}|{place:02}": array
        for layer in model.layers
        for place, array in enumerate(layer.get_weights())
    }
    np.savez(folder / "weights.npz", **weights)
    np.save(folder / "samples.npy", samples)
    np.save(folder / "asked.npy", asked)
    floats = by_converter(model, folder, samples)
    by_quantizer(floats, folder, samples)
    by_tflconv(model, folder, samples)
    plan = {"model": case.model, "options": case.options, "classes": case.classes}
    write_json(folder / "network.json", plan)


def by_converter(model: Any, folder: Path, samples: np.ndarray) -> bytes:
    """TFLiteConverter: float and full INT8. Returns the float file."""
    call = tf.function(model).get_concrete_function(tf.TensorSpec((1, *samples.shape[1:])))

    def converter() -> Any:
        return tf.lite.TFLiteConverter.from_concrete_functions([call], model)

    floats: bytes = converter().convert()
    (folder / "TFLiteConverter-fp32.tflite").write_bytes(floats)
    static = converter()
    static.optimizations = [tf.lite.Optimize.DEFAULT]
    static.representative_dataset = lambda: ([sample[np.newaxis]] for sample in samples)
    static.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    static.inference_input_type = static.inference_output_type = tf.int8
    (folder / "TFLiteConverter-static.tflite").write_bytes(static.convert())
    return floats


def by_quantizer(floats: bytes, folder: Path, samples: np.ndarray) -> None:
    """litert-quantizer: its recipes, and filters alone in INT8, which a user writes by hand."""
    static = recipe.static_wi8_ai8()
    chosen = [dict(static[0], operation=kind) for kind in FILTERS]
    recipes = {"dynamic": recipe.dynamic_wi8_afp32(), "static": static, "selective": chosen}
    runtime = tfl_interpreter_utils.create_tfl_interpreter(floats)
    ((signature, ends),) = runtime.get_signature_list().items()
    pictures = [{ends["inputs"][0]: sample[np.newaxis]} for sample in samples]
    for title, settings in recipes.items():
        tool = quantizer.Quantizer(floats, settings)
        ranges = tool.calibrate({signature: pictures}) if tool.need_calibration else None
        made = tool.quantize(ranges).quantized_model
        assert made is not None
        (folder / f"litert-quantizer-{title}.tflite").write_bytes(made)


def by_tflconv(model: Any, folder: Path, samples: np.ndarray) -> None:
    """tflconv: recipe ``auto``."""
    source = folder / "model.keras"
    model.save(source)
    np.save(folder / "calibration.npy", samples)
    made = tflconv.convert(source, ["fp32", "auto"], folder, calibration=samples)
    for file, title in zip(made, ("fp32", "auto"), strict=True):
        file.replace(folder / f"tflconv-{title}.tflite")


def collect(folder: Path) -> list[dict[str, Any]]:
    """The figures of all files of one network."""
    outside = json.loads((folder / "outside.json").read_text(encoding="utf-8"))
    answers = np.load(folder / "answers.npz")
    expected = answers["TFLiteConverter-fp32.tflite"]
    counted = instructions(sorted(folder.glob("*.tflite")))
    rows = [
        figures(folder / name, expected, answers[name], counted.get(name), outside["seconds"][name])
        for name in answers.files
    ]
    return rows + [{"file": name, "failed": why} for name, why in outside["failed"].items()]


def renewed(folder: Path, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """``rows`` with those of tflconv's files by today's code, which are not timed."""
    files = sorted(folder.glob("tflconv-*.tflite"))
    counted, expected = instructions(files), answered(folder / "TFLiteConverter-fp32.tflite")
    new = {
        file.name: figures(file, expected, answered(file), counted[file.name], []) for file in files
    }
    return [new.get(row["file"], row) for row in rows]


def answered(file: Path) -> np.ndarray:
    """What a file with float ends answers to the pictures beside it."""
    runtime = Interpreter(str(file), num_threads=1)
    runtime.allocate_tensors()
    (source,), (target,) = runtime.get_input_details(), runtime.get_output_details()
    answers = []
    for picture in np.load(file.parent / "asked.npy"):
        runtime.set_tensor(source["index"], picture[np.newaxis])
        runtime.invoke()
        answers.append(runtime.get_tensor(target["index"]))
    return np.concatenate(answers)


def figures(
    file: Path,
    expected: np.ndarray,
    received: np.ndarray,
    counted: dict[str, int] | None,
    seconds: list[float],
) -> dict[str, Any]:
    """What is told of one file."""
    lengths = np.linalg.norm(expected, axis=1) * np.linalg.norm(received, axis=1)
    cosines = (expected * received).sum(axis=1) / lengths
    return {
        "file": file.name,
        "bytes": file.stat().st_size,
        "instructions": counted,
        "host_ms": shortest(seconds),
        "pictures": len(received),
        "agree": int((expected.argmax(1) == received.argmax(1)).sum()),
        "cosine": {"mean": round(float(cosines.mean()), 5),
                   "least": round(float(cosines.min()), 5)},
    }  # fmt: skip


def shortest(seconds: list[float]) -> float | None:
    """In milliseconds; None where nothing was timed."""
    return round(1000 * min(seconds), 3) if seconds else None


def instructions(files: list[Path]) -> dict[str, dict[str, int]]:
    """Instructions of one inference on emulated cores, by file."""
    found: dict[str, dict[str, int]] = {}
    cores = [f"arm64:{core}" for core in CORES]
    for file in files:
        results = tflconv.bench(file, cores, min_secs=0, num_runs=1, history=None)
        found[file.name] = {
            run.device.id.partition(":")[2]: round(run.instructions.total)
            for run in results.runs
            if run.instructions is not None
        }
    return found


def digits() -> np.ndarray:
    """Digits of MNIST at 32 px, in colour, as the network was trained with them."""
    dataset = data.load("mnist", resolution=32, channels=3)
    images = np.concatenate([dataset.train.images[:SAMPLES], dataset.test.images[:2000]])
    return NAMED["-1..1"].apply(images)


def photographs(side: int) -> Callable[[], np.ndarray]:
    """Small photographs of CIFAR-10, enlarged."""

    def load() -> np.ndarray:
        dataset = data.load("cifar-10")
        images = np.concatenate([dataset.train.images[:SAMPLES], dataset.test.images[:2000]])
        values = NAMED["-1..1"].apply(images)
        return values if side == 32 else np.asarray(tf.image.resize(values[:200], (side, side)))

    return load


def opened(path: Path) -> Callable[[], Any]:
    """How to open a trained model."""
    return lambda: keras2.models.load_model(path, compile=False)


def drawn_mobilenet() -> Any:
    """MobileNetV2 with random weights, normalized by what its layers see."""
    sys.path.append(str(HERE.parents[1] / "tests" / "figures"))
    from random_model import randomize

    model = models.build("mobilenet_v2", (224, 224, 3), 100, alpha=1.0)
    randomize(model)
    for layer in model.layers:
        if hasattr(layer, "momentum"):
            layer.momentum = 0.0
    model(photographs(224)()[:16], training=True)
    return model


def drawn_transformer() -> Any:
    """DeiT's shape with random weights, as docs/recipes.md has it."""
    sys.path.append(str(HERE.parents[1] / "tests" / "figures"))
    from faithful import build

    return build(197, 0)


TRAINED = Path(os.environ.get("TFLCONV_MODEL_DIR", "models"))
CASES = {
    "vit-mnist": Case(
        model="vit", options={"patch": 4, "dim": 96, "depth": 6, "heads": 3}, classes=10,
        make=opened(HERE.parent / "mobile-vit" / "int8-vit" / "models" / "vit-mnist.keras"),
        pictures=digits, asked=500,
    ),
    "resnet20-cifar-10": Case(
        model="resnet", options={}, classes=10,
        make=opened(TRAINED / "resnet20-cifar-10.keras"), pictures=photographs(32), asked=500,
    ),
    "mobilenet_v2": Case(
        model="mobilenet_v2", options={"alpha": 1.0}, classes=100,
        make=drawn_mobilenet, pictures=photographs(224), asked=64,
    ),
    "deit-tiny": Case(
        model="vit", options={"patch": 16, "dim": 192, "depth": 12, "heads": 3, "mlp_ratio": 4.0},
        classes=100, make=drawn_transformer, pictures=photographs(224), asked=64,
    ),
}  # fmt: skip

if __name__ == "__main__":
    main()
