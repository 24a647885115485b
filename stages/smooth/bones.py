"""Bones that are longer than a body allows, and the keypoints that are to blame."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from pipeline.core.keypoints import bone_lengths
from pipeline.core.masks import any_of
from pipeline.core.skeletons import SKELETONS
from pipeline.core.types import F32, I64, Bool

_SHARES = {
    ("shoulder", "elbow"): 0.186,
    ("elbow", "wrist"): 0.146,
    ("hip", "knee"): 0.245,
    ("knee", "ankle"): 0.246,
    ("shoulder", "hip"): 0.288,
}
"""Length of each bone over the standing height (Drillis and Contini, 1966, in Winter, Biomechanics)."""

_ACROSS = {("left_shoulder", "right_shoulder"): 0.259, ("left_hip", "right_hip"): 0.191}

_BONES = (
    *((f"{side}_{a}", f"{side}_{b}", share) for (a, b), share in _SHARES.items() for side in ("left", "right")),
    *((a, b, share) for (a, b), share in _ACROSS.items()),
)
_SHARE = np.array([share for _, _, share in _BONES], np.float32)

# The learned stature follows a longer look within half a second, a shorter one (foreshortened, bent) within five.
_GROW_S, _SHRINK_S = np.array(0.5, np.float32), np.array(5.0, np.float32)
_LEAST_BONES = 4


def learned_stature(stature: F32, statures: F32, dt_s: F32) -> tuple[F32, F32]:
    """The stature as learned, and as it looks in this frame.

    In the picture bones look shorter than they are, seldom longer; so the frame's stature is the upper quartile of what
    its bones (N, B) suggest. A few wrong keypoints do not reach it. NaN where fewer than four bones are seen.
    """
    current = _upper_quartile(statures)
    unknown = np.isnan(stature)
    known = np.where(unknown, current, stature) if any_of(unknown) else stature
    pace = np.where(current > known, _GROW_S, _SHRINK_S)
    learned = known + (current - known) * -np.expm1(-dt_s / pace)
    unseen = np.isnan(current)
    return np.where(unseen, known, learned) if any_of(unseen) else learned, current


def _upper_quartile(statures: F32) -> F32:
    """(N,) of the bones (N, B) that are seen; NaN where fewer than four are."""
    ordered = statures.copy()
    ordered.sort(axis=1)  # NaN last
    unseen = np.isnan(statures)
    if not any_of(unseen):
        return ordered[:, (3 * (statures.shape[1] - 1)) // 4]
    count = statures.shape[1] - unseen.sum(axis=1)
    place = np.maximum((3 * (count - 1)) // 4, 0)
    current: F32 = ordered[np.arange(len(ordered)), place]
    current[count < _LEAST_BONES] = np.nan
    return current


def suggested_statures(xy: F32, skeleton: str) -> F32:
    """(N, B) stature in pixels that the length of each bone of `xy` (N, K, 2) suggests; NaN where an end is NaN."""
    result: F32 = bone_lengths(xy, _ends(skeleton)) / _SHARE
    return result


def to_blame(impossible: Bool, skeleton: str) -> Bool:
    """(N, K) keypoints to blame for the impossible bones (N, B).

    One at which two impossible bones meet is to blame for both; of a single one it is the end farther from the trunk.
    """
    touches, far_end = _incidence(skeleton)
    blamed = impossible.astype(np.int64) @ touches >= 2
    explained = (blamed[:, None, :] & (touches[None] > 0)).any(axis=2)
    blamed |= (impossible & ~explained).astype(np.int64) @ far_end > 0
    result: Bool = blamed
    return result


@lru_cache(maxsize=64)
def _ends(skeleton: str) -> I64:
    known = SKELETONS[skeleton]
    return np.stack([known.indices(a, b) for a, b, _ in _BONES])


@lru_cache(maxsize=64)
def _incidence(skeleton: str) -> tuple[I64, I64]:
    """(B, K) ends of each bone, and its end farther from the trunk."""
    ends = _ends(skeleton)
    touches = np.zeros((len(ends), len(SKELETONS[skeleton])), np.int64)
    far_end = touches.copy()
    rows = np.arange(len(ends))
    touches[rows[:, None], ends] = 1
    far_end[rows, ends[:, 1]] = 1
    return touches, far_end
