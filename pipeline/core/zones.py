"""Zones and lines on a camera's picture, and where points lie to them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from pipeline.core.types import F64, Bool, Floats

MOST = 32
"""So many zones, and so many lines, may a camera have: each takes a little of what is remembered of a person."""

_RIM = 1e-9

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Zone:
    """A part of the picture's floor: who stands in it is in the zone."""

    corners: tuple[Point, ...]
    """Corners (x, y) in turn, at least 3, as shares of the picture's width and height, each [0, 1], x right, y down:
    `[[0, 0.5], [1, 0.5], [1, 1]]`. An edge along the rim of the picture is no border."""

    dwell_s: tuple[float, ...] = ()
    """Seconds in the zone after which an event is told, each (0, 86400], growing."""

    def __post_init__(self) -> None:
        if len(self.corners) < 3:
            raise ValueError(f"{len(self.corners)} corners, expected at least 3")
        crossing = _self_crossing(self.corners)
        if crossing is not None:
            (a, b), (c, d) = crossing
            raise ValueError(
                f"the edge from {_text(a)} to {_text(b)} meets the one from {_text(c)} to {_text(d)},"
                " expected an outline that does not cross or touch itself: give the corners in turn"
            )
        if _area(self.corners) < _RIM:
            raise ValueError("the corners lie on one line, expected an area")
        if any(after <= before for before, after in zip(self.dwell_s, self.dwell_s[1:], strict=False)):
            raise ValueError("the seconds of dwell_s must grow")


@dataclass(frozen=True, slots=True)
class Line:
    """A line on the picture's floor that people cross. Who looks along it from its first end to its second has one side
    of it on the left and one on the right.
    """

    ends: tuple[Point, ...]
    """Its two ends (x, y), as shares of the picture's width and height, each [0, 1], x right, y down:
    `[[0.2, 0.9], [0.8, 0.9]]`."""

    to_left: str = "left"
    """What it is called when somebody crosses from its right to its left, such as `out`. In the example of `ends` that
    is up the picture."""

    to_right: str = "right"
    """What it is called when somebody crosses from its left to its right, such as `in`."""

    def __post_init__(self) -> None:
        if len(self.ends) != 2:
            raise ValueError(f"{len(self.ends)} points in ends, expected 2")
        if self.ends[0] == self.ends[1]:
            raise ValueError("both ends are the same point")
        for key, name in (("to_left", self.to_left), ("to_right", self.to_right)):
            if not name.strip() or ":" in name:
                raise ValueError(f"{key} is {name!r}, expected a word without a colon")
        if self.to_left == self.to_right:
            raise ValueError(f"to_right is {self.to_right!r}, the name of the other direction too")


@dataclass(frozen=True, slots=True)
class Scene:
    """What is drawn on a camera's picture.

    Attributes:
        zones, lines: By name; none has two meanings.
    """

    zones: Mapping[str, Zone] = field(default_factory=dict)
    lines: Mapping[str, Line] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.zones or self.lines)


def check_places(zones: Mapping[str, Zone], lines: Mapping[str, Line]) -> None:
    """Raises ValueError for too many places, or two of one name."""
    for places, kind in ((zones, "zones"), (lines, "lines")):
        if len(places) > MOST:
            raise ValueError(f"{kind}: {len(places)} of them, expected at most {MOST}")
    both = next((name for name in lines if name in zones), None)
    if both is not None:
        raise ValueError(f"lines: the name {both!r} is that of a zone too")


class Outlines:
    """Z zones of a picture in pixels.

    Attributes:
        breadth: (Z,) area over perimeter, pixels: between a half and the whole of the largest circle's radius.
    """

    def __init__(self, zones: Sequence[Zone], width: int, height: int) -> None:
        self._size = np.array([width, height], np.float64)
        outlines = [np.array(zone.corners, np.float64) for zone in zones]
        sizes = [len(outline) for outline in outlines]
        self._first = np.cumsum([0, *sizes[:-1]]).astype(np.int64)
        starts = np.concatenate([np.empty((0, 2)), *outlines])
        ends = np.concatenate([np.empty((0, 2)), *(np.roll(outline, -1, axis=0) for outline in outlines)])
        # Beyond the rim of the picture there is nowhere to go.
        self._on_rim: Bool = _along_rim(starts, ends)
        self._start, self._end = starts * self._size, ends * self._size
        self._run = self._end - self._start
        self._length2 = np.einsum("ei,ei->e", self._run, self._run)
        rise = self._run[:, 1]
        self._slope = np.divide(self._run[:, 0], rise, out=np.zeros(len(rise)), where=rise != 0.0)
        areas = np.array([_area(zone.corners) for zone in zones]) * width * height
        self.breadth: F64 = areas / np.add.reduceat(np.sqrt(self._length2), self._first)

    def depth(self, points: Floats) -> F64:
        """(N, Z) distance of (N, 2) pixels from the border of each zone, pixels: positive inside, inf where the zone
        has no border. A point beside the picture counts as one at its rim.
        """
        inner = self._on_picture(points)
        from_start = inner[:, None, :] - self._start
        along = np.clip(np.einsum("nei,ei->ne", from_start, self._run) / self._length2, 0.0, 1.0)
        away = from_start - along[:, :, None] * self._run
        distance = np.sqrt(np.einsum("nei,nei->ne", away, away))
        distance[:, self._on_rim] = np.inf
        nearest = np.minimum.reduceat(distance, self._first, axis=1)
        depth: F64 = np.where(self._inside(inner), nearest, -nearest)
        return depth

    def inside(self, points: Floats) -> Bool:
        """(N, Z) whether (N, 2) pixels lie in each zone, as where `depth` is positive; False for NaN."""
        return self._inside(self._on_picture(points))

    def _on_picture(self, points: Floats) -> Floats:
        return np.clip(points, self._size * _RIM, self._size * (1.0 - _RIM))

    def _inside(self, inner: Floats) -> Bool:
        """By the number of edges that a ray from a point crosses (even-odd rule)."""
        x, y = inner[:, :1], inner[:, 1:]
        above = self._start[:, 1] > y
        spans = above != (self._end[:, 1] > y)
        left = x < self._start[:, 0] + (y - self._start[:, 1]) * self._slope
        crossed = np.add.reduceat((spans & left).astype(np.int64), self._first, axis=1)
        inside: Bool = crossed % 2 == 1
        return inside


