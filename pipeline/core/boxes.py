"""Boxes as (N, 4) arrays of left, top, right, bottom in pixels: areas, overlaps, conversions."""

from __future__ import annotations

import numpy as np

from pipeline.core.types import F64, Bool, Floats


def area(xyxy: Floats) -> F64:
    """(N,) areas; 0 for a box that is empty or turned inside out."""
    width, height = np.maximum(xyxy[:, 2:] - xyxy[:, :2], 0.0).T
    result: F64 = width.astype(np.float64) * height
    return result


def centre_and_size(xyxy: Floats) -> F64:
    """(N, 4) centre x, centre y, width, height."""
    boxes = xyxy.astype(np.float64)
    low, high = boxes[:, :2], boxes[:, 2:]
    return np.concatenate(((low + high) * 0.5, high - low), axis=1)


def from_centre_and_size(boxes: Floats) -> F64:
    """(N, 4) left, top, right, bottom: the inverse of `centre_and_size`."""
    centre, half = boxes[:, :2], boxes[:, 2:].astype(np.float64) * 0.5
    result: F64 = np.concatenate((centre - half, centre + half), axis=1)
    return result


def clipped(xyxy: Floats, width: int, height: int) -> Floats:
    """The part of each box that lies in a frame of `width` x `height` pixels."""
    limit = np.array([width, height, width, height], dtype=xyxy.dtype)
    result: Floats = np.clip(xyxy, 0, limit)
    return result


def iou(a: Floats, b: Floats) -> F64:
    """(N, M) intersection over union of each box of `a` with each of `b`, in [0, 1]; 0 where both are empty."""
    intersection, union, _ = _overlap(a, b)
    return intersection / np.maximum(union, _TINY)


def giou(a: Floats, b: Floats) -> F64:
    """(N, M) generalised intersection over union (Rezatofighi et al., 2019, algorithm 1), in [-1, 1].

    Equal to `iou` where the hull of two boxes is filled by them; the further apart they are, the closer to -1.
    """
    intersection, union, hull = _overlap(a, b)
    return intersection / np.maximum(union, _TINY) - (hull - union) / np.maximum(hull, _TINY)


def valid(xyxy: Floats) -> Bool:
    """(N,) whether a box is finite and has an area."""
    result: Bool = np.isfinite(xyxy).all(axis=1) & (xyxy[:, 2] > xyxy[:, 0]) & (xyxy[:, 3] > xyxy[:, 1])
    return result


_TINY = 1e-12
_OUTWARD = np.array([[-1.0], [-1.0], [1.0], [1.0]])


def _overlap(a: Floats, b: Floats) -> tuple[F64, F64, F64]:
    """(N, M) areas of intersection, union and hull."""
    # With left and top negated one minimum gives all four edges of the intersection, one maximum those of the hull.
    # Edges come first (4, N, M), so that each is one block of memory.
    left, right = (np.multiply(boxes.T, _OUTWARD, order="C") for boxes in (a, b))
    inner = np.minimum(left[:, :, None], right[:, None, :])
    outer = np.maximum(left[:, :, None], right[:, None, :])
    intersection = _areas(inner)
    union: F64 = _areas(left)[:, None] + _areas(right) - intersection
    return intersection, union, _areas(outer)


def _areas(edges: F64) -> F64:
    """(...) areas of (4, ...) edges with left and top negated; 0 for a box that is empty or turned inside out."""
    width, height = np.maximum(edges[2:] + edges[:2], 0.0)
    result: F64 = width * height
    return result
