"""Squares to look at: centre x, centre y, side, rotation (radians, grows clockwise on the picture)."""

from __future__ import annotations

import numpy as np

from pipeline.core.types import F32, F64, I64


def regions_of_axes(base: F32, top: F32, scale: float) -> F32:
    """(N, 4) squares about `base` whose half side is `scale` times the way to `top`, turned so that `top` is upward.

    Args:
        base: (N, 2) middle of the hips.
        top: (N, 2) point whose distance from `base` is the reach of the body (BlazePose: Bazarevsky et al., 2020).
    """
    axis = (top - base).astype(np.float32)
    side = np.float32(2.0 * scale) * np.hypot(axis[:, 0], axis[:, 1])
    # 0 where the axis points up (x 0, y negative); positive where it leans to the right of the picture.
    rotation = np.arctan2(axis[:, 0], -axis[:, 1])
    return np.column_stack((base, side, rotation)).astype(np.float32)


def to_frame_matrices(regions: F32, size: int) -> F64:
    """(N, 2, 3) affine maps from continuous pixels of a `size` x `size` crop to pixels of the frame."""
    x, y, side, rotation = regions.astype(np.float64).T
    scale = side / size
    cos, sin = np.cos(rotation) * scale, np.sin(rotation) * scale
    half = size / 2
    matrices = np.empty((len(regions), 2, 3))
    matrices[:, 0, 0] = matrices[:, 1, 1] = cos
    matrices[:, 0, 1], matrices[:, 1, 0] = -sin, sin
    matrices[:, 0, 2] = x - cos * half + sin * half
    matrices[:, 1, 2] = y - sin * half - cos * half
    return matrices


def points_to_frame(points: F32, matrices: F64) -> F32:
    """(N, K, 2) points in crop pixels, in pixels of the frame."""
    mapped: F32 = (points.astype(np.float64) @ matrices[:, :, :2].transpose(0, 2, 1) + matrices[:, None, :, 2]).astype(
        np.float32
    )
    return mapped


def regions_to_frame(inner: F32, outer: F32, size: int, matrices: F64 | None = None) -> F32:
    """(N, 4) regions given in pixels of the crops of `outer`, in pixels of the frame.

    Args:
        inner: (N, 4) the regions.
        outer: (N, 4) where the crops lie in the frame.
        size: Side of a crop, pixels.
        matrices: Of `outer`, for whoever has them already.
    """
    if matrices is None:
        matrices = to_frame_matrices(outer, size)
    centre = points_to_frame(inner[:, None, :2], matrices)[:, 0]
    rotation = inner[:, 3] + outer[:, 3]
    mapped = np.empty((len(inner), 4), np.float32)
    mapped[:, :2] = centre
    mapped[:, 2] = inner[:, 2] * outer[:, 2] / np.float32(size)
    mapped[:, 3] = np.arctan2(np.sin(rotation), np.cos(rotation))
    return mapped


def centre_distance(a: F32, b: F32) -> F32:
    """(A, B) distance between the centres of regions, as a share of the smaller of the two sides."""
    gap = np.hypot(a[:, None, 0] - b[None, :, 0], a[:, None, 1] - b[None, :, 1])
    side = np.maximum(np.minimum(a[:, None, 2], b[None, :, 2]), np.float32(1e-6))
    result: F32 = (gap / side).astype(np.float32)
    return result


def keep_distinct(same: np.ndarray[tuple[int, ...], np.dtype[np.bool_]], rank: F32) -> I64:
    """Indices of those that stay, best rank first, when of each pair that is the same the better one stays.

    Args:
        same: (N, N) symmetric, which pairs are one thing.
        rank: (N,) higher is better; equal ranks go by index.
    """
    left = np.ones(len(rank), dtype=np.bool_)
    kept: list[int] = []
    for i in np.argsort(-rank, kind="stable"):
        if left[i]:
            kept.append(int(i))
            left &= ~same[i]
            left[i] = False
    return np.array(kept, dtype=np.int64)
