"""One small sound file of each kind that others make, how it is damaged, and what is done with it.

What is done is what the commands do without TensorFlow; ``tests/nightly`` adds what needs it.
"""

from __future__ import annotations

import contextlib
import gzip
import io
import json
import os
import pickle
import random
import shutil
import tarfile
import tempfile
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from PIL import Image
from rich.console import Console

from fakes import device
from fakes import structured_mutants as inside
from fakes.inspecting import inspect_whole
from fakes.mutant_runs import Kind
from fakes.mutants import disordered, mutant
from tflconv import data, results
from tflconv.benchmark import harness, parts
from tflconv.conversion import description
from tflconv.data import cifar, idx, locating
from tflconv.data.labels import read_labels
from tflconv.device.interface import Completed
from tflconv.model import card, golden, golden_making, keras_file, pictures
from tflconv.model.door import Door
from tflconv.model.interpreter import Interpreter
from tflconv.pipeline import plan
from tflconv.report import export, html, tables
from tflconv.tflite import reading
from tflconv.training.state import State, StateFile
from tflconv.verification import app_log

Use = Callable[[Path], object]
HERE = Path(__file__).parents[1]
MODEL = HERE / "golden" / "models" / "tiny_int8.tflite"
RESULTS = HERE / "golden" / "report" / "results.json"
PLAN = Path(plan.__file__).parents[1] / "demo.toml"
EPOCH = {
    "epoch": 1, "learning_rate": 0.1, "loss": 1.0, "validation_accuracy": 0.5,
    "validation_loss": 1.5,
}  # fmt: skip


def picture(seed: int, kind: str = "PNG", mode: str = "RGB") -> bytes:
    shape = (12, 12, 3) if mode == "RGB" else (12, 12)
    pixels = np.random.default_rng(seed).integers(0, 256, shape, np.uint8)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, kind)
    return stream.getvalue()


