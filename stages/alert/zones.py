"""Zones of the picture."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipeline.core.types import F32, Bool
from stages.alert.words import RuleError

Polygon = tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Zone:
    """A part of the picture that rules name."""

    name: str
    """Its name in rules. Zones of one name on several cameras are one zone."""

    corners: Polygon
    """Corners (x, y) as shares of the picture's width and height, each [0, 1], x right, y down:
    `[[0, 0.5], [1, 0.5], [1, 1]]`."""

    cameras: tuple[str, ...] = ()
    """Cameras on whose picture it lies; without any: on all. Nobody is in a zone that is not on their camera."""

    def __post_init__(self) -> None:
        if len(self.corners) < 3:
            raise RuleError(f"corners of zone {self.name!r}: {len(self.corners)} of them, expected at least 3")
        if any(not 0.0 <= share <= 1.0 for corner in self.corners for share in corner):
            raise RuleError(
                f"corners of zone {self.name!r} are shares of the picture, allowed: at least 0 and at most 1"
            )


def inside(polygon: Polygon, x: float, y: float) -> bool:
    """Whether a point lies in a polygon, by the number of edges that a ray from it crosses (even-odd rule)."""
    within = False
    previous_x, previous_y = polygon[-1]
    for next_x, next_y in polygon:
        if (next_y > y) != (previous_y > y):
            crossing = previous_x + (y - previous_y) * (next_x - previous_x) / (next_y - previous_y)
            if x < crossing:
                within = not within
        previous_x, previous_y = next_x, next_y
    return within


def all_inside(polygon: Polygon, points: F32) -> Bool:
    """(R,) bool: `inside` for (R, 2) points; False for NaN."""
    ends = np.asarray(polygon, np.float64)
    starts = np.roll(ends, 1, axis=0)
    x, y = points[:, 0, None].astype(np.float64), points[:, 1, None].astype(np.float64)
    spans = (ends[:, 1] > y) != (starts[:, 1] > y)
    rise = ends[:, 1] - starts[:, 1]
    run = ends[:, 0] - starts[:, 0]
    # A level edge spans nothing, whatever is divided by.
    crossing = starts[:, 0] + (y - starts[:, 1]) * (run / np.where(rise == 0.0, 1.0, rise))
    return np.asarray((spans & (x < crossing)).sum(axis=1) % 2 == 1)
