"""Ways in which an app may make the input of a picture: the right one, and those that go wrong.

A way is one variation of each step: decode and turn, bring to size, order colours, normalize,
store. The first variation of a step is what the contract says; the others are mistakes that apps
make. Whatever changes no byte of the input is no mistake that could be seen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from io import BytesIO
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tflconv.model import pictures
from tflconv.model.golden import Golden, GoldenPreprocessing
from tflconv.model.interpreter import Stored, TensorDetails
from tflconv.model.normalization import NAMED, Normalization
from tflconv.verification.app_scaling import KINDS, SCALES, place

Stage = Literal[
    "rotation", "crop", "resize", "colour order", "normalization", "quantization", "byte order"
]
Pixels = NDArray[np.uint8]
Floats = NDArray[np.float32]

_KEPT, _KEPT_PIXELS = 8, 8 << 20
"""Number of decoded pictures that are kept, and the size beyond which none is."""

_ORIENTATION = 0x0112
_T = Image.Transpose
_BACK = {
    2: _T.FLIP_LEFT_RIGHT, 3: _T.ROTATE_180, 4: _T.FLIP_TOP_BOTTOM, 5: _T.TRANSPOSE,
    6: _T.ROTATE_90, 7: _T.TRANSVERSE, 8: _T.ROTATE_270,
}  # fmt: skip
"""What undoes that a picture was put upright, by its EXIF orientation."""

_TURNS = {
    "the picture is turned by 90 degrees counterclockwise": _T.ROTATE_90,
    "the picture is upside down": _T.ROTATE_180,
    "the picture is turned by 90 degrees clockwise": _T.ROTATE_270,
    "the picture is mirrored": _T.FLIP_LEFT_RIGHT,
}

_NORMALIZATIONS = {
    "pixels become 0..1": NAMED["0..1"],
    "pixels become -1..1": NAMED["-1..1"],
    "pixels stay 0..255": NAMED["in-model"],
    "pixels become (pixel - 128) / 128": Normalization(mean=(128.0,), std=(128.0,)),
    "the means of Caffe's networks are taken off": Normalization(
        mean=(123.68, 116.779, 103.939), std=(1.0,)
    ),
    "mean and deviation are those of ImageNet": Normalization(
        mean=(123.675, 116.28, 103.53), std=(58.395, 57.12, 57.375)
    ),
}


@dataclass(frozen=True, kw_only=True)
class AppMistake:
    """One mistake.

    Attributes:
        stage: Where it is made.
        told: What the app does.
    """

    stage: Stage
    told: str


@dataclass(frozen=True, kw_only=True)
class Way:
    """How an app makes inputs; what is None is right.

    Attributes:
        turn: How the picture is turned.
        kind: ``crop``, ``pad``, ``stretch`` or ``centre``.
        scale: How pixels are scaled.
        colour: How channels are changed.
        normalization: How pixels become numbers.
        store: How numbers become bytes.
        faults: What of it is wrong.
    """

    turn: str | None = None
    kind: str | None = None
    scale: str | None = None
    colour: str | None = None
    normalization: str | None = None
    store: str | None = None
    faults: tuple[AppMistake, ...] = ()

    def with_fault(self, step: str, name: str, stage: Stage, words: str) -> Way | None:
        """Return this way with one more mistake; None if that step has one already."""
        if getattr(self, step) is not None:
            return None
        fault = AppMistake(stage=stage, told=words)
        return replace(self, **{step: name}, faults=(*self.faults, fault))


class Inputs:
    """The inputs that ways make of the pictures of a contract.

    Args:
        golden: The contract.
    """

    def __init__(self, golden: Golden) -> None:
        self._golden = golden
        self._how: GoldenPreprocessing = golden.contract.preprocessing
        self._tensor: TensorDetails = golden.contract.input.details
        self._decoded: dict[int, Image.Image] = {}
        self._scaled: dict[tuple[int, str | None, str | None, str | None, bool], Pixels] = {}

    def of(self, index: int, way: Way) -> Stored:
        """Return the input that ``way`` makes of a picture, ``[height, width, channels]``."""
        pixels = self._pixels(index, way)
        if way.colour is not None:
            pixels = _COLOURS[way.colour](pixels)
        normal = self._normalization(way)
        if way.store is None:
            return self._tensor.quantize(normal.apply(pixels))
        return _STORES[way.store](pixels, normal.apply(pixels), self._tensor)

    def further(self, way: Way) -> Iterator[Way]:
        """Yield ``way`` with each single mistake more, the likeliest first."""
        for step, name, stage, words in self._mistakes:
            faulty = way.with_fault(step, name, stage, words)
            if faulty is not None:
                yield faulty

    @cached_property
    def _mistakes(self) -> list[tuple[str, str, Stage, str]]:
        how, stores = self._how, [*_stores(self._tensor)]
        grey = how.channels == 1
        return [
            *(("colour", name, "colour order", name) for name in (_GREY if grey else _COLOUR)),
            *(
                ("normalization", name, "normalization", f"{name}, not {_formula(how)}")
                for name, other in _NORMALIZATIONS.items()
                if max(len(other.mean), len(other.std)) in (1, how.channels)
            ),
            *(("kind", kind, "crop", words) for kind, words in KINDS.items() if kind != how.resize),
            *(("scale", name, "resize", f"pixels are scaled {name}") for name in SCALES),
            *(("turn", name, "rotation", name) for name in (_IGNORED, *_TURNS)),
            *(("store", name, stage, name) for name, stage in stores),
        ]

    def _pixels(self, index: int, way: Way) -> Pixels:
        key = (index, way.turn, way.kind, way.scale, way.colour in _GREY)
        if key not in self._scaled:
            image = self._decode(index)
            if way.turn is not None:
                image = _turned(image, self._content(index), way.turn)
            self._scaled[key] = self._shaped(image, way)
        return self._scaled[key]

    def _content(self, index: int) -> bytes:
        return self._golden.files[self._golden.contract.samples[index].picture]

    def _decode(self, index: int) -> Image.Image:
        """Return a picture, upright; a few that are not too large are kept."""
        if index in self._decoded:
            return self._decoded[index]
        image = pictures.decode(self._content(index))
        if image.width * image.height <= _KEPT_PIXELS:
            if len(self._decoded) == _KEPT:
                del self._decoded[next(iter(self._decoded))]
            self._decoded[index] = image
        return image

    def _shaped(self, image: Image.Image, way: Way) -> Pixels:
        how = self._how
        if way.kind is None and way.scale is None and way.colour not in _GREY:
            return how.view.shape(image)
        mode = "RGB" if how.channels == 3 or way.colour in _GREY else "L"
        size = (how.height, how.width)
        return place(image.convert(mode), size, kind=way.kind or how.resize, scale=way.scale)

    def _normalization(self, way: Way) -> Normalization:
        own = self._how.normalization
        if way.normalization is None:
            return own
        return replace(_NORMALIZATIONS[way.normalization], channel_order=own.channel_order)


def _formula(how: GoldenPreprocessing) -> str:
    def shown(values: tuple[float, ...]) -> str:
        return ", ".join(f"{value:g}" for value in values)

    return f"(pixel - [{shown(how.mean)}]) / [{shown(how.std)}]"


_IGNORED = "the orientation that EXIF tells is ignored"


def _turned(image: Image.Image, content: bytes, turn: str) -> Image.Image:
    if turn in _TURNS:
        return image.transpose(_TURNS[turn])
    orientation = Image.open(BytesIO(content)).getexif().get(_ORIENTATION)
    back = _BACK.get(orientation) if isinstance(orientation, int) else None
    return image if back is None else image.transpose(back)


_COLOUR = ("red and blue are swapped", "the picture is made grey")
_GREY = ("grey is the mean of red, green and blue", "grey is the red channel")

_COLOURS: dict[str, Callable[[Pixels], Pixels]] = {
    _COLOUR[0]: lambda pixels: pixels[..., ::-1],
    _COLOUR[1]: lambda pixels: np.repeat(_rounded(pixels @ np.array([0.299, 0.587, 0.114])), 3, 2),
    _GREY[0]: lambda pixels: _rounded(pixels.mean(axis=2)),
    _GREY[1]: lambda pixels: pixels[..., :1],
}


def _rounded(values: NDArray[np.floating]) -> Pixels:
    return np.asarray(np.rint(values)[..., np.newaxis], np.uint8)


def _stores(tensor: TensorDetails) -> Iterator[tuple[str, Stage]]:
    """Names of the mistakes that can be made in storing numbers as the input has them."""
    if tensor.scale is not None:
        yield from ((name, "quantization") for name in _QUANTIZED)
    if np.dtype(tensor.dtype).itemsize > 1:
        yield _SWAPPED, "byte order"


def _as_type(values: NDArray[np.floating], tensor: TensorDetails) -> Stored:
    """Store whole numbers as a cast of C or Kotlin does: what does not fit wraps."""
    return np.asarray(values).astype(np.int64).astype(tensor.dtype)


def _steps(values: Floats, tensor: TensorDetails) -> Floats:
    return np.asarray(values / np.float32(tensor.scale or 1.0), np.float32)


def _clipped(steps: NDArray[np.floating], tensor: TensorDetails) -> Stored:
    ends = np.iinfo(tensor.dtype)
    return np.asarray(np.clip(steps, ends.min, ends.max), tensor.dtype)


_SWAPPED = "the bytes of each number are in the wrong order (ByteBuffer.order is not set)"
_QUANTIZED = (
    "pixels are handed over as they are, not quantized",
    "pixels less 128 are handed over, not quantized by scale and zero point",
    "steps are rounded down, not to the nearest",
    "the zero point is left out",
    "scale and zero point are left out, numbers are cast",
)
_STORES: dict[str, Callable[[Pixels, Floats, TensorDetails], Stored]] = {
    _SWAPPED: lambda _, values, tensor: tensor.quantize(values).byteswap(),
    _QUANTIZED[0]: lambda pixels, _, tensor: _as_type(pixels.astype(np.float32), tensor),
    _QUANTIZED[1]: lambda pixels, _, tensor: _as_type(pixels.astype(np.float32) - 128, tensor),
    _QUANTIZED[2]: lambda _, values, tensor: _clipped(
        np.floor(_steps(values, tensor) + tensor.zero_point), tensor
    ),
    _QUANTIZED[3]: lambda _, values, tensor: _clipped(np.rint(_steps(values, tensor)), tensor),
    _QUANTIZED[4]: lambda _, values, tensor: _as_type(values, tensor),
}
