"""A small colour model, its golden contract, and apps that make inputs of the pictures wrongly.

Not a test module. The mistakes are written here once more, by hand, so that what looks for them
is not judged by its own code.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from tiny_graphs import FLOAT, INT8, Builder, dense

from tflconv.model import golden_making
from tflconv.model.card import ModelCard, embed_card
from tflconv.model.golden import Golden
from tflconv.model.golden_making import GoldenPicture
from tflconv.model.interpreter import Interpreter
from tflconv.model.normalization import Normalization

SIDE = 16
NORMAL = Normalization(mean=(120.0, 115.0, 100.0), std=(60.0, 58.0, 57.0))
CARD = ModelCard(
    model="colours",
    labels=("a", "b", "c", "d"),
    input_shape=(SIDE, SIDE, 3),
    normalization=NORMAL,
    resize="crop",
    outputs="logits",
)
SCALE, ZERO = 0.05, 3
OUTPUT = 0.02

Make = Callable[[bytes], np.ndarray]


def model(path: Path, kind: str) -> Path:
    """A network of two dense layers over 16 x 16 colour pixels, in float or int8."""
    build, dtype = Builder(), FLOAT if kind == "float32" else INT8
    shape = (1, SIDE, SIDE, 3)
    if dtype == FLOAT:
        source = build.tensor(shape)
        hidden = dense(build, source, SIDE * SIDE * 3, 24, relu=True)
    else:
        source = build.tensor(shape, INT8, scale=SCALE, zero_point=ZERO)
        hidden = _int8(build, source, SIDE * SIDE * 3, 24, 0.06)
    result = dense(build, hidden, 24, 4) if dtype == FLOAT else _int8(build, hidden, 24, 4, OUTPUT)
    build.write(path, [source], [result])
    embed_card(path, CARD)
    return path


def _int8(build: Builder, source: int, inputs: int, outputs: int, scale: float) -> int:
    random = np.random.default_rng(inputs + outputs)
    weights = random.integers(-127, 128, (outputs, inputs))
    kernel = build.tensor((outputs, inputs), INT8, scale=0.001, values=weights)
    bias = build.tensor((outputs,), 2, scale=0.001 * SCALE, values=np.zeros(outputs))
    output = build.tensor((1, outputs), INT8, scale=scale)
    build.op("FULLY_CONNECTED", [source, kernel, bias], [output])
    return output


def picture(seed: int, *, width: int = 52, height: int = 36, orientation: int = 1) -> bytes:
    """A colourful picture with large shapes and fine grain, as a PNG with an EXIF orientation."""
    random = np.random.default_rng(seed)
    coarse = random.integers(0, 256, (4, 6, 3), np.uint8)
    image = Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)
    grain = random.integers(-40, 41, (height, width, 3))
    pixels = np.clip(np.asarray(image, np.int64) + grain, 0, 255).astype(np.uint8)
    pixels[..., 2] //= 2  # so that swapped colours show
    exif = Image.Exif()
    exif[0x0112] = orientation
    buffer = BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG", exif=exif)
    return buffer.getvalue()


def contract(file: Path, count: int = 3) -> Golden:
    """The golden contract of ``file``; the last of its pictures lies on its side."""
    chosen = [
        GoldenPicture(
            name=f"{index}.png",
            content=picture(index, orientation=6 if index == count - 1 else 1),
            label="abcd"[index % 4],
        )
        for index in range(count)
    ]
    return golden_making.make(file, CARD, chosen)


def upright(content: bytes) -> Image.Image:
    from PIL import ImageOps

    return ImageOps.exif_transpose(Image.open(BytesIO(content))).convert("RGB")


def cropped(image: Image.Image, method: Image.Resampling = Image.Resampling.BILINEAR) -> np.ndarray:
    side = min(image.size)
    left, top = (image.width - side) / 2, (image.height - side) / 2
    box = (left, top, left + side, top + side)
    return np.asarray(image.resize((SIDE, SIDE), method, box))


def normalized(pixels: np.ndarray) -> np.ndarray:
    mean, std = np.float32(NORMAL.mean), np.float32(NORMAL.std)
    return (pixels.astype(np.float32) - mean) / std


def quantized(values: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(values / np.float32(SCALE)) + ZERO, -128, 127).astype(np.int8)


def log(
    golden: Golden,
    file: Path,
    target: Path,
    make: Make,
    *,
    hashed: bool = True,
    exact: bool = True,
    read: Callable[[np.ndarray], np.ndarray] = lambda outputs: outputs,
) -> Path:
    """Write what an app logs that makes its inputs by ``make`` and reads outputs by ``read``."""
    runtime = Interpreter(file)
    lines = []
    for index, sample in enumerate(golden.contract.samples):
        stored = np.ascontiguousarray(make(golden.files[sample.picture]))
        line: dict[str, Any] = {
            "picture": sample.picture,
            "outputs": _numbers(read(_answer(runtime, stored))),
        }
        if hashed:
            line["input_sha256"] = hashlib.sha256(stored.tobytes()).hexdigest()
        if exact:
            line["golden_outputs"] = _numbers(read(golden.expected[index]))
        lines.append(json.dumps(line))
    target.write_text("\n".join(lines) + "\n")
    return target


def _answer(runtime: Interpreter, stored: np.ndarray) -> np.ndarray:
    values = runtime.inputs[0].dequantize(stored)
    return runtime.predict(np.nan_to_num(values)[np.newaxis])[0]


def _numbers(values: Sequence[float] | np.ndarray) -> list[float]:
    return [float(value) for value in values]
