"""Boxes as (N, 4) arrays of left, top, right, bottom in pixels: areas, overlaps, conversions."""

from __future__ import annotations

import numpy as np

from pipeline.core.masks import all_of
from pipeline.core.types import F64, Bool, Floats


def area(xyxy: Floats) -> F64:
    """(N,) areas; 0 for a box that is empty or turned inside out."""
    sides = xyxy[:, 2:] - xyxy[:, :2]
    np.maximum(sides, 0.0, out=sides)
    result: F64 = np.multiply(sides[:, 0], sides[:, 1], dtype=np.float64)
    return result


def centre_and_size(xyxy: Floats) -> F64:
    """(N, 4) centre x, centre y, width, height."""
    boxes = xyxy.astype(np.float64)
    low, high = boxes[:, :2], boxes[:, 2:]
    found = np.empty(boxes.shape)
    centre = found[:, :2]
    np.add(low, high, out=centre)
    centre *= _HALF
    np.subtract(high, low, out=found[:, 2:])
    return found


def from_centre_and_size(boxes: Floats) -> F64:
    """(N, 4) left, top, right, bottom: the inverse of `centre_and_size`."""
    centre, half = boxes[:, :2], boxes[:, 2:] * _HALF
    found = np.empty(boxes.shape)
    np.subtract(centre, half, out=found[:, :2])
    np.add(centre, half, out=found[:, 2:])
    return found


def clipped(xyxy: Floats, width: int, height: int) -> Floats:
    """The part of each box that lies in a frame of `width` x `height` pixels."""
    limit = np.array([width, height, width, height], dtype=xyxy.dtype)
    result: Floats = np.clip(xyxy, 0, limit)
    return result


def iou(a: Floats, b: Floats) -> F64:
    """(N, M) intersection over union of each box of `a` with each of `b`, in [0, 1]; 0 where both are empty."""
    intersection, union, _ = _overlap(a, b)
    result: F64 = intersection / np.maximum(union, _TINY)
    return result


def giou(a: Floats, b: Floats) -> F64:
    """(N, M) generalised intersection over union (Rezatofighi et al., 2019, algorithm 1), in [-1, 1].

    Equal to `iou` where the hull of two boxes is filled by them; the further apart they are, the closer to -1.
    """
    intersection, union, hull = _overlap(a, b)
    result: F64 = intersection / np.maximum(union, _TINY)
    result -= (hull - union) / np.maximum(hull, _TINY)
    return result


def valid(xyxy: Floats) -> Bool:
    """(N,) whether a box is finite and has an area."""
    sides = xyxy[:, 2:] > xyxy[:, :2]
    result: Bool = sides[:, 0] & sides[:, 1]
    finite = np.isfinite(xyxy)
    if not all_of(finite):
        result &= finite.all(axis=1)
    return result


# Operands without axes: numpy takes them in half the time of Python's numbers.
_TINY, _HALF, _NOTHING = np.array(1e-12), np.array(0.5), np.array(0.0)
_OUTWARD = np.array([[-1.0], [-1.0], [1.0], [1.0]])


def _overlap(a: Floats, b: Floats) -> tuple[F64, F64, F64]:
    """(N, M) areas of intersection, union and hull."""
    # With left and top negated one minimum gives all four edges of the intersection, one maximum those of the hull.
    # Edges come first (4, N, M), so that each is one block of memory.
    n = len(a)
    edges = np.multiply(np.concatenate((a, b)).T, _OUTWARD, order="C")
    left, right = edges[:, :n, None], edges[:, None, n:]
    pairs = np.empty((4, 2, n, len(b)))
    np.minimum(left, right, out=pairs[:, 0])
    np.maximum(left, right, out=pairs[:, 1])
    intersection, hull = _areas(pairs)
    own = _areas(edges)
    union: F64 = own[:n, None] + own[n:]
    union -= intersection
    return intersection, union, hull


def _areas(edges: F64) -> F64:
    """(...) areas of (4, ...) edges with left and top negated; 0 for a box that is empty or turned inside out."""
    sides = edges[2:] + edges[:2]
    np.maximum(sides, _NOTHING, out=sides)
    result: F64 = sides[0] * sides[1]
    return result
