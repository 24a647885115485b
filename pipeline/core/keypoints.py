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
        return np.concatenate((rows.min(axis=2), rows.max(axis=2)), axis=1).astype(np.float32, copy=False)
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
    variance = np.asarray(area, dtype=np.float64)[:, None] * (2.0 * np.asarray(sigma)) ** 2
    variance += np.square(slack)[..., None]
    exponent = distance2 / (-2.0 * np.maximum(variance, 1e-12))[:, None, :]
    likeness: F64 = np.exp(exponent).sum(axis=2)
    if exponent.shape[2] and not any_of(np.isnan(likeness)):
        likeness /= exponent.shape[2]
        return likeness
    common = ~np.isnan(exponent)
    count = common.sum(axis=2)
    likeness = np.exp(np.where(common, exponent, -np.inf)).sum(axis=2)
    result: F64 = np.where(count > 0, likeness / np.maximum(count, 1), np.nan)
    return result


def bone_lengths(keypoints: Floats, bones: I64) -> Floats:
    """(N, B) distance between the ends of each bone, in the unit and dimensions of `keypoints`; `bones` is (B, 2)."""
    difference = keypoints.take(bones[:, 0], axis=1) - keypoints.take(bones[:, 1], axis=1)
    lengths: Floats = np.sqrt(np.einsum("nbd,nbd->nb", difference, difference))
    return lengths
