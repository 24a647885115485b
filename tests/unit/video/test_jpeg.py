from __future__ import annotations

import numpy as np
import pytest

from pipeline.core.errors import DecodeError
from pipeline.core.values import Image
from pipeline.video import jpeg
from tests.unit.video.clips import number_of, picture


def test_decoding_gives_back_what_was_encoded() -> None:
    smooth = np.add.outer(np.arange(64), np.arange(96))[:, :, None].repeat(3, axis=2).astype(np.uint8)

    back = jpeg.decode(jpeg.encode(smooth, quality=95))

    assert back.dtype == np.uint8
    assert np.abs(back.astype(int) - smooth).max() <= 4  # a smooth ramp at quality 95


def test_blue_stays_blue() -> None:
    blue = np.full((16, 16, 3), (250, 10, 10), dtype=np.uint8)

    assert np.abs(jpeg.decode(jpeg.encode(blue)).astype(int) - blue).max() <= 8


def test_better_quality_takes_more_bytes() -> None:
    assert len(jpeg.encode(picture(3), 95)) > len(jpeg.encode(picture(3), 50))


def test_part_of_a_picture_is_encoded() -> None:
    part = picture(3)[10:40:2, 5:50]

    assert jpeg.decode(jpeg.encode(part)).shape == (15, 45, 3)


@pytest.mark.parametrize("content", [b"", b"nothing", jpeg.encode(picture(3))[:-200]])
def test_what_is_no_whole_jpeg_is_refused(content: bytes) -> None:
    with pytest.raises(DecodeError, match="not a whole JPEG"):
        jpeg.decode(content)


def test_pixels_of_every_encoding() -> None:
    bgr = picture(21)

    for image in (
        Image(96, 64, "bgr24", bgr),
        Image(96, 64, "bgr24", bgr.tobytes()),
        Image(96, 64, "jpeg", jpeg.encode(bgr, 95)),
    ):
        assert number_of(jpeg.pixels(image)) == 21
    assert jpeg.pixels(Image(96, 64, "bgr24", bgr)) is bgr


@pytest.mark.parametrize(
    "image",
    [
        Image(95, 64, "bgr24", picture(1)),
        Image(96, 64, "bgr24", b"too few"),
        Image(96, 64, "bgr24", b""),
        Image(64, 96, "jpeg", jpeg.encode(picture(1))),
        Image(96, 64, "jpeg", picture(1)),
        Image(96, 64, "png", b""),
    ],
)
def test_content_that_is_not_what_the_image_says_is_refused(image: Image) -> None:
    with pytest.raises(DecodeError):
        jpeg.pixels(image)


def test_packed_image_shows_the_same() -> None:
    packed = jpeg.packed(Image(96, 64, "bgr24", picture(33)))

    assert (packed.width, packed.height, packed.encoding) == (96, 64, "jpeg")
    assert number_of(jpeg.pixels(packed)) == 33
