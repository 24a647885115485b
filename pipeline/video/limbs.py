"""Drawing one skeleton: limbs and keypoints that fade with their score."""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np

from pipeline.core.skeletons import Skeleton
from pipeline.core.types import F32, I64, U8
from pipeline.video.palette import DARK, Colour, mixed, side_colour

_SHIFT = 3
_LEVELS = (0.35, 0.65, 1.0)
_FINE = ("eye", "ear", "nose", "mouth", "pinky", "index", "thumb", "heel", "foot")
_FULL_SCORE = 0.7


def draw_skeleton(
    pixels: U8,
    keypoints: F32,
    score: F32,
    skeleton: Skeleton,
    colour: Colour,
    width: float,
    min_score: float = 0.3,
    outline: Colour | None = DARK,
) -> None:
    """Draw into `pixels`.

    Args:
        pixels: (H, W, 3) uint8 BGR.
        keypoints: (K, 2), continuous pixels (pixel i reaches from i to i + 1); NaN is left out.
        score: (K,) in [0, 1]: nothing is drawn below `min_score`, all of the colour from 0.7 on.
        skeleton: What is connected.
        colour: Of the middle line; left limbs are lighter, right limbs darker.
        width: Of a limb, pixels.
        min_score: In [0, 1).
        outline: Colour around limbs, None for none.
    """
    seen = np.isfinite(keypoints[:, 0]) & np.isfinite(keypoints[:, 1])
    strength = np.where(seen, (score - min_score) / max(_FULL_SCORE - min_score, 1e-6), -1.0)
    level = np.where(strength < 0, -1, np.digitize(strength, (1 / 3, 2 / 3)))
    height, full_width = pixels.shape[:2]
    at = np.where(seen[:, None], keypoints, 0.0)
    reach = 4 * max(full_width, height)
    points = np.rint((np.clip(at, -reach, reach) - 0.5) * (1 << _SHIFT)).astype(np.int64)
    for number, alpha in enumerate(_LEVELS):
        limbs = [limb for limb in _limbs(skeleton) if min(level[limb[0]], level[limb[1]]) == number]
        dots = [k for k in range(len(skeleton)) if level[k] == number]
        if not dots and not limbs:
            continue
        used = at[sorted({*dots, *(k for limb in limbs for k in limb[:2])})]
        margin = 2 * width + 2
        left, top = np.clip(np.floor(used.min(axis=0) - margin), 0, (full_width, height)).astype(int)
        right, bottom = np.clip(np.ceil(used.max(axis=0) + margin), 0, (full_width, height)).astype(int)
        if right <= left or bottom <= top:
            continue
        part = pixels[top:bottom, left:right]
        layer = part.copy()
        _draw(layer, points - (np.array((left, top)) << _SHIFT), limbs, dots, skeleton, colour, width, outline)
        cv2.addWeighted(layer, alpha, part, 1 - alpha, 0, dst=part)


@cache
def _limbs(skeleton: Skeleton) -> tuple[tuple[int, int, str, bool], ...]:
    """Indices of both ends, the name that decides the side, and whether it is drawn fine; fine ones first."""
    limbs = []
    for a, b in skeleton.edges:
        sides = {side for name in (a, b) for side in ("left", "right") if side in name}
        side = sides.pop() if len(sides) == 1 else ""
        fine = any(word in name for name in (a, b) for word in _FINE)
        limbs.append((skeleton.index[a], skeleton.index[b], side, fine))
    return tuple(sorted(limbs, key=lambda limb: not limb[3]))


def _draw(
    layer: U8,
    points: I64,
    limbs: list[tuple[int, int, str, bool]],
    dots: list[int],
    skeleton: Skeleton,
    colour: Colour,
    width: float,
    outline: Colour | None,
) -> None:
    lines = [
        (
            points[a].tolist(),
            points[b].tolist(),
            side_colour(colour, side),
            max(1, round(width * (0.55 if fine else 1))),
        )
        for a, b, side, fine in limbs
    ]
    edge = max(1, round(width * 0.35))
    if outline is not None:
        for a, b, _, thick in lines:
            cv2.line(layer, a, b, outline, thick + 2 * edge, cv2.LINE_AA, _SHIFT)
    for a, b, side, thick in lines:
        cv2.line(layer, a, b, side, thick, cv2.LINE_AA, _SHIFT)
    for k in dots:
        name = skeleton.keypoints[k]
        inner, place = side_colour(colour, name), points[k].tolist()
        size = width * (1.0 if any(word in name for word in _FINE) else 1.9)
        # A line without length has round caps: rounder than the polygon that small circles are made of.
        cv2.line(layer, place, place, mixed(inner, DARK, 0.55), max(2, round(size)), cv2.LINE_AA, _SHIFT)
        cv2.line(layer, place, place, inner, max(1, round(size * 0.65)), cv2.LINE_AA, _SHIFT)
