"""Keypoints of one skeleton as those of another: what both have is copied, what follows from it is computed."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from pipeline.core.skeletons import SKELETONS, Skeleton
from pipeline.core.types import F32, I64, Bool

_DERIVED: dict[str, tuple[str, ...]] = {
    "neck": ("left_shoulder", "right_shoulder"),
    "mid_hip": ("left_hip", "right_hip"),
}
"""For a keypoint that the source lacks: the one whose place it takes, or the two whose middle it is."""

for _side in ("left", "right"):
    _DERIVED |= {
        # The tip of the foot: BlazePose marks one point where the others mark the big and the small toe.
        f"{_side}_foot_index": (f"{_side}_big_toe",),
        f"{_side}_big_toe": (f"{_side}_foot_index",),
        # BlazePose marks the first knuckle of little and index finger and the second of the thumb.
        f"{_side}_pinky": (f"{_side}_pinky_finger_1",),
        f"{_side}_index": (f"{_side}_forefinger_1",),
        f"{_side}_thumb": (f"{_side}_thumb_3",),
        f"{_side}_pinky_finger_1": (f"{_side}_pinky",),
        f"{_side}_forefinger_1": (f"{_side}_index",),
        f"{_side}_thumb_3": (f"{_side}_thumb",),
        f"{_side}_hand_root": (f"{_side}_wrist",),
    }


def convert(keypoints: F32, keypoint_score: F32, source: Skeleton, target: Skeleton) -> tuple[F32, F32]:
    """Keypoints and scores in the order of `target`.

    A keypoint that both skeletons name is copied. The neck (middle of the shoulders), the middle of the hips, toes and
    knuckles are computed, with the lowest score of what they come from. The others are NaN with score 0.

    Args:
        keypoints: (N, K, D) float32 in any frame of reference; positions in the picture or world metres alike.
        keypoint_score: (N, K) float32.
        source: What the arrays are.
        target: What they become.

    Returns:
        (N, K', D) float32 and (N, K') float32.
    """
    if source.name == target.name:
        return keypoints, keypoint_score
    first, second, known = _plan(source.name, target.name)
    half = np.float32(0.5)
    converted: F32 = keypoints[:, first] * half + keypoints[:, second] * half
    score: F32 = np.minimum(keypoint_score[:, first], keypoint_score[:, second])
    converted[:, ~known] = np.nan
    score[:, ~known] = 0.0
    return converted, score


@lru_cache(maxsize=64)
def _plan(source_name: str, target_name: str) -> tuple[I64, I64, Bool]:
    """For each keypoint of the target its two parents, and whether it has any; a copied one is its own parent twice."""
    source, target = SKELETONS[source_name], SKELETONS[target_name]
    parents = np.zeros((2, len(target)), dtype=np.int64)
    known = np.zeros(len(target), dtype=np.bool_)
    for i, name in enumerate(target.keypoints):
        names = (name,) if name in source.index else _DERIVED.get(name, ())
        if names and all(parent in source.index for parent in names):
            parents[:, i] = source.index[names[0]], source.index[names[-1]]
            known[i] = True
    return parents[0], parents[1], known
