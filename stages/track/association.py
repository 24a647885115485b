"""Who is who: the cost of matching tracks with poses, and the cheapest matching."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np

from pipeline.core import boxes, keypoints
from pipeline.core.masks import all_of
from pipeline.core.skeletons import SKELETONS
from pipeline.core.types import F64, I64, Bool, Floats

BODY = SKELETONS["coco17"]
"""The keypoints that every skeleton has; the poses of tracks and people are compared on these."""

_SIGMA = np.array(BODY.oks_sigma)
_SHOULDERS = BODY.indices("left_shoulder", "right_shoulder")
_HIPS = BODY.indices("left_hip", "right_hip")


def box_costs(predicted_xyxy: Floats, xyxy: Floats) -> F64:
    """(T, N) (1 - GIoU) / 2: 0 for equal boxes, 0.5 where they touch, towards 1 with their distance.

    Generalised IoU also tells near from far where nothing overlaps, as at 5 frames a second.
    """
    costs = 1.0 - boxes.giou(predicted_xyxy, xyxy)
    costs *= 0.5
    return costs


def likeness(a: Floats, b: Floats, xyxy: Floats, slack: Floats | float = 0.0) -> F64:
    """(T, N) OKS of bodies `a` (T, 17, 2) with boxes `xyxy` (T, 4) and bodies `b` (N, 17, 2); see `keypoints.oks`."""
    return keypoints.oks(a, b, boxes.area(xyxy), _SIGMA, slack)


def is_lying(bodies: Floats) -> Bool:
    """(N,) whether the shoulders of `bodies` (N, 17, 2) are not clearly above the hips: tilted by more than 45 degrees.

    False where shoulders or hips are not seen.
    """
    x, y = (bodies[:, _SHOULDERS].mean(axis=1) - bodies[:, _HIPS].mean(axis=1)).T
    result: Bool = -y < np.abs(x)
    return result


def covered(xyxy: Floats) -> F64:
    """(N,) largest share of each box that another one covers, in [0, 1]."""
    if len(xyxy) < 2:
        return np.zeros(len(xyxy))
    low = np.maximum(xyxy[:, None, :2], xyxy[None, :, :2])
    inner = np.maximum(np.minimum(xyxy[:, None, 2:], xyxy[None, :, 2:]) - low, 0)
    shared = inner[..., 0] * inner[..., 1]
    np.fill_diagonal(shared, 0)
    result: F64 = shared.max(axis=1) / np.maximum(boxes.area(xyxy), 1e-12)
    return result


def matched(cost: F64, rows: I64, columns: I64, max_cost: float, handicap: F64 | float = 0.0) -> tuple[I64, I64]:
    """The pairs (row, column) of the cheapest matching of `rows` with `columns` of `cost`, each below `max_cost`.

    To leave two unmatched costs as much as a match at `max_cost`; so a bad match is never made at the expense of a good
    one only to have more matches. Where two rows want one column, that with the smaller `handicap` (one for each of
    `rows`, or a number) is preferred; whether a match is allowed does not depend on it.
    """
    if len(rows) == 0 or len(columns) == 0:
        return rows[:0], columns[:0]
    whole = cost.shape == (len(rows), len(columns))
    sub = np.minimum(cost if whole else cost[rows[:, None], columns], max_cost)
    i, j = _solver()(sub + np.asarray(handicap)[..., None])
    good: Bool = sub[i, j] < max_cost
    if not all_of(good):
        i, j = i[good], j[good]
    return rows.take(i), columns.take(j)


@cache
def _solver() -> Callable[[F64], tuple[I64, I64]]:
    """It costs half a second: only for whoever tracks, not for everyone who reads the options of this stage."""
    from scipy.optimize import linear_sum_assignment

    solver: Callable[[F64], tuple[I64, I64]] = linear_sum_assignment
    return solver
