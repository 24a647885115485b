"""Where a small grey picture differs from its background, as boxes."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from pipeline.core.types import F32, I16, I64, U8

MAX_CELLS = 16_000
MAX_SIDE = 160

# Of the standard deviation of a normal distribution to its median absolute deviation.
_MAD_TO_SIGMA = 1.4826
# By chance a cell beyond 5 sigma comes once in a hundred pictures of 16,000 cells; two close together, never.
_SIGMAS = 5.0
# Averaged over a cell the noise of a camera at night stays below 6 levels; what is above is the scene changing.
_MAX_SIGMA = 6.0
# A person of a twentieth of the height of a 16:9 picture covers at least 4 x 1 cells.
_MIN_CELLS = 4
# In cells: the first is 1/40 of the width of the picture, such as a limb that looks like the wall behind it.
_GAPS = (5, 9, 17, 33, 65)
_EVERYWHERE = 0.5
_LEVELS = 255


@dataclass(frozen=True, slots=True, eq=False)
class Change:
    """How a picture differs from its background.

    Attributes:
        difference: (h, w) int16, levels of grey, without the change of light that the whole picture shares.
        light: That change, levels.
        mask: (h, w) uint8, 1 where it moved.
        everywhere: More than half of the cells changed: a cut, the camera was turned, or the light went on.
    """

    difference: I16
    light: int
    mask: U8
    everywhere: bool


def cells_of(pixels: U8) -> tuple[U8, int]:
    """(h, w) uint8 mean greys of square cells of the (H, W, 3) picture, and their side in pixels.

    At most 160 cells a row and 16,000 in all; what is left at the right and bottom edge is less than a cell.
    """
    height, width = pixels.shape[:2]
    side = max(1, math.ceil(max(width / MAX_SIDE, math.sqrt(width * height / MAX_CELLS))))
    w, h = max(width // side, 1), max(height // side, 1)
    used = pixels[: h * side, : w * side]
    if side >= 4:
        # Sixteen pixels of each cell stand for all of it: a quarter of the time, and enough to quiet the noise.
        used = np.asarray(cv2.resize(used, (2 * w, 2 * h), interpolation=cv2.INTER_LINEAR), dtype=np.uint8)
    used = np.asarray(cv2.resize(used, (w, h), interpolation=cv2.INTER_AREA), dtype=np.uint8)
    return np.asarray(cv2.cvtColor(used, cv2.COLOR_BGR2GRAY), dtype=np.uint8), side


def change(grey: U8, background: U8, min_change: float) -> Change:
    """Where `grey` differs from `background` by more than its noise, and by more than `min_change` levels.

    The noise is estimated from the picture itself: the median absolute deviation of the difference is not moved by
    what covers less than half of the picture (Rousseeuw and Croux, 1993).
    """
    difference: I16 = np.subtract(grey, background, dtype=np.int16)
    # How often there is each difference: both medians are read off it, in a third of the time of `np.median`.
    counts = np.bincount(difference.ravel() + np.int16(_LEVELS), minlength=2 * _LEVELS + 1)
    light = round(_median(counts) - _LEVELS)
    difference -= np.int16(light)
    size = np.abs(difference)
    # Whole levels: a median of m stands for m - 0.5 to m + 0.5.
    sigma = min(_MAD_TO_SIGMA * (_median(_folded(counts, _LEVELS + light)) + 0.5), _MAX_SIGMA)
    # Of whole numbers those above a limit are those above its whole part.
    moved = (size > math.floor(max(min_change, _SIGMAS * sigma))).view(np.uint8)
    everywhere = bool(np.count_nonzero(moved) > _EVERYWHERE * moved.size)
    return Change(difference=difference, light=light, mask=moved, everywhere=everywhere)


def _median(counts: I64) -> float:
    """Of whole numbers from 0 on, of which there are so many of each."""
    total = counts.cumsum()
    many = int(total[-1])
    low, high = total.searchsorted(((many - 1) // 2, many // 2), side="right").tolist()
    return float(low + high) / 2


def _folded(counts: I64, middle: int) -> I64:
    """How many numbers there are at each distance from `middle`."""
    above, below = counts[middle:], counts[middle::-1]
    folded = np.zeros(max(len(above), len(below)), np.int64)
    folded[: len(above)] = above
    folded[1 : len(below)] += below[1:]
    return folded


def followed(background: U8, moved: Change, share: float) -> U8:
    """The background after it took over all of the light and a share of the rest, at least one level where it differs.

    The least step is what lets bytes follow slowly (sigma-delta estimation: Manzanera and Richefeu, 2007).
    """
    step = np.sign(moved.difference) * np.ceil(np.abs(moved.difference) * share)
    result: U8 = np.clip(background + (step + moved.light), 0, 255).astype(np.uint8)
    return result


def boxes_of(mask: U8, most: int) -> I64:
    """(M, 4) boxes in cells around what moved, M <= `most`, the largest first.

    Parts of a body with a gap of a few cells between them are one. While there are too many, wider gaps are closed.
    """
    for gap in _GAPS:
        closed = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, np.ones((gap, gap), dtype=np.uint8))
        boxes = _joined(_boxes_around_parts(np.asarray(closed, dtype=np.uint8)), mask.shape)
        if len(boxes) <= most:
            return boxes
    return np.concatenate((boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0)))[None]


def _boxes_around_parts(mask: U8) -> I64:
    left, top, width, height = cv2.boundingRect(mask)
    if not width:
        return np.zeros((0, 4), np.int64)
    # OpenCV looks at blocks of 2 x 2: from an even corner on it finds the parts in the same order. Labels of two bytes
    # take a third of the time, and there are fewer than 65,536 parts.
    left, top, right, bottom = left & ~1, top & ~1, left + width, top + height
    used = mask[top:bottom, left:right]
    _, _, stats, _ = cv2.connectedComponentsWithStats(used, connectivity=8, ltype=cv2.CV_16U)
    parts = stats[1:].astype(np.int64)
    parts[:, :2] += left, top
    boxes: I64 = parts[parts[:, cv2.CC_STAT_AREA] >= _MIN_CELLS, :4].copy()
    boxes[:, 2:] += boxes[:, :2]
    sides = boxes[:, 2:] - boxes[:, :2]
    return boxes[np.argsort(-(sides[:, 0] * sides[:, 1]), kind="stable")]


def _joined(boxes: I64, shape: tuple[int, ...]) -> I64:
    """The boxes, overlapping and touching ones made one: drawn filled, they are the parts of a new mask."""
    while len(boxes) > 1:
        low = np.maximum(boxes[:, None, :2], boxes[None, :, :2])
        high = np.minimum(boxes[:, None, 2:], boxes[None, :, 2:])
        if np.count_nonzero((low <= high).all(axis=2)) == len(boxes):
            break
        mask = np.zeros(shape, dtype=np.uint8)
        for left, top, right, bottom in boxes.tolist():
            mask[top:bottom, left:right] = 1
        boxes = _boxes_around_parts(mask)
    return boxes


def in_pixels(boxes: I64, side: int, cells: tuple[int, int], width: int, height: int) -> F32:
    """(M, 4) float32 boxes in pixels of a `width` x `height` frame, of boxes in a picture of (h, w) `cells`."""
    h, w = cells
    result = (boxes * side).astype(np.float32)
    # The rest beyond the last whole cell belongs to it.
    result[boxes[:, 2] == w, 2] = width
    result[boxes[:, 3] == h, 3] = height
    return result
