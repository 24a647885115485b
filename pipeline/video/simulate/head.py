"""The head: an ellipsoid with a painted face and hair, seen from any side."""

from __future__ import annotations

import cv2
import numpy as np

from pipeline.core.types import F32, F64, U8
from pipeline.video.simulate.looks import Looks

# Half-axes in body heights: forward, left, up; hair makes it a little larger than the bare head.
HALF_AXES = (0.0585, 0.0475, 0.0705)
SIDE = 96
_FINE = 4


def paint_face(looks: Looks) -> U8:
    """(SIDE, 2 SIDE, 3) BGR: the head from the front, and beside it from behind, as circles of diameter SIDE."""
    size = SIDE * _FINE
    front = np.empty((size, size, 3), np.uint8)
    front[:] = looks.skin
    back = front.copy()
    brush = _Brush(front)
    dark = tuple(int(0.78 * c) for c in looks.skin)
    hair = looks.hair
    # x to the head's left (right of the picture), y up, both in half-axes.
    brush.ellipse(0.30, -0.24, 0.17, 0.11, _mixed(looks.skin, (110, 110, 235), 0.16))
    brush.ellipse(-0.30, -0.24, 0.17, 0.11, _mixed(looks.skin, (110, 110, 235), 0.16))
    if looks.beard:
        brush.ellipse(0.0, -0.66, 0.62, 0.42, _mixed(looks.skin, hair, 0.7))
        brush.ellipse(0.0, -0.30, 0.30, 0.12, looks.skin)
    for out in (1, -1):
        brush.ellipse(out * 0.375, 0.08, 0.155, 0.095, dark)
        brush.ellipse(out * 0.375, 0.075, 0.13, 0.075, (238, 240, 242))
        brush.ellipse(out * 0.375, 0.075, 0.062, 0.062, (48, 44, 44))
        brush.line(out * 0.23, 0.235, out * 0.54, 0.215, 0.045, _mixed(hair, looks.skin, 0.25))
        brush.line(out * 0.24, 0.125, out * 0.51, 0.125, 0.03, (50, 48, 54))
    brush.line(0.075, -0.20, -0.075, -0.20, 0.04, dark)
    brush.line(-0.24, -0.52, 0.24, -0.52, 0.075, _mixed(looks.skin, (90, 80, 190), 0.55))
    brush.line(-0.25, -0.52, 0.25, -0.52, 0.022, (62, 56, 92))
    if looks.hair_style != "bald":
        brush.fringe(hair, low=0.50, temples=-0.10 if looks.hair_style == "long" else 0.12)
        back[:] = hair
        if looks.hair_style != "long":
            _Brush(back).ellipse(0.0, -1.05, 0.8, 0.42, looks.skin)
    both = np.concatenate([front, back], axis=1)
    return np.asarray(cv2.resize(both, (2 * SIDE, SIDE), interpolation=cv2.INTER_AREA), np.uint8)


class _Brush:
    """Draws on a square picture in coordinates from -1 to 1, y up."""

    def __init__(self, picture: U8) -> None:
        self._picture = picture
        self._half = picture.shape[0] / 2

    def ellipse(self, x: float, y: float, width: float, height: float, colour: tuple[int, ...]) -> None:
        cv2.ellipse(self._picture, self._at(x, y), self._size(width, height), 0, 0, 360, colour, -1, cv2.LINE_AA)

    def line(self, x0: float, y0: float, x1: float, y1: float, thick: float, colour: tuple[int, ...]) -> None:
        pen = max(1, round(thick * self._half))
        cv2.line(self._picture, self._at(x0, y0), self._at(x1, y1), colour, pen, cv2.LINE_AA)

    def fringe(self, hair: tuple[int, ...], *, low: float, temples: float) -> None:
        """Hair above the forehead and down the temples."""
        x = np.linspace(-1, 1, 41)
        edge = np.where(np.abs(x) < 0.62, low - 0.12 * (x / 0.62) ** 2, low - 0.12 - (np.abs(x) - 0.62) / 0.2 * 0.6)
        edge = np.maximum(edge, temples)
        outline = [self._at(a, b) for a, b in zip(x, edge, strict=True)] + [self._at(1, 1.1), self._at(-1, 1.1)]
        cv2.fillPoly(self._picture, [np.array(outline, np.int32)], hair, cv2.LINE_AA)

    def _at(self, x: float, y: float) -> tuple[int, int]:
        return round((1 + x) * self._half), round((1 - y) * self._half)

    def _size(self, width: float, height: float) -> tuple[int, int]:
        return round(width * self._half), round(height * self._half)


class HeadView:
    """How an ellipsoid shows from one side, in parallel projection.

    Args:
        half_axes: (3,) in pixels: forward, left, up.
        axes: (3, 3) the head's forward, left, up as columns, in the camera's frame (right, down, away).
    """

    def __init__(self, half_axes: F64, axes: F64) -> None:
        inverse = axes / half_axes  # columns scaled: a point p on the surface has |inverse.T p| = 1
        self._inverse = inverse
        self._quadric = inverse @ inverse.T
        q = self._quadric
        # The outline on the picture is x (S) x = 1 with the Schur complement of the quadric.
        self._outline = q[:2, :2] - np.outer(q[:2, 2], q[:2, 2]) / q[2, 2]
        self.extent = np.sqrt(np.diag(np.linalg.inv(self._outline)))
        self._radius = float(np.sqrt(self.extent[0] * self.extent[1]))

    def paint(self, x: F32, y: F32, face: U8, light: F64) -> tuple[F32, F32, U8]:
        """Cover and light (h, w) and colours (h, w, 3) at offsets x (w,), y (h, 1) in pixels from the centre."""
        s, q = self._outline.astype(np.float32), self._quadric.astype(np.float32)
        inside = 1 - (s[0, 0] * x * x + 2 * s[0, 1] * (x * y) + s[1, 1] * y * y)
        cover = np.clip(inside * np.float32(self._radius / 2) + np.float32(0.5), 0, 1)
        slope = q[0, 2] * x + q[1, 2] * y
        z = (-slope - np.sqrt(np.maximum(inside, 0) * q[2, 2])) / q[2, 2]
        m = self._inverse.astype(np.float32)
        forward, left, up = (m[0, i] * x + m[1, i] * y + m[2, i] * z for i in range(3))
        # The unit sphere seen from the front shows left = right of the picture; from behind the same, seen through.
        column = left * np.float32(SIDE / 2 - 1) + np.float32(SIDE / 2 - 0.5)
        column += np.where(forward < 0, np.float32(SIDE), np.float32(0))
        row = np.float32(SIDE / 2 - 0.5) - up * np.float32(SIDE / 2 - 1)
        colours = cv2.remap(face, column, row, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        # The normal is the gradient of the quadric.
        nx = q[0, 0] * x + q[0, 1] * y + q[0, 2] * z
        ny = q[1, 0] * x + q[1, 1] * y + q[1, 2] * z
        nz = slope + q[2, 2] * z
        lit = (nx * light[0] + ny * light[1] + nz * light[2]) / np.sqrt(nx * nx + ny * ny + nz * nz + np.float32(1e-12))
        return cover.astype(np.float32), lit.astype(np.float32), np.asarray(colours, np.uint8)


def _mixed(one: tuple[int, ...], other: tuple[int, ...], share: float) -> tuple[int, ...]:
    return tuple(round(a + (b - a) * share) for a, b in zip(one, other, strict=True))
