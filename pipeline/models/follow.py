"""Where a person whose keypoints are known is to be looked for in the next frame."""

from __future__ import annotations

import numpy as np

from pipeline.core.skeletons import Skeleton
from pipeline.core.types import F32, Bool

SEEN = 0.3
"""Keypoints with a lower score do not count (mmpose's demos: kpt_thr)."""

TORSO_REACH = 1.9
BODY_SCALE = 1.25
TURN_FROM = np.pi / 3
"""Radians from upright. Half way between two turns of a right angle would be 45 degrees; with 60 a body that is once
turned stays so while it moves about that angle."""

FALLBACK_SCALE = 1.4
"""From eyes to ankles are 0.9 of a body's height (Drillis and Contini, 1966); 1.25 times the height is the region."""


def next_regions(points: F32, score: F32, size: int, skeleton: Skeleton, *, aspect: float = 1.0) -> F32:
    """(N, 4) squares in pixels of the crop, as in `Estimated.region`.

    With a hip and a shoulder seen, as MoveNet's own rule (determine_crop_region): about the middle of the hips, half a
    side `TORSO_REACH` times the reach of the torso and at least `BODY_SCALE` times the reach of all that is seen. By
    the torso alone legs that come out from behind a table are in the picture before they are seen. Without them the
    region goes to the middle of what is seen, and grows to hold it but does not shrink. Someone who lies is turned
    upright by right angles, for the models have learnt from people who stand; with no keypoint seen nothing changes.

    Args:
        points: (N, K, 2) pixels of the crop.
        score: (N, K).
        size: Side of the crop.
        skeleton: Names of the keypoints.
        aspect: Height of the model's picture over its width: a crop is cut to its middle.
    """
    points, known = points.astype(np.float64), score >= SEEN
    hips, hips_seen = _middle(points, known, skeleton, "hip")
    shoulders, shoulders_seen = _middle(points, known, skeleton, "shoulder")
    torso = hips_seen & shoulders_seen
    box_centre, box_size = _box(points, known, size)
    up = shoulders - _feet(points, known, skeleton, hips)
    turn = np.where(torso, _quarter_turns(up), 0.0)

    centre = np.where(torso[:, None], hips, box_centre)
    # Across and along the body, as the next crop will have them.
    quarter = np.abs(np.sin(turn))[:, None] > 0.5
    away = np.where(known[:, :, None], np.abs(points - centre[:, None]), 0.0).max(axis=1)
    away = np.where(quarter, away[:, ::-1], away)
    reach = np.maximum(away[:, 0] * aspect, away[:, 1])
    torso_reach = np.abs(shoulders - hips).max(axis=1)
    by_torso = 2.0 * np.maximum(TORSO_REACH * torso_reach, BODY_SCALE * reach)
    by_box = np.maximum(FALLBACK_SCALE * np.maximum(box_size[:, 0] * aspect, box_size[:, 1]), size)
    side = np.where(torso, by_torso, by_box)
    return np.column_stack((centre, side, turn)).astype(np.float32)


def _middle(points: F32, known: Bool, skeleton: Skeleton, part: str) -> tuple[F32, Bool]:
    """(N, 2) middle of the left and right one, or the seen one of them, and (N,) whether there is one."""
    pair = skeleton.indices(f"left_{part}", f"right_{part}")
    weight = known[:, pair].astype(np.float64)
    total = weight.sum(axis=1)
    middle = (points[:, pair] * weight[:, :, None]).sum(axis=1) / np.maximum(total, 1.0)[:, None]
    return middle, total > 0


def _feet(points: F32, known: Bool, skeleton: Skeleton, hips: F32) -> F32:
    """(N, 2) the lower end of what is seen of a body: ankles, else knees, else hips."""
    end = hips
    for part in ("knee", "ankle"):
        middle, there = _middle(points, known, skeleton, part)
        end = np.where(there[:, None], middle, end)
    return end


def _box(points: F32, known: Bool, size: int) -> tuple[F32, F32]:
    """(N, 2) middle and size of the box around what is seen; the middle of the crop and 0 where nothing is."""
    low = np.where(known[:, :, None], points, np.inf).min(axis=1)
    high = np.where(known[:, :, None], points, -np.inf).max(axis=1)
    none = ~known.any(axis=1)
    low[none] = high[none] = size / 2
    return (low + high) / 2, high - low


def _quarter_turns(up: F32) -> F32:
    """(N,) radians, multiples of a right angle: the turn after which `up` is within 45 degrees of upright; 0 where it
    is less than `TURN_FROM` from it already.
    """
    tilt = np.arctan2(up[:, 0], -up[:, 1])
    quarters = np.round(tilt / (np.pi / 2)) * (np.pi / 2)
    return np.where(np.abs(tilt) < TURN_FROM, 0.0, quarters)
