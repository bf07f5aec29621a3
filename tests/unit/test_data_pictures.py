import io
import struct
import zlib

import numpy as np
import pytest
from making_pictures import encoded, pixels, png
from PIL import Image

from tflconv.errors import UsageError
from tflconv.model.pictures import UnreadablePicture, View, decode

RGB = View(size=None, channels=3)


def shown(image: Image.Image, kind: str = "PNG", **options: object) -> np.ndarray:
    return RGB.shape(decode(encoded(image, kind, **options)))


def test_rgb_and_grey_come_back_as_they_were() -> None:
    colour, grey = pixels(0), pixels(0, channels=1)
    assert (shown(Image.fromarray(colour)) == colour).all()
    assert (
        View(size=None, channels=1).shape(decode(encoded(Image.fromarray(grey))))[..., 0] == grey
    ).all()


def test_grey_is_luma_and_colour_of_grey_is_equal_channels() -> None:
    red = Image.new("RGB", (4, 4), (255, 0, 0))
    assert View(size=None, channels=1).shape(red).tolist() == np.full((4, 4, 1), 76).tolist()
    grey = shown(Image.fromarray(pixels(1, channels=1)))
    assert (grey[..., 0] == grey[..., 1]).all()
    assert (grey[..., 0] == grey[..., 2]).all()


def test_a_palette_picture_shows_its_colours() -> None:
    image = Image.new("P", (4, 4), 1)
    image.putpalette([0, 0, 0, 10, 200, 30])
    assert shown(image)[0, 0].tolist() == [10, 200, 30]


def test_transparency_is_laid_over_white() -> None:
    assert shown(Image.new("RGBA", (4, 4), (0, 0, 0, 0)))[0, 0].tolist() == [255, 255, 255]
    assert shown(Image.new("RGBA", (4, 4), (0, 0, 0, 255)))[0, 0].tolist() == [0, 0, 0]
    assert shown(Image.new("LA", (4, 4), (0, 127)))[0, 0].tolist() == [128, 128, 128]


def test_a_transparent_palette_entry_is_white() -> None:
    image = Image.new("P", (4, 4), 1)
    image.putpalette([0, 0, 0, 10, 200, 30])
    assert shown(image, transparency=1)[0, 0].tolist() == [255, 255, 255]


def test_cmyk_becomes_rgb() -> None:
    pixel = shown(Image.new("CMYK", (8, 8), (0, 255, 255, 0)), "TIFF")[0, 0]
    assert pixel.tolist() == [255, 0, 0]


def test_sixteen_bits_keep_the_upper_eight() -> None:
    values = np.array([[0, 65535], [257 * 100, 257 * 200]], np.uint16)
    image = shown(Image.fromarray(values))
    assert image[..., 0].tolist() == [[0, 255], [100, 200]]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_undone(orientation: int) -> None:
    upright = Image.fromarray(pixels(3, height=20, width=12))
    turns = {
        1: None,
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    turn = turns[orientation]
    stored = upright if turn is None else upright.transpose(turn)
    exif = Image.Exif()
    exif[0x0112] = orientation
    assert (shown(stored, "PNG", exif=exif) == np.asarray(upright)).all()


def test_crop_keeps_the_middle_undistorted() -> None:
    image = np.zeros((10, 30, 3), np.uint8)
    image[:, 10:20] = 255
    assert (View(size=(10, 10), channels=3).shape(Image.fromarray(image)) == 255).all()


def test_pad_keeps_everything_and_puts_black_around() -> None:
    padded = View(size=(30, 30), channels=3, resize="pad").shape(
        Image.new("RGB", (30, 10), "white")
    )
    assert (padded[10:20] == 255).all()
    assert padded[:10].sum() + padded[20:].sum() == 0


def test_stretch_fills_the_square_with_everything() -> None:
    image = np.zeros((10, 30, 3), np.uint8)
    image[:, :15] = 255
    stretched = View(size=(10, 10), channels=3, resize="stretch").shape(Image.fromarray(image))
    assert (stretched[:, :4] == 255).all()
    assert stretched[:, 6:].sum() == 0


@pytest.mark.parametrize("resize", ["crop", "pad", "stretch"])
def test_a_size_is_height_and_width(resize: str) -> None:
    view = View(size=(8, 20), channels=3, resize=resize)
    assert view.shape(Image.new("RGB", (30, 30))).shape == (8, 20, 3)


def test_shrinking_counts_every_pixel() -> None:
    stripes = np.zeros((64, 64, 1), np.uint8)
    stripes[:, ::2] = 255
    small = View(size=(16, 16), channels=1).shape_all(stripes[np.newaxis])
    assert abs(float(small.mean()) - 127.5) < 2


def test_pictures_that_fit_are_not_touched() -> None:
    images = np.random.default_rng(0).integers(0, 256, (3, 8, 8, 3), np.uint8)
    assert View(size=(8, 8), channels=3).shape_all(images) is images


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "not a picture"),
        (b"label,file\n1,a.png\n", "not a picture"),
        (png(0)[:200], "truncated"),
        (encoded(Image.new("RGB", (1, 1))), "1x1 is too small"),
    ],
    ids=["empty", "text", "truncated", "one pixel"],
)
def test_what_is_no_picture_says_why(content: bytes, why: str) -> None:
    with pytest.raises(UnreadablePicture, match=why):
        decode(content)


def test_a_picture_that_claims_a_billion_pixels_is_not_unpacked() -> None:
    def chunk(kind: bytes, body: bytes) -> bytes:
        checksum = zlib.crc32(kind + body)
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", checksum)

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0))
    bomb = b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"\0" * 1000))
    with pytest.raises(UnreadablePicture, match="too many pixels"):
        decode(io.BytesIO(bomb).getvalue())


@pytest.mark.parametrize(
    "wrong", [{"size": (3, 9)}, {"size": (9, 5000)}, {"channels": 2}, {"resize": "squash"}]
)
def test_a_view_that_makes_no_sense_says_what_it_got(wrong: dict[str, object]) -> None:
    with pytest.raises(UsageError, match="Received"):
        View(**({"size": (32, 32), "channels": 3} | wrong))
