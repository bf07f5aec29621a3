"""Decode picture files of any kind into uint8 arrays of one size.

EXIF orientation is applied; palettes, CMYK, 16 bits and other formats become RGB or grey;
transparency is laid over white. Grey is ITU-R 601 luma. Pictures are brought to one size by

- ``crop``: scale until the size is filled, keep the middle (no distortion, edges are lost),
- ``pad``: scale until all fits, add black borders (no distortion, nothing is lost), or
- ``stretch``: scale both sides separately (nothing is lost, proportions change).

Scaling is bilinear with antialiasing: when a picture shrinks, all of its pixels count.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from io import BytesIO
from pathlib import PurePosixPath
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError, features

from tflconv.errors import UsageError

Resize = Literal["crop", "pad", "stretch"]

MIN_SIDE = 2
MAX_BYTES = 440_000_000
"""Memory that decoding one picture may take; Pillow itself stops at 89 million pixels."""

_LEAN = ("BMP", "GIF", "JPEG", "MPO", "PNG", "PPM")
"""Formats that are decoded line by line; others hold a picture several times meanwhile."""

_ORIENTATION = 0x0112


class UnreadablePicture(Exception):  # noqa: N818 - listed for the user, not raised to them
    """A file that cannot be used as a picture; the message says why."""


@dataclass(frozen=True, kw_only=True)
class View:
    """The form that every picture of a dataset is brought to.

    Attributes:
        size: Height and width in pixels; None keeps the size, which all pictures must share.
        channels: 1 for grey, 3 for RGB.
        resize: How a picture is brought to ``size``.

    Raises:
        UsageError: A side is not between 4 and 4096, or another value is not allowed.

    Example:
        >>> View(size=(32, 32), channels=3).shape(Image.new("L", (100, 50))).shape
        (32, 32, 3)
    """

    size: tuple[int, int] | None
    channels: int
    resize: Resize = "crop"

    def __post_init__(self) -> None:
        if self.size is not None and not all(4 <= side <= 4096 for side in self.size):
            raise UsageError(
                f"resolution must be between 4 and 4096. Received: resolution={self.size}."
            )
        if self.channels not in (1, 3):
            raise UsageError(f"channels must be 1 or 3. Received: channels={self.channels}.")
        if self.resize not in get_args(Resize):
            raise UsageError(
                f"resize must be crop, pad or stretch. Received: resize={self.resize}."
            )

    def shape(self, image: Image.Image) -> NDArray[np.uint8]:
        """Return ``image`` (mode L or RGB) in this form, ``[height, width, channels]``."""
        image = _converted(image, "L" if self.channels == 1 else "RGB")
        if self.size is not None and image.size != self.size[::-1]:
            image = _RESIZERS[self.resize](image, self.size[::-1])
        return np.asarray(image, np.uint8).reshape(image.height, image.width, self.channels)

    def shape_all(self, images: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return ``images`` ``[n, height, width, channels]`` in this form; the same if they fit."""
        if images.shape[3] == self.channels and self.size in (None, images.shape[1:3]):
            return images
        squeezed = images[..., 0] if images.shape[3] == 1 else images
        return np.stack([self.shape(Image.fromarray(image)) for image in squeezed])


def is_large(content: bytes) -> bool:
    """Whether several such pictures at once would fill the memory; what is none is not."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            image = Image.open(BytesIO(content))
        return image.width * image.height * _bytes_per_pixel(image) > _LARGE
    except Exception:  # which ``decode`` tells
        return False


_LARGE = 32_000_000


def decode(
    content: bytes, *, formats: tuple[str, ...] | None = None, max_pixels: int | None = None
) -> Image.Image:
    """Decode a picture file, upright and in mode L or RGB.

    Args:
        content: The file.
        formats: Names that Pillow has for the formats to try; by default all that it knows.
        max_pixels: Pixels of a picture, beside the limit of memory.

    Raises:
        UnreadablePicture: The content is no picture, or too large or too small a one.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            image = Image.open(BytesIO(content), formats=formats)
            _check_size(image, max_pixels)
            ImageOps.exif_transpose(image, in_place=True)
            return _plain(image)
    except UnreadablePicture:
        raise
    except UnidentifiedImageError as error:
        raise UnreadablePicture("not a picture") from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise UnreadablePicture("too many pixels") from error
    except Exception as error:  # Pillow's decoders raise whatever their format's parser raises
        raise UnreadablePicture(str(error) or type(error).__name__) from error


