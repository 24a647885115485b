"""The windows of a sweep: the whole picture, and overlapping squares over it."""

from __future__ import annotations

from functools import lru_cache
from math import ceil

import cv2
import numpy as np

from pipeline.core.types import F32, U8


@lru_cache(maxsize=64)
def windows(width: int, height: int, share: float, overlap: float) -> F32:
    """(W, 3) float32 squares: left, top, side in pixels, in the order in which they are looked at.

    The first holds the whole picture and reaches beyond it, centred. The others lie inside and cover it; neighbours
    are far apart in the order, so that a small part of a sweep already sees something of every place.
    """
    whole = max(width, height)
    side = share * min(width, height)
    places = [(x, y) for y in _starts(height, side, overlap) for x in _starts(width, side, overlap)]
    # A stride near the golden section spreads neighbours in the order; coprime, so that it visits all.
    stride = next(
        s for s in range(max(1, round(len(places) * 0.618)), 2 * len(places) + 2) if np.gcd(s, len(places)) == 1
    )
    order = [places[k * stride % len(places)] for k in range(len(places))]
    squares = [((width - whole) / 2, (height - whole) / 2, whole), *((x, y, side) for x, y in order)]
    result = np.array(squares, dtype=np.float32)
    result.flags.writeable = False
    return result


def cut(pixels: U8, square: F32, size: int) -> U8:
    """The (size, size, 3) picture of a square of the frame; black where it reaches beyond the frame."""
    height, width = pixels.shape[:2]
    left, top, side = (float(v) for v in square)
    scale = size / side
    from_columns, columns = _part(left, side, width, scale, size)
    from_rows, rows = _part(top, side, height, scale, size)
    picture = np.zeros((size, size, 3), dtype=np.uint8)
    inner = picture[rows, columns]
    part, (height, width) = pixels[from_rows, from_columns], inner.shape[:2]
    if scale < 0.5:
        # Four samples for each pixel stand for all that it covers, in a tenth of the time.
        part = np.asarray(cv2.resize(part, (2 * width, 2 * height), interpolation=cv2.INTER_LINEAR), dtype=np.uint8)
    inner[:] = cv2.resize(part, (width, height), interpolation=cv2.INTER_AREA if scale < 0.5 else cv2.INTER_LINEAR)
    return picture


def _part(start: float, side: float, length: int, scale: float, size: int) -> tuple[slice, slice]:
    """Whole pixels of the frame along one axis, and those of the picture where they go; at least one of each."""
    first = min(max(0, round(start)), length - 1)
    last = max(min(length, round(start + side)), first + 1)
    # Enlarged, half a pixel of the frame may lie some pixels outside of the picture.
    begin = min(max(0, round((first - start) * scale)), size - 1)
    end = max(min(size, round((last - start) * scale)), begin + 1)
    return slice(first, last), slice(begin, end)


def touched(squares: F32, boxes: F32) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    """(W,) which squares share some area with any of the (M, 4) xyxy boxes."""
    if not len(boxes):
        return np.zeros(len(squares), dtype=np.bool_)
    low = np.maximum(squares[:, None, :2], boxes[None, :, :2])
    high = np.minimum(squares[:, None, :2] + squares[:, None, 2:3], boxes[None, :, 2:])
    result: np.ndarray[tuple[int, ...], np.dtype[np.bool_]] = (high > low).all(axis=2).any(axis=1)
    return result


def _starts(length: int, side: float, overlap: float) -> list[float]:
    """Where windows of `side` begin so that they cover `length` and overlap enough."""
    free = length - side
    steps = ceil(free / (side * (1.0 - overlap)) - 1e-6) if free > 0 else 0
    return [free * i / steps for i in range(steps + 1)] if steps else [0.0]
