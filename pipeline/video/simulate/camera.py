"""A pinhole camera that looks into the room.

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
    """

    width: int
    height: int
    focal_px: float
    above_floor_m: float
    tilt_rad: float

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
        pixels += (self.width / 2, self.height / 2)
        return pixels, depth
