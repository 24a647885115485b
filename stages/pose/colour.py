"""The colours of people's clothes, by which someone who comes back is known again."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from pipeline.core.keypoints import seen
from pipeline.core.skeletons import Skeleton
from pipeline.core.types import F32, U8

SEEN_SCORE = 0.5
"""Keypoints with a lower score are as likely hidden as not, and so are the clothes between them."""

_CORNERS = ("left_shoulder", "right_shoulder", "right_hip", "left_hip", "left_knee", "right_knee")
_PARTS = ((0, 1, 2, 3), (3, 4), (2, 5))  # the trunk, the left thigh, the right thigh


_CHEST = 0.4
"""Share of the trunk, from the shoulders down, that is seen when the shoulders are."""


def _samples() -> tuple[F32, F32]:
    """(P, 6) weights of the corners for each place that is looked at, and (P, 6) which of the corners must be seen.

    They lie well within the clothes: keypoints of BlazePose are off by 2 to 4 cm, a trunk is 35 cm wide and a thigh 15.
    The chest is where the shoulders are, also of someone behind a desk whose hips the model guesses.
    """
    across, down = np.meshgrid(np.linspace(0.2, 0.8, 7), np.linspace(0.12, 0.78, 12))
    trunk = np.stack(((1 - across) * (1 - down), across * (1 - down), across * down, (1 - across) * down), axis=-1)
    trunk = trunk.reshape(-1, 4)
    # Down to where short trousers end.
    along = np.linspace(0.2, 0.65, 20)
    thigh = np.stack((1 - along, along), axis=-1)
    weights = np.zeros((len(trunk) + 2 * len(thigh), len(_CORNERS)), dtype=np.float32)
    weights[: len(trunk), _PARTS[0]] = trunk
    weights[len(trunk) : -len(thigh), _PARTS[1]] = thigh
    weights[-len(thigh) :, _PARTS[2]] = thigh
    needed = (weights > 0).astype(np.float32)
    chest = np.flatnonzero(down.ravel() < _CHEST)
    needed[chest[:, None], [2, 3]] = 0  # the hips
    return weights, needed


_WEIGHTS, _NEEDED = _samples()
_STARTS, _SIZES = np.array([0, 84]), np.array([84, 40])
"""Of the samples of the upper body, and of those of the legs behind them."""


def clothes(pictures: Sequence[U8], keypoints: F32, keypoint_score: F32, skeleton: Skeleton) -> F32:
    """(N, 2, 6) colours of the upper body and of the legs: mean L*, a*, b* (CIE 1976) and their standard deviations.

    NaN for what is not seen: the trunk without both shoulders, of which only the chest is taken where a hip is hidden;
    the legs without hip and knee of one of them.

    Args:
        pictures: N crops, (S, S, 3) uint8 BGR.
        keypoints: (N, K, >=2) float32, pixels of the crops.
        keypoint_score: (N, K) float32, 0 for those outside the frame, where the crop has nothing to show.
        skeleton: Of the keypoints.
    """
    if not len(pictures):
        return np.empty((0, 2, 6), dtype=np.float32)
    corners = skeleton.indices(*_CORNERS)
    corner = keypoints[:, corners, :2]
    known = seen(corner, keypoint_score[:, corners], SEEN_SCORE)
    places = np.matmul(_WEIGHTS, np.where(np.isfinite(corner), corner, np.float32(-1e6)))
    size = np.array(pictures[0].shape[1::-1], dtype=np.float32)
    column, row = np.minimum(np.maximum(places, 0), size - 1).astype(np.int64).transpose(2, 0, 1)
    hidden = (~known).astype(np.float32) @ _NEEDED.T
    inside = (places >= 0) & (places < size)
    counted = (hidden == 0) & inside[:, :, 0] & inside[:, :, 1]
    bgr = np.stack([picture[row[i], column[i]] for i, picture in enumerate(pictures)])
    lab = cv2.cvtColor(bgr.astype(np.float32) * np.float32(1 / 255), cv2.COLOR_BGR2LAB)
    weight = counted.astype(np.float32)[:, :, None]
    count = np.add.reduceat(weight, _STARTS, axis=1)
    share: F32 = weight / np.maximum(count, 1).repeat(_SIZES, axis=1)
    mean = np.add.reduceat(lab * share, _STARTS, axis=1)
    apart = lab - mean.repeat(_SIZES, axis=1)
    spread = np.sqrt(np.add.reduceat(apart * apart * share, _STARTS, axis=1))
    found: F32 = np.concatenate((mean, spread), axis=2)
    found[count[:, :, 0] == 0] = np.nan
    return found
