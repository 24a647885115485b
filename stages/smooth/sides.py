"""Left and right taken for each other: found by the course of the limbs, and put right."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from pipeline.core.masks import any_of
from pipeline.core.skeletons import SKELETONS
from pipeline.core.types import F32, I64, Bool
from stages.smooth.options import SmoothOptions
from stages.smooth.state import SmoothState

GROUPS = (("shoulder", "hip"), ("elbow", "wrist"), ("knee", "ankle"))
"""What is swapped together: trunk (with the head), arms (with the hands), legs (with the feet)."""

JUDGED = tuple(f"{side}_{name}" for group in GROUPS for name in group for side in ("left", "right"))
"""The keypoints by which it is judged, four for each group."""

# Displacement of one keypoint between frames that noise alone explains: three times 1 % of the person's size.
_NOISE = 0.03
_OTHER_SIDE = np.arange(12).reshape(-1, 2)[:, ::-1].ravel()


@dataclass(frozen=True)
class _Sides:
    judged: I64
    mirrored: I64
    group: I64


@lru_cache(maxsize=64)
def _sides(skeleton_name: str) -> _Sides:
    skeleton = SKELETONS[skeleton_name]
    group = np.zeros(len(skeleton), np.int64)
    for i, name in enumerate(skeleton.keypoints):
        if any(word in name for word in ("elbow", "wrist", "hand", "pinky", "index", "thumb", "finger")):
            group[i] = 1
        if any(word in name for word in ("knee", "ankle", "heel", "toe", "foot")):
            group[i] = 2
    return _Sides(skeleton.indices(*JUDGED), skeleton.mirrored, group)


def sides_of(
    people: SmoothState, xy: F32, dt_s: F32, size: F32, options: SmoothOptions
) -> tuple[I64 | None, Bool | None]:
    """Which keypoint to take for each one, and which begin anew since a swap is now believed.

    A group is swapped when it leaves its course by more than limbs can, and with left and right exchanged stays on it.
    The course is kept up in `people`. At low frame rates limbs can go anywhere within a frame: nothing is repaired.

    Args:
        people: The N people, in the order of `xy`.
        xy: (N, K, 2) pixels as measured in this frame; NaN = not seen.
        dt_s: (N,) time since each person was last in sight.
        size: (N,) pixels.
        options: Of the stage.

    Returns:
        (N, K) index of the keypoint to take, None where all stay; (N, K) whether to begin anew, None for none.
    """
    sides = _sides(people.skeleton)
    now = xy.take(sides.judged, axis=1)
    dt = dt_s[:, None, None]
    predicted = people.course + people.course_rate * dt
    reach = size * (_NOISE + 0.5 * options.swap_acceleration * dt_s * dt_s)
    swapped = None
    off_course = _distance2(now, predicted)
    if any_of(off_course > (reach * reach)[:, None]):
        swapped = _swapped(now, predicted, people.value[:, sides.judged, :2], reach, off_course)
    take: I64 | None = None
    anew: Bool | None = None
    if swapped is None:
        people.swapped_s = np.zeros(people.swapped_s.shape, np.float32)
    else:
        swapped_s = np.where(swapped, people.swapped_s + dt_s[:, None], np.float32(0))
        believed = swapped_s > options.swap_s
        people.swapped_s = np.where(believed, np.float32(0), swapped_s)
        swapped &= ~believed
        anew = believed[:, sides.group]
        take = np.where(swapped[:, sides.group], sides.mirrored, np.arange(len(sides.mirrored)))
        now = np.where(np.repeat(swapped, 4, axis=1)[:, :, None], now[:, _OTHER_SIDE], now)
    rate = (now - people.course) / dt
    unknown = np.isnan(rate)
    if any_of(unknown):
        rate[unknown] = 0.0
    people.course_rate = rate
    people.course = now
    return take, anew


def _swapped(now: F32, predicted: F32, smoothed: F32, reach: F32, off_course: F32) -> Bool | None:
    """(N, 3) which groups are swapped; None where there is none. `reach` (N,) is as far as limbs leave their course.

    The course is quick but a single wrong frame bends it; the smoothed positions are slow but steady. Both must agree.
    Where the trunk turns over, all groups are judged as one: limbs are never left behind on the other side.
    """
    other = now[:, _OTHER_SIDE]
    squares = np.stack(
        (off_course, _distance2(other, predicted), _distance2(now, smoothed), _distance2(other, smoothed))
    )
    known = np.isfinite(squares.sum(axis=0))
    count = known.reshape(-1, 3, 4).sum(axis=2)
    totals = np.where(known, squares, 0).reshape(4, -1, 3, 4).sum(axis=3)
    limit = count * (reach * reach)[:, None]

    # A quarter of the squared distance is half the distance.
    turned = (totals[0, :, 0] > 0.25 * limit[:, 0]) & (totals[1, :, 0] < 0.25 * totals[0, :, 0])
    if turned.any():
        whole = turned[:, None]
        count = np.where(whole, count.sum(axis=1, keepdims=True), count)
        limit = np.where(whole, limit.sum(axis=1, keepdims=True), limit)
        totals = np.where(whole, totals.sum(axis=2, keepdims=True), totals)
    straight, exchanged, straight_smoothed, exchanged_smoothed = totals
    result: Bool = (
        (count >= 2)
        & (straight > limit)
        & (exchanged < np.minimum(0.25 * straight, limit))
        & (exchanged_smoothed < 0.25 * straight_smoothed)
    )
    return result if result.any() else None


def _distance2(a: F32, b: F32) -> F32:
    difference = a - b
    result: F32 = np.einsum("njd,njd->nj", difference, difference)
    return result
