"""Draws a person in capsules, with a face and clothes: enough for the bundled models to take it for one."""

from __future__ import annotations

from itertools import pairwise

import cv2
import numpy as np

from pipeline.core.types import U8

SKIN, SHIRT, TROUSERS, SHOES, HAIR = (150, 180, 225), (150, 70, 40), (70, 60, 60), (30, 30, 40), (30, 45, 70)


def room(width: int = 640, height: int = 480) -> U8:
    """(H, W, 3) BGR: a wall that grows darker, and a floor."""
    shade = np.linspace(225, 175, height, dtype=np.float32)[:, None, None]
    wall = np.broadcast_to(shade, (height, width, 3)) * np.array([1.0, 0.98, 0.95], dtype=np.float32)
    picture: U8 = wall.astype(np.uint8)
    picture[int(height * 0.75) :] = (95, 120, 140)
    return picture


def draw(picture: U8, x: float, y: float, stature: float) -> None:
    """Draw a person facing us, arms a little apart; x, y is the middle of the hips, all in pixels."""

    def at(right: float, up: float) -> tuple[int, int]:
        return round(x + right * stature), round(y - up * stature)

    def limb(*points: tuple[float, float], thick: float, colour: tuple[int, int, int]) -> None:
        for a, b in pairwise(points):
            # Three strokes, each thinner and lighter: a rounded limb.
            for share, gain in ((1.0, 0.8), (0.7, 1.0), (0.35, 1.12)):
                shaded = tuple(min(255, int(c * gain)) for c in colour)
                cv2.line(picture, at(*a), at(*b), shaded, max(1, round(thick * stature * share)), cv2.LINE_AA)

    for side in (-1, 1):
        limb((side * 0.055, 0.0), (side * 0.065, -0.24), (side * 0.07, -0.46), thick=0.09, colour=TROUSERS)
        limb((side * 0.07, -0.47), (side * 0.10, -0.485), thick=0.05, colour=SHOES)
        limb((side * 0.12, 0.28), (side * 0.17, 0.12), thick=0.06, colour=SHIRT)
        limb((side * 0.17, 0.12), (side * 0.19, -0.02), thick=0.045, colour=SKIN)
        limb((side * 0.19, -0.02), (side * 0.195, -0.06), thick=0.04, colour=SKIN)
    body = np.array([at(-0.14, 0.30), at(0.14, 0.30), at(0.10, -0.02), at(-0.10, -0.02)], dtype=np.int32)
    cv2.fillConvexPoly(picture, body, SHIRT, cv2.LINE_AA)
    limb((0.0, 0.04), (0.0, 0.27), thick=0.12, colour=SHIRT)
    limb((0.0, 0.30), (0.0, 0.36), thick=0.06, colour=SKIN)
    face = at(0.0, 0.425)
    cv2.ellipse(
        picture, at(0.0, 0.445), (round(0.062 * stature), round(0.075 * stature)), 0, 0, 360, HAIR, -1, cv2.LINE_AA
    )
    cv2.ellipse(picture, face, (round(0.052 * stature), round(0.068 * stature)), 0, 0, 360, SKIN, -1, cv2.LINE_AA)
    for side in (-1, 1):
        cv2.circle(picture, at(side * 0.02, 0.437), max(1, round(0.008 * stature)), (30, 30, 30), -1, cv2.LINE_AA)
        limb((side * 0.012, 0.452), (side * 0.03, 0.452), thick=0.006, colour=HAIR)
    limb((0.0, 0.43), (0.004, 0.412), thick=0.007, colour=(110, 140, 190))
    limb((-0.016, 0.395), (0.016, 0.395), thick=0.008, colour=(90, 90, 170))
