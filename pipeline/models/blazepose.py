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

_ANCHOR_PIECES = (1568, 392, 294)

_AROUND = np.mgrid[-3:4, -3:4][::-1].reshape(2, -1).T
"""(49, 2) column and row of each cell of a window, from its middle."""
_MOMENTS = np.stack((*_AROUND.T, np.ones(len(_AROUND)))).astype(np.float32)


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
        seen = _sigmoid(values[:, :_BODY, 3:]).prod(axis=2)
        return Estimated(
            keypoints=points[:, :_BODY],
            keypoint_score=seen,
            world=world.reshape(-1, _ALL, 3)[:, :_BODY],
            score=np.minimum(np.maximum(score[:, 0], np.float32(0.0)), np.float32(1.0)),
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
    people, cells, joints = len(points), heatmaps.shape[1], heatmaps.shape[3]
    place = np.floor(points * (cells / size)).astype(np.int64)
    cell = place[:, :, None] + _AROUND
    within = np.logical_and.reduce((cell >= 0) & (cell < cells), axis=3)
    at = (cell[..., 1] * cells + cell[..., 0]) * joints + np.arange(joints)[:, None]
    at += np.arange(people)[:, None, None] * (cells * cells * joints)
    # What lies beyond the edge reads a cell elsewhere, and counts for nothing.
    weight = _sigmoid(heatmaps.take(at, mode="clip")) * within
    sure = within[:, :, len(_AROUND) // 2] & (np.maximum.reduce(weight, axis=2) >= 0.5)
    # A product of matrices would not give the same bits for one person and for many.
    moments = np.add.reduce(weight[sure][:, None] * _MOMENTS, axis=2)
    refined = points.copy()
    refined[sure] = (place[sure] + moments[:, :2] / moments[:, 2:]) * (size / cells)
    return refined


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
    one = np.float32(1.0)
    result: F32 = one / (one + np.exp(np.minimum(-logits, np.float32(80.0))))
    return result