_MISSING = {
    **dict.fromkeys((".heic", ".heif"), "HEIC"),
    **dict.fromkeys((".svg", ".svgz"), "SVG"),
    **dict.fromkeys((".dng", ".cr2", ".cr3", ".nef", ".arw"), "RAW"),
    **dict.fromkeys((".orf", ".rw2", ".raf", ".pef", ".srw", ".raw"), "RAW"),
    ".jxl": "JPEG XL",
    ".psb": "PSB",
    ".xcf": "XCF",
    ".exr": "EXR",
    ".hdr": "HDR",
}


def missing_format(name: str, content: bytes) -> str | None:
    """Return the name of a known format that Pillow lacks, by a file's name and first bytes.

    Example:
        >>> missing_format("holiday/IMG_1.HEIC", b"")
        'HEIC'
    """
    suffix = PurePosixPath(name).suffix.lower()
    brand = content[8:12] if content[4:8] == b"ftyp" else b""
    if suffix in (".avif", ".avifs") or brand in (b"avif", b"avis"):
        return None if "avif" in features.get_supported_modules() else "AVIF"
    if brand in (b"heic", b"heix", b"mif1", b"msf1", b"hevc"):
        return "HEIC"
    return _MISSING.get(suffix)


def _check_size(image: Image.Image, max_pixels: int | None) -> None:
    if max_pixels is not None and image.width * image.height > max_pixels:
        raise UnreadablePicture(f"{image.width}x{image.height} is too large")
    if image.width * image.height * _bytes_per_pixel(image) > MAX_BYTES:
        raise UnreadablePicture(f"{image.width}x{image.height} is too large")
    if min(image.size) < MIN_SIDE:
        raise UnreadablePicture(f"{image.width}x{image.height} is too small")


def _bytes_per_pixel(image: Image.Image) -> int:
    """The memory that decoding takes at most, by format, mode and orientation."""
    lean = image.format in _LEAN and not image.info.get("progressive")
    plain = image.mode in ("1", "L", "RGB") and image.getexif().get(_ORIENTATION, 1) == 1
    return (4 if lean else 16) + (0 if plain else 12)


def _plain(image: Image.Image) -> Image.Image:
    """``image`` in mode L or RGB: 16 bit scaled down, transparency over white."""
    if image.mode.startswith("I") or image.mode == "F":
        return _eight_bit(image)
    if image.has_transparency_data:
        clear = _converted(image, "RGBA")
        white = Image.new("RGBA", clear.size, "white")
        return Image.alpha_composite(white, clear).convert("RGB")
    return _converted(image, "L" if image.mode in ("1", "L") else "RGB")


def _converted(image: Image.Image, mode: str) -> Image.Image:
    """``image`` in ``mode``, itself where it has that: Pillow would copy it."""
    return image if image.mode == mode else image.convert(mode)


def _eight_bit(image: Image.Image) -> Image.Image:
    """16-bit grey scaled to 8 bits; values outside of 16 bits, and floats, are clipped."""
    values = np.asarray(image, np.float64)
    scale = 257.0 if image.mode != "F" else 1.0
    return Image.fromarray(np.clip(np.rint(values / scale), 0, 255).astype(np.uint8))


Size = tuple[int, int]
"""Width and height, as Pillow has them."""


def _crop(image: Image.Image, size: Size) -> Image.Image:
    return ImageOps.fit(image, size, Image.Resampling.BILINEAR)


def _pad(image: Image.Image, size: Size) -> Image.Image:
    return ImageOps.pad(image, size, Image.Resampling.BILINEAR)


def _stretch(image: Image.Image, size: Size) -> Image.Image:
    return image.resize(size, Image.Resampling.BILINEAR)


_RESIZERS = {"crop": _crop, "pad": _pad, "stretch": _stretch}
