"""Maths on keypoints as (N, K, D) arrays: who is seen, boxes around them, likeness of two poses, lengths of bones."""

from __future__ import annotations

import numpy as np

from pipeline.core.masks import all_of, any_of
from pipeline.core.types import F32, F64, I64, Bool, Floats


def seen(keypoints: Floats, keypoint_score: Floats, min_score: float) -> Bool:
    """(N, K) whether a keypoint has a place in the picture and at least `min_score`."""
    # The sum of two finite numbers is NaN or infinite for nothing but a NaN or infinite one.
    result: Bool = np.isfinite(keypoints[..., 0] + keypoints[..., 1]) & (keypoint_score >= min_score)
    return result


def box_of_keypoints(keypoints: Floats, keypoint_seen: Bool) -> F32:
    """(N, 4) smallest xyxy box around the seen keypoints of each person; NaN for a person with none."""
    xy = keypoints[..., :2]
    if keypoint_seen.shape[1] and all_of(keypoint_seen):
        # One row for each coordinate: numpy takes the extremes of short columns at a third of the speed.
        rows = np.ascontiguousarray(xy.transpose(0, 2, 1))
        found = np.empty((len(rows), 4), np.float32)
        np.minimum.reduce(rows, axis=2, out=found[:, :2])
        np.maximum.reduce(rows, axis=2, out=found[:, 2:])
        return found
    mask = keypoint_seen[..., None]
    low = np.where(mask, xy, np.inf).min(axis=1, initial=np.inf)
    high = np.where(mask, xy, -np.inf).max(axis=1, initial=-np.inf)
    box = np.concatenate((low, high), axis=1).astype(np.float32, copy=False)
    box[~keypoint_seen.any(axis=1)] = np.nan
    return box


def oks(a: Floats, b: Floats, area: Floats, sigma: Floats, slack: Floats | float = 0.0) -> F64:
    """(N, M) object keypoint similarity of each pose of `a` with each of `b`, in [0, 1].

    COCO keypoint evaluation: the mean over keypoints of exp(-d^2 / (2 s^2 k^2)) with k = 2 sigma and s^2 the area. The
    mean is over the keypoints that are not NaN in both poses; NaN where there is none.

    Args:
        a: (N, K, >=2) pixels.
        b: (M, K, >=2) pixels.
        area: (N,) area of each person of `a`, square pixels.
        sigma: (K,) spread of each keypoint relative to the person's size.
        slack: (N,) or one number: standard deviation in pixels by which a whole pose may be displaced beyond that, as
            when `a` is a prediction.
    """
    difference = a[:, None, :, :2] - b[None, :, :, :2]
    difference *= difference
    distance2 = difference[..., 0] + difference[..., 1]
    spread = sigma + sigma
    spread *= spread
    variance = np.asarray(area, dtype=np.float64)[:, None] * spread
    variance += np.square(slack)[..., None]
    np.maximum(variance, _TINY, out=variance)
    variance *= _MINUS_TWO
    exponent = distance2 / variance[:, None, :]
    likeness: F64 = np.add.reduce(np.exp(exponent), axis=2)
    if exponent.shape[2] and not any_of(np.isnan(likeness)):
        likeness /= exponent.shape[2]
        return likeness
    common = ~np.isnan(exponent)
    count = common.sum(axis=2)
    likeness = np.exp(np.where(common, exponent, -np.inf)).sum(axis=2)
    result: F64 = np.where(count > 0, likeness / np.maximum(count, 1), np.nan)
    return result


# Operands without axes: numpy takes them in half the time of Python's numbers.
_TINY, _MINUS_TWO = np.array(1e-12), np.array(-2.0)


def bone_lengths(keypoints: Floats, bones: I64) -> Floats:
    """(N, B) distance between the ends of each bone, in the unit and dimensions of `keypoints`; `bones` is (B, 2)."""
    ends = keypoints.take(bones, axis=1)
    difference = ends[:, :, 0] - ends[:, :, 1]
    lengths: Floats = np.sqrt(np.einsum("nbd,nbd->nb", difference, difference))
    return lengths