def zipped(members: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return stream.getvalue()


def members_of(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def tarred(members: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return stream.getvalue()


PICTURES = {f"{label}/{n}.png": picture(n) for n in range(5) for label in ("cat", "dog")}

CONFIG = {
    "class_name": "Sequential",
    "config": {
        "name": "small",
        "layers": [
            {
                "class_name": "InputLayer",
                "config": {"batch_input_shape": [None, 4], "dtype": "float32", "name": "x"},
            },
            {
                "class_name": "Dense",
                "config": {
                    "name": "dense", "units": 3, "activation": "relu", "use_bias": True,
                    "kernel_initializer": {"class_name": "GlorotUniform", "config": {"seed": 1}},
                    "bias_initializer": "zeros", "kernel_regularizer": None,
                },
            },
        ],
    },
}  # fmt: skip


def hdf5(*, config: bool) -> bytes:
    stream = io.BytesIO()
    with h5py.File(stream, "w") as file:
        if config:
            file.attrs["model_config"] = json.dumps(CONFIG)
            file.attrs["keras_version"] = "2.15.0"
        weights = file.create_group("model_weights/dense/dense")
        weights["kernel:0"] = np.ones((4, 3), np.float32)
        weights.create_dataset("bias:0", data=np.ones(3, np.float32), compression="gzip")
    return stream.getvalue()


KERAS = {
    "metadata.json": json.dumps({"keras_version": "2.15.0"}).encode(),
    "config.json": json.dumps(CONFIG).encode(),
    "model.weights.h5": hdf5(config=False),
}


def numpy_file() -> bytes:
    stream = io.BytesIO()
    np.save(stream, np.zeros((3, 4, 4, 1), np.float32))
    return stream.getvalue()


def numpy_archive() -> bytes:
    stream = io.BytesIO()
    np.savez(stream, a=np.zeros((3, 4), np.float32), b=np.ones(3, np.int64))
    return stream.getvalue()


def checkpoint() -> bytes:
    stream = io.BytesIO()
    header = json.dumps({"key": "key", "history": [EPOCH]})
    np.savez(stream, header, np.zeros((3, 4), np.float32), np.ones((), np.int64))
    return stream.getvalue()


def few_results() -> bytes:
    value = json.loads(RESULTS.read_text())
    value["runs"] = value["runs"][:3]
    return json.dumps(value).encode()


def cifar_batch(count: int) -> bytes:
    draw = np.random.default_rng(count)
    pixels = draw.integers(0, 256, (count, 3072), np.uint8)
    return pickle.dumps({b"data": pixels, b"labels": [1] * count}, protocol=2)


def report(path: Path) -> None:
    found = results.load(path)
    results.merge([found, found])
    repr(found)
    export.to_csv(found).encode()
    export.to_markdown(found).encode()
    export.to_json(found).encode()
    tables.print_results(found, Console(file=io.StringIO(), width=200))
    if path.stat().st_size % 16 == 0:  # the slow part, for some
        html.to_html(found).encode()


def infer(path: Path) -> None:
    """Run the model once, unless its inputs are too large to be worth it."""
    model = Interpreter(path)
    if sum(np.prod(tensor.shape, dtype=float) for tensor in model.inputs) < 1 << 20:
        model.run([np.zeros(tensor.shape, np.float32) for tensor in model.inputs])


def resume(path: Path) -> None:
    state = StateFile(path=path, key="key").load()
    assert state is None or isinstance(state, State)


def load_pictures(path: Path) -> None:
    dataset = data.load(path, resolution=8)
    assert len(dataset.train)
    assert len(dataset.test.images)
    shutil.rmtree(os.environ["TFLCONV_CACHE_DIR"], ignore_errors=True)


def load_table(path: Path) -> None:
    for name, content in PICTURES.items():
        target = path.parent / "table" / name
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
    shutil.copyfile(path, path.parent / "table" / "labels.csv")
    load_pictures(path.parent / "table" / "labels.csv")


def look(path: Path) -> None:
    view = pictures.View(size=(8, 8), channels=3)
    with contextlib.suppress(pictures.UnreadablePicture):
        view.shape(pictures.decode(path.read_bytes()))


def look_behind_the_door(path: Path) -> None:
    file = keras_file.read(path)
    config = Door(source=str(path), custom=set()).checked(file.config)
    with keras_file.clean_copy(file, config) as copy:
        assert copy.elements >= 0


def golden_contract() -> bytes:
    """A contract of the small model and two pictures."""
    own = card.require_card(MODEL)
    chosen = [
        golden_making.GoldenPicture(name=f"{n}.png", content=picture(n), label="one")
        for n in range(2)
    ]
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "m.golden.zip"
        return golden.write(golden_making.make(MODEL, own, chosen), target).read_bytes()


def take_golden(path: Path) -> None:
    found = golden.read(path)
    assert len(found.values) == len(found.expected) == len(found.answers)
    for name in found.names:
        look(_kept(path, found.files[name]))


def read_app_log(path: Path) -> None:
    app_log.read(path, golden.read(_kept(path, GOLDEN)))


def _kept(path: Path, content: bytes) -> Path:
    target = path.parent / "kept"
    target.write_bytes(content)
    return target


def find_described(path: Path, name: str) -> None:
    folder = path.parent / "data" / "mnist"
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(path, folder / name)
    os.environ[locating.VARIABLE] = str(folder.parent)
    locating.find("mnist")


def hear(path: Path) -> None:
    words = Completed(returncode=0, stdout=path.read_text(errors="replace"), stderr="")
    output = harness.read_output(words, subject="m.tflite on host")
    parts.latency([output])
    parts.cpu([output], output)
    parts.memory(output)
    parts.graph(output, timed=True)
    parts.instructions([output])
    parts.series(output)
    list(parts.warnings(output))


MANIFEST = {
    "name": "digits", "classes": ["0", "1"], "image_shape": [28, 28, 1], "images": 20,
    "split": {"train": 10, "test": 10}, "licence": "CC0",
    "files": [{"path": "train-images-idx3-ubyte.gz", "sha256": "0" * 64, "bytes": 9}],
}  # fmt: skip
GOLDEN = golden_contract()
LOGGED = {"input_sha256": "0" * 64, "outputs": [0.1, 0.2, 0.7]}
APP_LOG = b"".join(
    json.dumps({"picture": f"pictures/{n}.png"} | LOGGED).encode() + b"\n" for n in range(2)
)
LINES = [
    device.HELLO, device.INIT, device.samples(1, 2, phase="warmup"), device.samples(3, 4),
    device.CPU, device.MEMORY, device.OPS, device.END,
]  # fmt: skip
BEFORE_CARD = MODEL.read_bytes().index(b"PK\x03\x04")
IDX = idx.encode(np.zeros((3, 4, 4), np.uint8))
TABLE = "file,label,split\n" + "".join(f"{name},{name[:3]},train\n" for name in PICTURES)
CIFAR = {f"b/{name}": cifar_batch(2) for name in ("data_batch_1", "test_batch")}


def _anywhere(original: bytes, number: int) -> bytes:
    return (mutant if number % 2 else disordered)(original, number)


def _card(original: bytes, number: int) -> bytes:
    return inside.of_zip(_json_or_bytes, start=BEFORE_CARD)(original, number)


def _kind(
    name: str, sound: bytes, damage: inside.Mutate, use: Use, suffix: str = "", **more: bool
) -> Kind:
    suffix = suffix or f".{name}"
    return Kind(name=name, suffix=suffix, sound=sound, damage=damage, use=use, **more)


def _pictures() -> list[Kind]:
    kinds = ("png", "jpeg", "gif", "bmp", "tiff", "webp", "ppm", "ico", "tga")
    return [_kind(kind, picture(1, kind.upper()), mutant, look) for kind in kinds]


def _archives() -> list[Kind]:
    tar = tarred(PICTURES)
    packed = [
        _kind(
            f"tar.{kind}".rstrip("."), inside.PACKERS[kind][1](tar),
            inside.packed(kind, inside.of_tar(mutant)), load_pictures,
        )
        for kind in inside.PACKERS
    ]  # fmt: skip
    return [_kind("zip", zipped(PICTURES), inside.of_zip(mutant), load_pictures), *packed]


def _lines(original: bytes, number: int) -> bytes:
    """Change what a harness printed, line by line."""
    whole = b"[" + b",".join(original.splitlines()) + b"]"
    try:
        return _as_lines(json.loads(inside.of_json(whole, number)))
    except (ValueError, RecursionError, TypeError):
        return mutant(original, number)


def _as_lines(lines: list[Any]) -> bytes:
    return b"".join(json.dumps(line, separators=(",", ":")).encode() + b"\n" for line in lines)


def _json_or_bytes(content: bytes, number: int) -> bytes:
    return (inside.of_json if content[:1] in b"{[" else mutant)(content, number)


KINDS: tuple[Kind, ...] = (
    _kind("tflite", MODEL.read_bytes(), _anywhere, reading.read),
    _kind("tflite inspected", MODEL.read_bytes(), _anywhere, inspect_whole, ".tflite"),
    _kind("tflite run", MODEL.read_bytes(), _anywhere, infer, ".tflite", walled=True),
    _kind("card", MODEL.read_bytes(), _card, card.read_card, ".tflite"),
    _kind("results", few_results(), inside.of_json, report, ".json"),
    _kind("plan", PLAN.read_bytes(), inside.of_toml, plan.load, ".toml"),
    _kind("training state", checkpoint(), inside.of_zip(mutant), resume, ".state"),
    _kind("idx", IDX, mutant, idx.read, "-idx3-ubyte"),
    _kind("idx.gz", gzip.compress(IDX), inside.packed("gz", mutant), idx.read),
    *_archives(),
    _kind(
        "cifar", gzip.compress(tarred(CIFAR), 1), inside.packed("gz", inside.of_tar(mutant)),
        cifar.read, ".tar.gz",
    ),
    *_pictures(),
    _kind("table of labels", TABLE.encode(), inside.of_text, load_table, ".csv"),
    _kind("labels", b"cat\ndog\nfish\n", inside.of_text, read_labels, ".txt"),
    _kind("npy", numpy_file(), mutant, lambda path: description.calibration(str(path), None)),
    _kind(
        "npz", numpy_archive(), inside.of_zip(mutant),
        lambda path: description.calibration(str(path), None),
    ),
    _kind("keras", zipped(KERAS), inside.of_zip(_json_or_bytes), look_behind_the_door, walled=True),
    _kind("golden contract", GOLDEN, inside.of_zip(_json_or_bytes), take_golden, ".golden.zip"),
    _kind("log of an app", APP_LOG, _lines, read_app_log, ".jsonl"),
    _kind("h5", hdf5(config=True), mutant, look_behind_the_door, walled=True),
    _kind(
        "manifest", json.dumps(MANIFEST).encode(), inside.of_json,
        partial(find_described, name=locating.MANIFEST), ".json",
    ),
    _kind(
        "record of downloads", b'{"a": "0"}', inside.of_json,
        partial(find_described, name=locating.RECORD), ".json",
    ),
    _kind(
        "words of the harness", _as_lines(LINES), _lines, hear,
    ),
)  # fmt: skip


def numbers(seed: int, count: int) -> list[int]:
    """Numbers of ``count`` mutants, other ones for another ``seed``."""
    return random.Random(seed).sample(range(1 << 40), count)
