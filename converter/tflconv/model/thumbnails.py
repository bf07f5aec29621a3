"""Small copies of pictures that fit into a results file."""

from __future__ import annotations

from base64 import b64encode
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

_SIDES = (96, 64, 32, 16)
_MOST_BYTES = 3000
"""Of a file, which base64 makes 4000 characters of."""


def thumbnail(image: NDArray[np.uint8]) -> str | None:
    """Return a picture as a small PNG or JPEG file in base64; None where it is no picture.

    Args:
        image: Pixels ``[height, width, channels]``, grey or RGB.

    Example:
        >>> thumbnail(np.zeros((8, 8, 1), np.uint8))[:11]
        'iVBORw0KGgo'
    """
    if image.ndim != 3 or image.shape[2] not in (1, 3) or 0 in image.shape:
        return None
    whole = Image.fromarray(image[..., 0] if image.shape[2] == 1 else image)
    for side in _SIDES:
        small = whole.copy()
        small.thumbnail((side, side))
        content = min(_encoded(small, "PNG"), _encoded(small, "JPEG"), key=len)
        if len(content) <= _MOST_BYTES:
            return b64encode(content).decode()
    return None


def _encoded(image: Image.Image, kind: str) -> bytes:
    stream = BytesIO()
    image.save(stream, kind, quality=80)
    return stream.getvalue()
