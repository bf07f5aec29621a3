"""Make the golden contract of a ``.tflite`` file: run it on a few picture files and keep it all.

The tolerance is what another processor explains. Integer kernels give nearly the same bits
everywhere, but float kernels add in another order, and in a file with both a float that differs in
its last bit can round to the next integer. So it is the larger of two output steps and of 2 % of
the range of all expected outputs.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tflconv.core.files import sha256_bytes, sha256_file
from tflconv.errors import TflconvError, UsageError
from tflconv.model import pictures
from tflconv.model.card import ModelCard
from tflconv.model.golden import (
    VERSION,
    Contract,
    Golden,
    GoldenPreprocessing,
    GoldenTensor,
    Sample,
)
from tflconv.model.interpreter import Interpreter, TensorDetails

SHARE, STEPS = 0.02, 2

_SUFFIX = re.compile(r"\.[a-z0-9]{1,5}")


@dataclass(frozen=True, kw_only=True)
class GoldenPicture:
    """A picture to make a contract of.

    Attributes:
        name: What its dataset calls it.
        content: The file.
        label: Its class, where that is known.
    """

    name: str
    content: bytes
    label: str | None = None


def as_png(pixels: NDArray[np.uint8]) -> bytes:
    """Return pixels ``[height, width, channels]`` as a PNG file.

    Example:
        >>> as_png(np.zeros((4, 4, 1), np.uint8))[1:4]
        b'PNG'
    """
    buffer = BytesIO()
    squeezed = pixels[..., 0] if pixels.shape[2] == 1 else pixels
    Image.fromarray(squeezed).save(buffer, "PNG")
    return buffer.getvalue()


def make(file: Path, card: ModelCard, chosen: Sequence[GoldenPicture]) -> Golden:
    """Return the contract of ``file`` for the pictures that were ``chosen``.

    Args:
        file: The ``.tflite`` file.
        card: How pixels become inputs, and what outputs stand for.
        chosen: The pictures.

    Raises:
        UsageError: The model takes no picture, or gives no row of scores.
        TflconvError: A picture cannot be read, or an output is no number.
    """
    runtime = Interpreter(file, card=card)
    preprocessing = _preprocessing(runtime, card)
    (source,), outputs = runtime.inputs, runtime.outputs
    files, samples = dict[str, bytes](), list[Sample]()
    for index, picture in enumerate(chosen):
        stored = source.quantize(_normalized(picture, preprocessing))
        scores = runtime.predict(source.dequantize(stored)[np.newaxis])[0]
        if not np.isfinite(scores).all():
            raise TflconvError(f"{file.name} answers {picture.name} with NaN or infinite scores.")
        sample = _sample(index, picture, stored.tobytes(), scores)
        files |= {sample.picture: picture.content, sample.input: stored.tobytes()}
        samples.append(sample)
    return Golden(
        contract=Contract(
            version=VERSION,
            model=file.name,
            model_sha256=sha256_file(file),
            input=_tensor(source),
            output=_tensor(outputs[0]),
            preprocessing=preprocessing,
            tolerance=_tolerance(samples, outputs[0]),
            samples=tuple(samples),
            labels=card.labels,
            outputs=card.outputs,
        ),
        files=files,
    )


def _preprocessing(runtime: Interpreter, card: ModelCard) -> GoldenPreprocessing:
    height, width, channels = runtime.picture_shape
    if channels not in (1, 3):
        raise UsageError(f"{runtime.path} takes {channels} channels, which no picture file has.")
    normal = card.normalization
    colour = "grey (ITU-R 601 luma)" if channels == 1 else "RGB"
    scaled = {
        "crop": "scale until the size is filled and keep the middle",
        "pad": "scale until all fits and add black borders",
        "stretch": "scale both sides separately",
    }
    resize = card.resize or "crop"
    source = runtime.inputs[0]
    last = "" if source.scale is None else f", then q = round(x / {source.scale:.9g})"
    bgr = normal.channel_order == "bgr"
    return GoldenPreprocessing(
        height=height,
        width=width,
        channels=channels,
        resize=resize,
        channel_order=normal.channel_order,
        mean=normal.mean,
        std=normal.std,
        steps=(
            f"decode, turn as EXIF says, make it {colour}, transparency over white",
            f"{scaled[resize]}: {width} wide, {height} high, bilinear with antialiasing",
            *(["swap red and blue"] if bgr else []),
            f"x = (pixel - mean) / std in float32{last}"
            + ("" if source.scale is None else f" + {source.zero_point}, kept in {source.dtype}"),
            "rows from the top, pixels from the left, the channels of a pixel together",
        ),
    )


def _normalized(picture: GoldenPicture, how: GoldenPreprocessing) -> NDArray[np.float32]:
    try:
        pixels = how.view.shape(pictures.decode(picture.content))
    except pictures.UnreadablePicture as error:
        raise TflconvError(f"the picture {picture.name} cannot be read: {error}.") from error
    return how.normalization.apply(pixels)


def _sample(
    index: int, picture: GoldenPicture, content: bytes, scores: NDArray[np.float32]
) -> Sample:
    suffix = PurePosixPath(picture.name).suffix.lower()
    return Sample(
        name=picture.name,
        picture=f"pictures/{index}{suffix if _SUFFIX.fullmatch(suffix) else '.png'}",
        input=f"inputs/{index}.bin",
        input_sha256=sha256_bytes(content),
        expected=tuple(float(str(score)) for score in scores),
        label=picture.label,
    )


def _tensor(details: TensorDetails) -> GoldenTensor:
    return GoldenTensor(
        shape=details.shape,
        dtype=details.dtype,
        scale=details.scale,
        zero_point=details.zero_point,
    )


def _tolerance(samples: Sequence[Sample], output: TensorDetails) -> float:
    values = np.array([sample.expected for sample in samples])
    spread = float(np.ptp(values)) or float(np.abs(values).max(initial=0.0))
    return float(f"{max(SHARE * spread, STEPS * (output.scale or 0.0)):.6g}")
