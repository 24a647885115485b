"""Boxes of detectors: one of each person, and the square to look at for keypoints."""

from __future__ import annotations

import numpy as np

from pipeline.core.boxes import iou
from pipeline.core.perception import Found
from pipeline.core.regions import keep_distinct
from pipeline.core.types import F32, Floats

BOX_SCALE = 1.25
"""Boxes are enlarged so much for pose models (COCO top-down training: mmpose, PaddleDetection)."""

MOST = 300
"""Boxes that are compared with each other; of more the best. mmdet and ultralytics keep as many at most."""


def regions_of_boxes(xyxy: Floats) -> F32:
    """(N, 4) squares about the middle of each (N, 4) box, 1.25 times as long as its longer side, not turned.

    A box does not tell where the hips are: they are near its middle when the whole body is in it. Nor does it tell
    which way is up: in the next frame the region follows from the keypoints.
    """
    centre = (xyxy[:, :2] + xyxy[:, 2:]) / 2
    side = np.float32(BOX_SCALE) * (xyxy[:, 2:] - xyxy[:, :2]).max(axis=1, initial=0.0)
    return np.column_stack((centre, side, np.zeros(len(xyxy)))).astype(np.float32)


def found_of_boxes(xyxy: Floats, score: F32, *, min_score: float, max_iou: float = 1.0) -> Found:
    """The people of one picture, best first, each once.

    Args:
        xyxy: (N, 4) pixels.
        score: (N,).
        min_score: What scores lower is left out.
        max_iou: What overlaps with a better one more than this is the same; 1 where the network has done that itself.
    """
    sound = (score >= min_score) & np.isfinite(xyxy).all(axis=1) & (xyxy[:, 2:] > xyxy[:, :2]).all(axis=1)
    passed = np.flatnonzero(sound)
    passed = passed[np.argsort(-score[passed], kind="stable")][:MOST]
    xyxy, score = xyxy[passed].astype(np.float32), np.clip(score[passed], 0.0, 1.0).astype(np.float32)
    if max_iou < 1.0 and len(xyxy):
        kept = keep_distinct(iou(xyxy, xyxy) > max_iou, score)
        xyxy, score = xyxy[kept], score[kept]
    return Found(xyxy=xyxy, score=score, region=regions_of_boxes(xyxy))
