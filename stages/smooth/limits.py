"""Joints that are bent farther than a body allows, and the keypoints that are to blame."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from pipeline.core.masks import any_of
from pipeline.core.skeletons import SKELETONS
from pipeline.core.types import F32, I64, Bool

_MOST_FLEXED = {("shoulder", "elbow", "wrist"): 160.0, ("hip", "knee", "ankle"): 165.0}
"""Greatest flexion in degrees, 0 = straight: flesh lies against flesh at about 160 when another person bends the joint;
by themselves people reach 140 to 150. The knee's 5 more are an allowance: keypoints do not lie in a joint's axis."""

_JOINTS = tuple(
    (tuple(f"{side}_{name}" for name in names), flexion)
    for names, flexion in _MOST_FLEXED.items()
    for side in ("left", "right")
)
# The angle between two bones is 180 degrees less the flexion.
_MOST_COSINE = np.array([-np.cos(np.radians(flexion)) for _, flexion in _JOINTS], np.float32)


def bent_too_far(world: F32, skeleton: str) -> Bool | None:
    """(N, K) keypoints at the far end of joints of `world` (N, K, 3) that are bent too far; None where there is none.

    In metres only: on the picture a joint may look bent by any angle.
    """
    if not world.shape[1]:
        return None
    ends = _ends(skeleton)
    taken = world.take(ends, axis=1)
    bones = taken[:, ::2] - taken[:, 1:2]
    squares = np.einsum("nbjd,nbjd->nbj", bones, bones)
    lengths = np.sqrt(squares[:, 0] * squares[:, 1])
    too_far = np.einsum("njd,njd->nj", bones[:, 0], bones[:, 1]) > lengths * _MOST_COSINE
    if not any_of(too_far):
        return None
    blamed = np.zeros(world.shape[:2], np.bool_)
    blamed[:, ends[2]] = too_far
    return blamed


@lru_cache(maxsize=64)
def _ends(skeleton: str) -> I64:
    """(3, J) keypoints before, at and behind each joint."""
    known = SKELETONS[skeleton]
    return np.stack([known.indices(*names) for names, _ in _JOINTS], axis=1)
