"""BlazePose (Bazarevsky et al., 2020): the person detector and the 33 keypoints, files out of the mediapipe wheel."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path

import cv2
import numpy as np

from pipeline.core.perception import Estimated, Found
from pipeline.core.regions import regions_of_axes
from pipeline.core.types import F32, I64, U8
from pipeline.models.litert import LiteRtModel, Output

REGION_SCALE = 1.25
"""The square is this much larger than the circle about the body (pose_detection_to_roi, pose_landmarks_to_roi)."""

_BODY, _ALL = 33, 39
_HIPS, _REACH = 33, 34
"""Auxiliary keypoints behind the 33: middle of the hips, and a point on the circle about the body."""

_STRIDES = (8, 16, 32, 32, 32)
_ANCHOR_PIECES = (1568, 392, 294)


class BlazePoseDetector:
    """Finds people by face and shoulders; best when a person is between a quarter and all of the picture's height.

    Args:
        path: pose_detection.tflite.
        min_score: What scores lower is not a person; 0.5 is the model card's.
        threads: Threads of one inference.
    """

    size = 224

    def __init__(self, path: Path, *, min_score: float = 0.5, threads: int = 1) -> None:
        outputs = (Output(0, (2254, 12), _ANCHOR_PIECES), Output(1, (2254, 1), _ANCHOR_PIECES))
        self._model = LiteRtModel(path, size=self.size, outputs=outputs, threads=threads)
        # The logit of min_score, so that only what passes is put through the sigmoid.
        self._min_logit = float(np.log(min_score / (1.0 - min_score)))

    def detect(self, pictures: U8) -> Sequence[Found]:
        """See `PersonDetector.detect`."""
        raw, logits = self._model.run(_rgb_floats(pictures, scale=2.0 / 255.0, offset=-1.0))
        return [self._decode(raw[i], logits[i, :, 0]) for i in range(len(pictures))]

    def _decode(self, raw: F32, logits: F32) -> Found:
        passed = np.flatnonzero(logits >= self._min_logit)
        order = passed[np.argsort(-logits[passed], kind="stable")]
        score = _sigmoid(logits[order])
        # Columns: box centre, box size, then four keypoints; all but the size relative to the anchor.
        values = raw[order].reshape(-1, 6, 2).astype(np.float32)
        values[:, [0, 2, 3, 4, 5]] += _anchors(self.size)[order, None]
        corners = np.concatenate((values[:, 0] - values[:, 1] / 2, values[:, 0] + values[:, 1] / 2), axis=1)
        table: F32 = np.concatenate((corners, values[:, 2], values[:, 3]), axis=1)
        merged, best = _weighted_nms(table, score, min_iou=0.3)
        return Found(
            xyxy=merged[:, :4],
            score=score[best],
            region=regions_of_axes(merged[:, 4:6], merged[:, 6:8], REGION_SCALE),
        )


class BlazePoseEstimator:
    """33 keypoints with depth and world metres of the person that a crop is centred on.

    Args:
        path: pose_landmark_full.tflite.
        threads: Threads of one inference.
    """

    size = 256
    skeleton = "blazepose33"

    def __init__(self, path: Path, *, threads: int = 1) -> None:
        outputs = (Output(0, (_ALL * 5,)), Output(1, (1,)), Output(4, (_ALL * 3,)), Output(3, (64, 64, _ALL)))
        self._model = LiteRtModel(path, size=self.size, outputs=outputs, threads=threads)

    def estimate(self, crops: U8) -> Estimated:
        """See `PoseEstimator.estimate`."""
        flat, score, world, heatmaps = self._model.run(_rgb_floats(crops, scale=1.0 / 255.0, offset=0.0))
        values = flat.reshape(-1, _ALL, 5)
        points = values[:, :, :3].copy()
        points[:, :, :2] = _refined(points[:, :, :2], heatmaps, self.size)
        # Visible = not hidden by something, present = inside the crop: to be seen, a keypoint has to be both.
        seen = _sigmoid(values[:, :_BODY, 3]) * _sigmoid(values[:, :_BODY, 4])
        return Estimated(
            keypoints=points[:, :_BODY],
            keypoint_score=seen,
            world=world.reshape(-1, _ALL, 3)[:, :_BODY],
            score=np.clip(score[:, 0], 0.0, 1.0),
            region=regions_of_axes(points[:, _HIPS, :2], points[:, _REACH, :2], REGION_SCALE),
        )


@cache
def _anchors(size: int) -> F32:
    """(2254, 2) centres in pixels: two a cell and stride, row by row; the three strides of 32 share their cells."""
    centres = []
    for stride, repeat in ((8, 2), (16, 2), (32, 6)):
        cells = size // stride
        y, x = np.mgrid[:cells, :cells].reshape(2, -1)
        centres.append(np.repeat(np.column_stack((x, y)) * stride + stride / 2, repeat, axis=0))
    return np.concatenate(centres).astype(np.float32)


def _weighted_nms(table: F32, score: F32, min_iou: float) -> tuple[F32, I64]:
    """Weighted non-maximum suppression (BlazeFace, Bazarevsky et al., 2019): the rest is averaged into the best.

    Args:
        table: (N, C) with corners in the first four columns, best score first.
        score: (N,) weights of the average.
        min_iou: What overlaps more is the same.

    Returns:
        The (M, C) averages and the index of the best of each.
    """
    left = np.arange(len(table))
    merged, best = [], []
    while len(left):
        top = left[0]
        same = _iou(table[top], table[left]) > min_iou
        same[0] = True
        group, weight = left[same], score[left[same]]
        merged.append((table[group] * weight[:, None]).sum(axis=0) / weight.sum())
        best.append(top)
        left = left[~same]
    return np.array(merged, dtype=np.float32).reshape(-1, table.shape[1]), np.array(best, dtype=np.int64)


def _iou(box: F32, boxes: F32) -> F32:
    low, high = np.maximum(box[:2], boxes[:, :2]), np.minimum(box[2:4], boxes[:, 2:4])
    shared = np.clip(high - low, 0.0, None).prod(axis=1)
    area = (boxes[:, 2:4] - boxes[:, :2]).prod(axis=1)
    own = (box[2:4] - box[:2]).prod()
    result: F32 = shared / np.maximum(own + area - shared, 1e-6)
    return result


def _refined(points: F32, heatmaps: F32, size: int) -> F32:
    """(N, J, 2) keypoints moved to the centre of mass of their heatmap around them, where the heatmap is sure.

    As mediapipe's RefineLandmarksFromHeatmap: a window of 7 x 7 cells, refined where its peak reaches 0.5.
    """
    people, cells = len(points), heatmaps.shape[1]
    column = np.floor(points[:, :, 0] * (cells / size)).astype(np.int64)
    row = np.floor(points[:, :, 1] * (cells / size)).astype(np.int64)
    inside = (column >= 0) & (column < cells) & (row >= 0) & (row < cells)
    offset = np.arange(-3, 4)
    columns = column[:, :, None, None] + offset[None, None, None, :]
    rows = row[:, :, None, None] + offset[None, None, :, None]
    valid = (columns >= 0) & (columns < cells) & (rows >= 0) & (rows < cells)
    logits = heatmaps[
        np.arange(people)[:, None, None, None],
        np.clip(rows, 0, cells - 1),
        np.clip(columns, 0, cells - 1),
        np.arange(points.shape[1])[None, :, None, None],
    ]
    weight = np.where(valid, _sigmoid(logits), np.float32(0.0))
    total = np.maximum(weight.sum(axis=(2, 3)), np.float32(1e-6))
    x = (weight * columns).sum(axis=(2, 3)) / total
    y = (weight * rows).sum(axis=(2, 3)) / total
    sure = inside & (weight.max(axis=(2, 3)) >= 0.5)
    centre = np.stack((x, y), axis=-1) * (size / cells)
    return np.where(sure[:, :, None], centre, points).astype(np.float32)


def _rgb_floats(pictures: U8, scale: float, offset: float) -> F32:
    """(N, S, S, 3) uint8 BGR as float32 RGB, scaled."""
    count, height, width, _ = pictures.shape
    if not count:
        return np.zeros(pictures.shape, dtype=np.float32)
    rgb = cv2.cvtColor(np.ascontiguousarray(pictures).reshape(count * height, width, 3), cv2.COLOR_BGR2RGB)
    values: F32 = rgb.astype(np.float32)
    values *= np.float32(scale)
    if offset:
        values += np.float32(offset)
    return values.reshape(pictures.shape)


def _sigmoid(logits: F32) -> F32:
    result: F32 = (1.0 / (1.0 + np.exp(-np.clip(logits, -80.0, 80.0)))).astype(np.float32)
    return result
