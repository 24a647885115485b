"""JPEG in and out, and the pixels of an image in whatever encoding it travels."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import simplejpeg

from pipeline.core.errors import DecodeError
from pipeline.core.types import U8
from pipeline.core.values import Image

DEFAULT_QUALITY = 85


def encode(bgr: U8, quality: int = DEFAULT_QUALITY) -> bytes:
    """(H, W, 3) uint8 BGR as JPEG with 4:2:0 colours; `quality` is 1..100."""
    result: bytes = simplejpeg.encode_jpeg(
        np.ascontiguousarray(bgr), quality=quality, colorspace="BGR", colorsubsampling="420"
    )
    return result


def decode(content: bytes) -> U8:
    """(H, W, 3) uint8 BGR. Raises DecodeError for what is not a whole JPEG."""
    try:
        pixels: U8 = simplejpeg.decode_jpeg(content, colorspace="BGR", strict=True)
    except (ValueError, RuntimeError) as error:
        raise DecodeError(f"{len(content)} bytes are not a whole JPEG: {error}") from error
    return pixels


def pixels(image: Image) -> U8:
    """(H, W, 3) uint8 BGR of the image. Raises DecodeError when the content is not what the image says."""
    if image.encoding == "jpeg" and isinstance(image.data, bytes):
        found = decode(image.data)
    elif image.encoding == "bgr24" and isinstance(image.data, np.ndarray):
        found = image.data
    elif image.encoding == "bgr24":
        found = np.frombuffer(image.data, dtype=np.uint8)
        if found.size == image.height * image.width * 3:
            found = found.reshape(image.height, image.width, 3)
    else:
        raise DecodeError(
            f"image of the encoding {image.encoding} in {type(image.data).__name__}, expected jpeg bytes or bgr24"
        )
    if found.shape != (image.height, image.width, 3):
        raise DecodeError(f"image with pixels {found.shape}, expected {(image.height, image.width, 3)}")
    return found


def packed(image: Image) -> Image:
    """The image with its pixels as JPEG."""
    return replace(image, encoding="jpeg", data=encode(pixels(image)))
