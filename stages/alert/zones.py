"""Zones of the picture."""

from __future__ import annotations

from stages.alert.rules import Polygon


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
