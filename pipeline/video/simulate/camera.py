"""A camera that looks into the room, with a lens that may bend straight lines.

The room's frame of reference: x to the right, y away from the camera along the floor, z up, metres; the camera
stands above the origin. The camera's own: x to the right, y down, z away from it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from pipeline.core.types import F64

NEAREST_M = 0.2


@dataclass(frozen=True)
class Camera:
    """Where it stands and what it sees.

    Attributes:
        width, height: Pixels.
        focal_px: Focal length in pixels.
        above_floor_m: Height of its centre.
        tilt_rad: How far it looks down; 0 = level.
        k1: Radial distortion (Brown, 1966): a point at r focal lengths from the middle appears at r (1 + k1 r^2).
    """

    width: int
    height: int
    focal_px: float
    above_floor_m: float
    tilt_rad: float
    k1: float = 0.0

    @cached_property
    def axes(self) -> F64:
        """(3, 3) the camera's x, y, z as rows, in the room's frame."""
        c, s = np.cos(self.tilt_rad), np.sin(self.tilt_rad)
        return np.array([[1.0, 0.0, 0.0], [0.0, -s, -c], [0.0, c, -s]])

    @cached_property
    def centre(self) -> F64:
        """(3,) metres in the room's frame."""
        return np.array([0.0, 0.0, self.above_floor_m])

    def project(self, points: F64) -> tuple[F64, F64]:
        """Pixels (..., 2) and depth (...) in metres of points (..., 3) of the room. Depth is at least `NEAREST_M`."""
        seen = (points - self.centre) @ self.axes.T
        depth = np.maximum(seen[..., 2], NEAREST_M)
        pixels = seen[..., :2] * (self.focal_px / depth)[..., None]
        if self.k1:
            pixels *= self._bent(np.sum(pixels * pixels, axis=-1, keepdims=True) / self.focal_px**2)
        pixels += (self.width / 2, self.height / 2)
        return pixels, depth

    def straightened(self, pixels: F64) -> F64:
        """Where pixels (..., 2) would be without distortion; the inverse of what `project` does last (Newton)."""
        centred = (pixels - (self.width / 2, self.height / 2)) / self.focal_px
        wanted = np.sqrt(np.sum(centred * centred, axis=-1, keepdims=True))
        radius = wanted.copy()
        for _ in range(12 if self.k1 else 0):
            square = np.minimum(radius * radius, self._limit)
            slope = np.where(radius * radius < self._limit, 1 + 3 * self.k1 * square, 1 + self.k1 * square)
            radius -= (radius * (1 + self.k1 * square) - wanted) / np.maximum(slope, 0.05)
        straight: F64 = centred * (radius / np.maximum(wanted, 1e-9)) * self.focal_px
        straight += (self.width / 2, self.height / 2)
        return straight

    @property
    def _limit(self) -> float:
        """Square of the radius from which the factor stays as it is, so that no far point comes back into sight."""
        return 1 / (3 * abs(self.k1)) if self.k1 else np.inf

    def _bent(self, square: F64) -> F64:
        factor: F64 = 1 + self.k1 * np.minimum(square, self._limit)
        return factor
