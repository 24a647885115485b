"""From pixels of the crops back to the frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.core.perception import Estimated
from pipeline.core.regions import points_to_frame, regions_to_frame, to_frame_matrices
from pipeline.core.types import F32, Bool


@dataclass(frozen=True, slots=True, eq=False)
class InFrame:
    """What was found in N regions of one frame, as in `Poses`, and where to look next.

    Attributes:
        certainty: (N,) float32, mean score of the keypoints within the frame.
        next_region: (N, 4) float32, in pixels of the frame.
        valid: (N,) whether something of the person lies in the frame.
    """

    xyxy: F32
    score: F32
    keypoints: F32
    keypoint_score: F32
    world: F32
    certainty: F32
    next_region: F32
    valid: Bool


def gathered(rows: Sequence[tuple[Estimated, int]], keypoints: int) -> Estimated:
    """The chosen rows of batches as one, in their order."""
    if not rows:
        return Estimated(
            keypoints=np.zeros((0, keypoints, 3), dtype=np.float32),
            keypoint_score=np.zeros((0, keypoints), dtype=np.float32),
            world=np.zeros((0, 0, 3), dtype=np.float32),
            score=np.zeros(0, dtype=np.float32),
            region=np.zeros((0, 4), dtype=np.float32),
        )
    first = rows[0][0]
    if len(rows) == len(first.score) and all(batch is first and row == i for i, (batch, row) in enumerate(rows)):
        return first
    return Estimated(
        keypoints=np.stack([batch.keypoints[row] for batch, row in rows]),
        keypoint_score=np.stack([batch.keypoint_score[row] for batch, row in rows]),
        world=np.stack([batch.world[row] for batch, row in rows]),
        score=np.array([batch.score[row] for batch, row in rows], dtype=np.float32),
        region=np.stack([batch.region[row] for batch, row in rows]),
    )


def to_frame(estimated: Estimated, regions: F32, size: int, width: int, height: int) -> InFrame:
    """What was found in the crops of `regions`, in pixels of the frame.

    Depth grows with the crop; world metres turn back with the region's rotation. A keypoint outside the frame keeps
    its place and scores 0, as no pixel speaks for it. The box goes around all keypoints and ends at the frame.
    """
    matrices = to_frame_matrices(regions, size)
    points = points_to_frame(estimated.keypoints[:, :, :2], matrices)
    z = estimated.keypoints[:, :, 2] * (regions[:, 2] / np.float32(size))[:, None]
    next_region = regions_to_frame(estimated.region, regions, size, matrices)
    edge = np.array([width, height], dtype=np.float32)
    inside = ((points >= 0) & (points <= edge)).all(axis=2)
    box = box_in_frame(points, width, height)
    score = np.where(inside, estimated.keypoint_score, np.float32(0))
    return InFrame(
        xyxy=box,
        score=estimated.score,
        keypoints=np.concatenate((points, z[:, :, None]), axis=2, dtype=np.float32),
        keypoint_score=score,
        world=_turned(estimated.world, regions[:, 3]),
        certainty=(score.sum(axis=1) / np.maximum(inside.sum(axis=1), 1)).astype(np.float32),
        next_region=next_region,
        valid=np.asarray((box[:, 2:] - box[:, :2] > 1.0).all(axis=1) & np.isfinite(next_region).all(axis=1)),
    )


def box_in_frame(points: F32, width: int, height: int) -> F32:
    """(N, 4) boxes around the (N, K, 2) points, ending at the frame."""
    edge = np.array([width, height], dtype=np.float32)
    box = np.empty((len(points), 4), np.float32)
    np.minimum.reduce(points, axis=1, out=box[:, :2])
    np.maximum.reduce(points, axis=1, out=box[:, 2:])
    corners = box.reshape(-1, 2, 2)
    np.minimum(np.maximum(corners, 0, out=corners), edge, out=corners)
    return box


def _turned(world: F32, rotation: F32) -> F32:
    cos, sin = np.cos(rotation)[:, None], np.sin(rotation)[:, None]
    x, y, z = world[:, :, 0], world[:, :, 1], world[:, :, 2]
    turned = np.empty(world.shape, np.float32)
    turned[:, :, 0] = x * cos - y * sin
    turned[:, :, 1] = x * sin + y * cos
    turned[:, :, 2] = z
    return turned