class Strokes:
    """L lines of a picture in pixels."""

    def __init__(self, lines: Sequence[Line], width: int, height: int) -> None:
        size = np.array([width, height], np.float64)
        self._start: F64 = np.array([line.ends[0] for line in lines]).reshape(-1, 2) * size
        self._run: F64 = np.array([line.ends[1] for line in lines]).reshape(-1, 2) * size - self._start
        self._length: F64 = np.sqrt(np.einsum("li,li->l", self._run, self._run))

    def across(self, points: Floats) -> F64:
        """(N, L) distance of (N, 2) pixels from each line, endless both ways, pixels: positive on its right."""
        x, y = points[:, :1] - self._start[:, 0], points[:, 1:] - self._start[:, 1]
        across: F64 = (self._run[:, 0] * y - self._run[:, 1] * x) / self._length
        return across

    def along(self, points: Floats) -> F64:
        """(N, L) how far along each line (N, 2) pixels lie: 0 at its first end, 1 at its second."""
        x, y = points[:, :1] - self._start[:, 0], points[:, 1:] - self._start[:, 1]
        along: F64 = (self._run[:, 0] * x + self._run[:, 1] * y) / self._length**2
        return along


def _along_rim(starts: F64, ends: F64) -> Bool:
    rim = np.zeros(len(starts), np.bool_)
    for side in (0.0, 1.0):
        rim |= ((np.abs(starts - side) < _RIM) & (np.abs(ends - side) < _RIM)).any(axis=1)
    return rim


def _text(point: Point) -> str:
    return f"({point[0]:g}, {point[1]:g})"


def _area(corners: Sequence[Point]) -> float:
    """Area by the shoelace formula."""
    pairs = zip(corners, (*corners[1:], corners[0]), strict=True)
    return abs(sum(a[0] * b[1] - b[0] * a[1] for a, b in pairs)) / 2


def _self_crossing(corners: Sequence[Point]) -> tuple[tuple[Point, Point], tuple[Point, Point]] | None:
    """Two edges of a polygon that meet though they are not neighbours, or that are no edges."""
    edges = list(zip(corners, (*corners[1:], corners[0]), strict=True))
    for i, (a, b) in enumerate(edges):
        for j in range(i + 1, len(edges)):
            c, d = edges[j]
            neighbours = j == i + 1 or (i == 0 and j == len(edges) - 1)
            if a == b or c == d or (not neighbours and _meet(a, b, c, d)) or (neighbours and _fold(a, b, c, d)):
                return edges[i], edges[j]
    return None


def _turn(a: Point, b: Point, c: Point) -> float:
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


def _meet(a: Point, b: Point, c: Point, d: Point) -> bool:
    """Whether two edges share a point."""
    one, two, three, four = _turn(a, b, c), _turn(a, b, d), _turn(c, d, a), _turn(c, d, b)
    if one * two < 0.0 and three * four < 0.0:
        return True
    ends = ((one, a, b, c), (two, a, b, d), (three, c, d, a), (four, c, d, b))
    return any(turn == 0.0 and _between(p, q, r) for turn, p, q, r in ends)


def _fold(a: Point, b: Point, c: Point, d: Point) -> bool:
    """Whether two edges that share an end go back over each other."""
    shared, one, two = (b, a, d) if b == c else (a, b, c)
    if _turn(one, shared, two) != 0.0:
        return False
    back = (one[0] - shared[0]) * (two[0] - shared[0]) + (one[1] - shared[1]) * (two[1] - shared[1])
    return back > 0.0


def _between(a: Point, b: Point, c: Point) -> bool:
    """Whether c, which lies on the line through a and b, lies between them."""
    return min(a[0], b[0]) <= c[0] <= max(a[0], b[0]) and min(a[1], b[1]) <= c[1] <= max(a[1], b[1])
